//! The bytes of all blobs in schema version 2: raw regions of blocks, each byte written once.
//!
//! A blob is a file of blocks. [`files`] says which runs of blocks a file has, [`free`] which runs
//! nobody has, and [`region`] reads and writes blocks. Only this module and its children know where
//! a byte lies.

pub mod block;
pub mod claims;
pub mod files;
pub mod free;
pub mod region;
pub mod space;

use self::block::{BLOCK_BYTES, Range, Run, blocks_of};
use self::claims::Claims;
use self::files::Files;
use self::free::FreeRuns;
use self::region::Blocks;
use self::space::Space;
use ic_stable_structures::Memory;

/// The most blocks that a file gets ahead of its bytes: 8 MiB. A message thus takes at most one
/// bucket of the memory manager for a chunk and what is ahead of it.
const MAX_AHEAD_BLOCKS: u32 = 2_048;

/// The bytes of all files.
pub struct Extents<M: Memory> {
    pub(crate) blocks: Blocks<M>,
    pub(crate) files: Files<M>,
    pub(crate) free: FreeRuns<M>,
    /// The count of a check that runs.
    pub(crate) claims: Option<Claims>,
}

impl<M: Memory> Extents<M> {
    /// Writes bytes into a file, and takes free blocks for those that it doesn't have.
    ///
    /// `ahead` is how many more blocks the file may take behind them, for the bytes that come next.
    /// The region must have room to grow; see [`Extents::room_bytes`].
    pub fn write(
        &mut self,
        space: &mut Space,
        file: &[u8; 32],
        offset: u64,
        bytes: &[u8],
        ahead: u32,
    ) {
        let range = Range {
            offset,
            len: bytes.len() as u64,
        };
        self.cover(space, file, range, ahead.min(MAX_AHEAD_BLOCKS));
        let mut rest = bytes;
        self.files.each_piece(file, range, |place, len| {
            let (piece, behind) = rest.split_at(len as usize);
            self.blocks.write(place, piece);
            rest = behind;
        });
    }

    /// Fills `out` with a file's bytes from `offset` on. They must have been written.
    pub fn read(&self, file: &[u8; 32], offset: u64, out: &mut [u8]) {
        let range = Range {
            offset,
            len: out.len() as u64,
        };
        let mut rest = out;
        self.files.each_piece(file, range, |place, len| {
            let (piece, behind) = std::mem::take(&mut rest).split_at_mut(len as usize);
            self.blocks.read(place, piece);
            rest = behind;
        });
    }

    /// Whether the file has all blocks of the range, which isn't empty, and the regions have them.
    /// Then it can be read.
    pub fn has(&self, file: &[u8; 32], range: Range) -> bool {
        self.files.has(file, range, |run| self.blocks.have(run))
    }

    /// Gives back the blocks of a file that lie whole in the range.
    pub fn punch(&mut self, space: &mut Space, file: &[u8; 32], range: Range) {
        let from = blocks_of(range.offset);
        let to = (range.offset + range.len) / BLOCK_BYTES;
        let to = u32::try_from(to).expect("BUG: a file has more than 2^32 blocks");
        for (block, run) in self.files.cut(file, from, to) {
            self.give_back(space, file, block, run);
        }
    }

    /// Gives back some runs of a file, while `goes_on` says so of their number so far. Returns
    /// whether the file has none left.
    pub fn delete(
        &mut self,
        space: &mut Space,
        file: &[u8; 32],
        goes_on: impl Fn(u32) -> bool,
    ) -> bool {
        let mut done = 0;
        while goes_on(done) {
            let Some((block, run)) = self.files.pop(file) else {
                return true;
            };
            self.give_back(space, file, block, run);
            done += 1;
        }
        self.files.is_empty(file)
    }

    /// Bytes that can be written before the region has to grow.
    pub fn room_bytes(&self, space: &Space) -> u64 {
        let behind = self
            .blocks
            .len()
            .saturating_sub(u64::from(space.high_water));
        (u64::from(space.free) + behind) * BLOCK_BYTES
    }

    /// Makes the blocks of `second` but its first one, which is a fence, free for files.
    pub fn add_second_region(&mut self, space: &mut Space) {
        assert_eq!(space.second, 0, "BUG: the second region is in use already");
        let run = self.blocks.whole_second();
        space.second = run.blocks;
        space.free += run.blocks;
        self.free.add(run);
    }

    /// Takes blocks for those of the range that the file doesn't have.
    fn cover(&mut self, space: &mut Space, file: &[u8; 32], range: Range, ahead: u32) {
        let (first, last) = range.blocks();
        let mut at = first;
        while at <= last {
            if let Some((begin, run)) = self.files.run_at(file, at) {
                at = begin + run.blocks;
                continue;
            }
            // Blocks ahead lie in the gap, too, so that runs of a file never overlap.
            let gap = self.files.gap_behind(file, at);
            let needed = (last + 1 - at).min(gap);
            let run = self.take(space, needed.saturating_add(ahead).min(gap));
            self.files.add(file, at, run);
            if let Some(claims) = &mut self.claims {
                claims.took(file, at, run);
            }
            at += run.blocks;
        }
    }

    /// Takes a run of up to `wanted` blocks: the free run that fits best, else the longest one,
    /// else new blocks at the end.
    fn take(&mut self, space: &mut Space, wanted: u32) -> Run {
        if let Some(run) = self.free.take(wanted) {
            let left = space.free.checked_sub(run.blocks);
            space.free = left.expect("BUG: the lists have more free blocks than the totals");
            return run;
        }
        let run = Run {
            first: space.high_water,
            blocks: wanted,
        };
        self.blocks.reach(run.end());
        space.high_water = run.end();
        run
    }

    /// Frees a run, which were the blocks of a file from `block` on.
    fn give_back(&mut self, space: &mut Space, file: &[u8; 32], block: u32, run: Run) {
        if let Some(claims) = &mut self.claims {
            claims.freed(file, block, run);
        }
        space.free += run.blocks;
        self.free.add(run);
    }
}
