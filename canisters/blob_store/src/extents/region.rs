//! Reads and writes blocks of the two raw regions.
//!
//! The second region is the one of schema version 1, once all of its chunks were copied: a memory
//! manager never gives buckets back. Its first block is the fence of `chunks`.

use super::block::{BLOCK_BYTES, Run, SECOND_REGION};
use canister_common::manager::PAGE_BYTES;
use ic_stable_structures::Memory;

pub struct Blocks<M: Memory> {
    first: M,
    second: M,
}

/// A byte of a region, by its block and its offset in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub block: u32,
    /// Below [`BLOCK_BYTES`].
    pub offset: u64,
}

impl<M: Memory> Blocks<M> {
    pub fn open(first: M, second: M) -> Self {
        Self { first, second }
    }

    /// The blocks of the first region.
    pub fn len(&self) -> u64 {
        self.first.size() * (PAGE_BYTES / BLOCK_BYTES)
    }

    /// Grows the first region until it has the blocks below `end`.
    pub fn reach(&self, end: u32) {
        let missing = u64::from(end).saturating_sub(self.len());
        let pages = missing.div_ceil(PAGE_BYTES / BLOCK_BYTES);
        if pages > 0 {
            let grown = self.first.grow(pages);
            assert!(grown >= 0, "BUG: no room was made for new blocks");
        }
    }

    /// All blocks of the second region, but for its first.
    pub fn whole_second(&self) -> Run {
        let blocks = self.second.size() * (PAGE_BYTES / BLOCK_BYTES);
        let blocks = u32::try_from(blocks).expect("BUG: the second region has 2^32 blocks");
        Run {
            first: SECOND_REGION + 1,
            blocks: blocks.saturating_sub(1),
        }
    }

    /// Whether a run lies in one of the regions, whatever it says.
    pub fn have(&self, run: Run) -> bool {
        let (first, len) = match run.first.checked_sub(SECOND_REGION) {
            Some(first) => (first, u64::from(self.whole_second().blocks) + 1),
            None => (run.first, self.len()),
        };
        u64::from(first) + u64::from(run.blocks) <= len
    }

    pub fn read(&self, place: Place, out: &mut [u8]) {
        let (region, at) = self.locate(place);
        region.read(at, out);
    }

    pub fn write(&self, place: Place, bytes: &[u8]) {
        let (region, at) = self.locate(place);
        region.write(at, bytes);
    }

    fn locate(&self, place: Place) -> (&M, u64) {
        let (region, block) = match place.block.checked_sub(SECOND_REGION) {
            Some(block) => (&self.second, block),
            None => (&self.first, place.block),
        };
        (region, u64::from(block) * BLOCK_BYTES + place.offset)
    }
}
