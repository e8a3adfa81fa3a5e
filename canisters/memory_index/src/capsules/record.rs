//! The stored record of a capsule.

use crate::capacity::Held;
use crate::ids::CapsuleId;
use candid::{CandidType, Principal};
use canister_common::candid_record;
use capsule_shared::capsule::{Capsule, ControllerState, OwnerState, PersonRef};
use serde::Deserialize;

/// A capsule, version 1. Its id is its key. Times are nanoseconds since 1970. The optional fields
/// came after release 0.1.0.
///
/// `memories::record::MemoryRecord` says how to add a field. [`PersonRef`] is stored as it is: the
/// frozen interface takes and returns it, so it can't change.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq)]
pub struct CapsuleRecord {
    pub subject: PersonRef,
    pub owners: Vec<(PersonRef, StoredOwner)>,
    pub controllers: Vec<(PersonRef, StoredController)>,
    pub created_at: u64,
    pub updated_at: u64,
    /// Bytes of all its memories. Each change updates it.
    pub stored_bytes: u64,
    /// How many memories it has, the trash included. Each change updates it.
    pub memory_count: u64,
    /// How many of them are in the trash; `None` is 0.
    pub trash_count: Option<u64>,
    /// Bytes of the metadata of its memories, as Candid; `None` is 0. Memories that release 0.1.0
    /// committed don't count.
    pub metadata_bytes: Option<u64>,
}

candid_record!(CapsuleRecord, version = 1);

/// The stored twin of [`OwnerState`], which may get fields.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq)]
pub struct StoredOwner {
    pub since: u64,
    pub last_activity_at: u64,
}

/// The stored twin of [`ControllerState`], which may get fields.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq)]
pub struct StoredController {
    pub granted_at: u64,
    pub granted_by: PersonRef,
}

impl CapsuleRecord {
    pub fn is_owner(&self, who: Principal) -> bool {
        let who = PersonRef::Principal(who);
        self.owners.iter().any(|(owner, _)| *owner == who)
    }

    /// Whether `who` is a capsule controller.
    pub fn is_controller(&self, who: Principal) -> bool {
        let who = PersonRef::Principal(who);
        self.controllers.iter().any(|(person, _)| *person == who)
    }

    /// Owners and capsule controllers may read and write. Being the subject gives no right.
    pub fn has_right(&self, who: Principal) -> bool {
        self.is_owner(who) || self.is_controller(who)
    }

    /// How many memories its members see.
    pub fn listed_count(&self) -> u64 {
        self.memory_count
            .saturating_sub(self.trash_count.unwrap_or(0))
    }

    /// Counts a memory that is now in the trash or taken down, if it `is`.
    pub fn count_trash(&mut self, is: bool) {
        let count = self.trash_count.unwrap_or(0);
        self.trash_count = Some(count + u64::from(is));
    }

    /// Takes back what `count_trash` counted, if the memory `was` there.
    pub fn uncount_trash(&mut self, was: bool) {
        let counted = self.trash_count;
        self.trash_count = counted.map(|count| count.saturating_sub(u64::from(was)));
    }

    pub fn held(&self) -> Held {
        Held {
            memories: self.memory_count,
            metadata: self.metadata_bytes.unwrap_or(0),
        }
    }

    /// Notes that `who` changed something in the capsule.
    pub fn touch(&mut self, who: Principal, now: u64) {
        self.updated_at = now;
        let who = PersonRef::Principal(who);
        for (owner, state) in &mut self.owners {
            if *owner == who {
                state.last_activity_at = now;
            }
        }
    }

    /// The capsule as callers see it.
    pub fn into_capsule(self, id: CapsuleId) -> Capsule {
        let owners = self.owners.into_iter();
        let controllers = self.controllers.into_iter();
        Capsule {
            id: id.to_string(),
            subject: self.subject,
            owners: owners.map(|(who, state)| (who, state.into())).collect(),
            controllers: controllers
                .map(|(who, state)| (who, state.into()))
                .collect(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            bound_to_neon: false,
            inline_bytes_used: 0,
            memories: Vec::new(),
            galleries: Vec::new(),
            connections: Vec::new(),
            connection_groups: Vec::new(),
        }
    }
}

impl From<StoredOwner> for OwnerState {
    fn from(stored: StoredOwner) -> Self {
        OwnerState {
            since: stored.since,
            last_activity_at: stored.last_activity_at,
        }
    }
}

impl From<StoredController> for ControllerState {
    fn from(stored: StoredController) -> Self {
        ControllerState {
            granted_at: stored.granted_at,
            granted_by: stored.granted_by,
        }
    }
}
