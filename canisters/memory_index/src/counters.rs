//! The numbers of the last capsule and the last memory. They only grow, so no id is reused. Beside
//! them is the size of the largest capsule.

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
}

candid_record!(Counters, version = 1);
