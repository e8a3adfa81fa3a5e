//! Reading capsules, as one caller sees them.

use super::subject::{owner_prefix, subject_key};
use crate::ids::CapsuleId;
use crate::index::Index;
use candid::Principal;
use capsule_shared::capsule::{CapsuleHeader, CapsuleInfo, PersonRef};
use capsule_shared::memory_index::CapsuleUsage;
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory;

/// The most granted capsules in one list.
///
/// Source: our choice. With the most own capsules, of some 400 bytes each, they fit one reply.
pub const MAX_LISTED_GRANTS: usize = 1_000;

impl<M: Memory> Index<M> {
    /// A capsule as `who` sees it. Without an id, it is the own capsule of `who`, or `NotFound`.
    pub fn capsule_read(&self, who: Principal, id: Option<&str>) -> Result<CapsuleInfo> {
        let own = || {
            let key = subject_key(who, &PersonRef::Principal(who));
            let number = self.by_subject.get(&key).ok_or(Error::NotFound)?;
            Ok(CapsuleId(number).to_string())
        };
        let id = id.map_or_else(own, |id| Ok(id.to_string()))?;
        let (id, capsule) = self.capsule(who, &id)?;
        let memory_count = capsule.listed_count();
        Ok(CapsuleInfo {
            capsule_id: id.to_string(),
            is_owner: capsule.is_owner(who),
            is_controller: capsule.is_controller(who),
            is_self_capsule: capsule.subject == PersonRef::Principal(who),
            subject: capsule.subject,
            bound_to_neon: false,
            created_at: capsule.created_at,
            updated_at: capsule.updated_at,
            memory_count,
            gallery_count: 0,
            connection_count: 0,
        })
    }

    /// The capsules in which `who` has a right: those that `who` made come first, the oldest first.
    /// Behind them are at most [`MAX_LISTED_GRANTS`] others, the newest grant first.
    pub fn capsule_list(&self, who: Principal) -> Vec<CapsuleHeader> {
        let header = |number| {
            let capsule = self.capsules.get(&number);
            let capsule = capsule.expect("BUG: a right has no capsule");
            let memory_count = capsule.listed_count();
            CapsuleHeader {
                id: CapsuleId(number).to_string(),
                subject: capsule.subject,
                owner_count: capsule.owners.len() as u64,
                controller_count: capsule.controllers.len() as u64,
                memory_count,
                created_at: capsule.created_at,
                updated_at: capsule.updated_at,
            }
        };
        let mut made: Vec<u64> = self.made_by(who).collect();
        made.sort_unstable();
        let granted = self.granted_to(who, MAX_LISTED_GRANTS);
        made.into_iter().chain(granted).map(header).collect()
    }

    /// How much the capsule holds; only for those who may write to it. `ResourceExhausted` unless
    /// there is room for the memory of one more upload, in the index and in the capsule.
    pub fn capsule_usage(&self, who: Principal, id: &str) -> Result<CapsuleUsage> {
        let (_, capsule) = self.capsule(who, id)?;
        self.capacity.check_begin(capsule.held())?;
        Ok(CapsuleUsage {
            stored_bytes: capsule.stored_bytes,
            memory_count: capsule.memory_count,
        })
    }

    /// The capsules that `who` made, by number.
    pub(super) fn made_by(&self, who: Principal) -> impl Iterator<Item = u64> {
        let first = owner_prefix(who);
        let entries = self.by_subject.range(first.clone()..);
        entries
            .take_while(move |entry| entry.key().starts_with(&first))
            .map(|entry| entry.value())
    }

    /// The capsules in which `who` has a right, by number.
    pub(super) fn capsules_of(&self, who: Principal) -> impl Iterator<Item = u64> {
        let range = self.by_member.range((who, 0)..=(who, u64::MAX));
        range.map(|(_, number)| number)
    }
}
