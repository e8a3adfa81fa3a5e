//! How many blocks there are, and how many are free. The totals of the store hold it.

use super::block::{Run, SECOND_REGION};

/// Blocks of both regions. Those below the high-water mark and those of the second region are in a
/// file or free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Blocks of the first region that were ever in use.
    pub high_water: u32,
    /// Blocks of the second region that files may take; 0 until it belongs to them.
    pub second: u32,
    /// Blocks in free runs.
    pub free: u32,
}

impl Space {
    /// Blocks that belong to files.
    pub fn allocated(&self) -> u64 {
        u64::from(self.high_water) + u64::from(self.second) - u64::from(self.free)
    }

    /// Whether a run lies in one of the regions. Whatever it says, nothing overflows.
    pub fn has(&self, run: Run) -> bool {
        let within =
            |first: u32, end: u32| u64::from(first) + u64::from(run.blocks) <= u64::from(end);
        match run.first.checked_sub(SECOND_REGION) {
            None => within(run.first, self.high_water),
            // The first block is a fence.
            Some(first) => first > 0 && within(first - 1, self.second),
        }
    }
}
