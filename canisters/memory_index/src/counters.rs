//! The numbers of the last capsule and the last memory. They only grow, so no id is reused. Beside
//! them are the size of the largest capsule, and how far entering old memories has come.

use candid::CandidType;
use canister_common::candid_record;
use serde::Deserialize;

/// Version 1. `memories::record::MemoryRecord` says how to add a field.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub last_capsule: u64,
    pub last_memory: u64,
    /// The most memories that one capsule ever had, counted since release 0.1.0.
    pub most_memories: Option<u64>,
    /// Memories up to this number may be missing in the sets that release 0.1.0 lacks; 0 when none
    /// is. `None` until a module that has the sets starts for the first time. See
    /// `memories::older`.
    pub unplaced: Option<u64>,
}

candid_record!(Counters, version = 1);
