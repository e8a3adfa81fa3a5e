//! The cycles of a canister, as far as a run can ask for or change them.

use crate::prices;

/// What the canister owns and owes, as far as a run can ask or change it.
#[derive(Clone, Debug, Default)]
pub struct Funds {
    /// Cycles; what is held back for this run's own execution is not in it.
    pub balance: u128,
    pub reserved: u128,
    pub reserved_limit: u128,
    /// Seconds.
    pub freezing_threshold: u64,
    /// Bytes of everything but heap and stable memory.
    pub other_memory: u64,
    pub memory_allocation: u64,
    /// Percent.
    pub compute_allocation: u64,
}

impl Funds {
    /// Cycles that must stay when the canister has so much heap and stable memory.
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
