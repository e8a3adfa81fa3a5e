//! What is kept of capsules and memories, and how it lies in stable memory: one byte of layout version, then Candid.
//! A field that is added later is an `opt`, which older records read as `null`; any other change is a new version.

use candid::{CandidType, Principal};
use capsule_shared::asset::AssetMetadata;
use capsule_shared::capsule::{ControllerState, OwnerState, PersonRef};
use capsule_shared::memory_index::BlobPlace;
use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;
use serde::Deserialize;
use serde_bytes::ByteBuf;
use std::borrow::Cow;

/// A capsule, version 1. Times are nanoseconds since 1970.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq)]
pub struct CapsuleRecord {
    pub subject: PersonRef,
    pub owners: Vec<(PersonRef, OwnerState)>,
    pub controllers: Vec<(PersonRef, ControllerState)>,
    pub created_at: u64,
    pub updated_at: u64,
    /// Bytes of all its memories, kept with each change.
    pub stored_bytes: u64,
    /// How many memories it has, kept with each change.
    pub memory_count: u64,
}

impl CapsuleRecord {
    pub fn is_owner(&self, who: Principal) -> bool {
        let who = PersonRef::Principal(who);
        self.owners.iter().any(|(owner, _)| *owner == who)
    }

    pub fn is_controller(&self, who: Principal) -> bool {
        let who = PersonRef::Principal(who);
        self.controllers.iter().any(|(person, _)| *person == who)
    }

    /// Reading and writing is for owners and controllers; being the subject gives no right.
    pub fn has_right(&self, who: Principal) -> bool {
        self.is_owner(who) || self.is_controller(who)
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
}

/// A memory, version 1. Its id is its key.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq)]
pub struct MemoryRecord {
    /// Number of the capsule.
    pub capsule: u64,
    pub uploaded_by: Principal,
    pub uploaded_at: u64,
    pub metadata: AssetMetadata,
    pub place: BlobPlace,
    pub sha256: ByteBuf,
    pub gateway: Principal,
    pub session_id: u64,
}

/// The numbers of the last capsule and the last memory, version 1. They only grow.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub last_capsule: u64,
    pub last_memory: u64,
}

macro_rules! storable {
    ($type:ty, $version:literal) => {
        impl Storable for $type {
            fn to_bytes(&self) -> Cow<'_, [u8]> {
                let mut out = vec![$version];
                let body = candid::encode_one(self).expect("BUG: a record that isn't Candid");
                out.extend_from_slice(&body);
                Cow::Owned(out)
            }

            fn into_bytes(self) -> Vec<u8> {
                self.to_bytes().into_owned()
            }

            fn from_bytes(bytes: Cow<[u8]>) -> Self {
                let (version, body) = bytes.split_first().expect("BUG: an empty record");
                assert_eq!(*version, $version, "BUG: a record of unknown layout");
                candid::decode_one(body).expect("BUG: a record of another layout than its version")
            }

            const BOUND: Bound = Bound::Unbounded;
        }
    };
}

storable!(CapsuleRecord, 1);
storable!(MemoryRecord, 1);
storable!(Counters, 1);
