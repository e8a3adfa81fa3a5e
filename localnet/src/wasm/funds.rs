//! The cycles of a canister, as far as a run can ask for or change them.

use crate::prices;

/// The balance of a canister and the settings that decide how much of it must stay.
#[derive(Clone, Debug, Default)]
pub struct Funds {
    /// Cycles, without those that are prepaid for this run.
    pub balance: u128,
    /// Cycles that pay for storage only.
    pub reserved: u128,
    pub reserved_limit: u128,
    /// In seconds.
    pub freezing_threshold: u64,
    /// Bytes of everything but heap and stable memory.
    pub other_memory: u64,
    /// In bytes.
    pub memory_allocation: u64,
    /// In percent.
    pub compute_allocation: u64,
}

impl Funds {
    /// The cycles that must stay if heap and stable memory have `memory` bytes together.
    pub fn freezing_reserve(&self, memory: u64) -> u128 {
        let bytes = (self.other_memory + memory).max(self.memory_allocation);
        prices::freezing_reserve(
            bytes,
            self.compute_allocation,
            self.freezing_threshold,
            self.reserved,
        )
    }
}
