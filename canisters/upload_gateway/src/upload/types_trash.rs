//! The note of a memory on its way into the trash.

use candid::{CandidType, Principal};
use canister_common::candid_record;
use capsule_shared::BlobKey;
use serde::{Deserialize, Serialize};

/// A memory that a caller wants in the trash. The index wasn't asked yet, or its answer is missing.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Trashing {
    /// The caller who wants it. The index checks the right.
    pub who: Principal,
    /// The index that has the memory.
    pub index: Principal,
    pub session_id: u64,
    pub store: Principal,
    pub key: BlobKey,
    /// Until when, in nanoseconds since 1970.
    pub purge_at: u64,
}

candid_record!(Trashing, version = 1);
