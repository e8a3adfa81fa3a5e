//! Which blocks belong to files, counted anew by a check while files change.
//!
//! The check walks over all runs in the order of their files. Runs behind its place are claimed,
//! and every change of theirs is claimed or freed here at once. So when the walk ends, the claimed
//! blocks are those that files have. It lies on the heap, all of it from the begin on: 32 KiB for
//! each GiB of capacity.

use super::block::{Run, SECOND_REGION};
use super::space::Space;
use std::collections::VecDeque;

/// A place in the walk: a file, and its first block that isn't looked at. `None` comes before all
/// blocks: not even the record of the blob was looked at.
pub type Position = ([u8; 32], Option<u32>);

/// The begin of the walk.
pub const BEGIN: Position = ([0; 32], None);

/// A block that two files have, and the second of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twice {
    pub file: [u8; 32],
    pub block: u32,
}

pub struct Claims {
    /// Everything before it is claimed; `None` when the walk is over.
    at: Option<Position>,
    first: Bits,
    second: Bits,
    blocks: u64,
    twice: VecDeque<Twice>,
    /// A blob has a fault, so blocks that aren't claimed may still have its bytes.
    pub faulty: bool,
}

impl Claims {
    /// Makes room for so many blocks of the first and of the second region.
    pub fn begin(first: u32, second: u32) -> Self {
        Self {
            at: Some(BEGIN),
            first: Bits::of(first),
            second: Bits::of(second),
            blocks: 0,
            twice: VecDeque::new(),
            faulty: false,
        }
    }

    /// Bytes that it takes on the heap.
    pub fn heap_bytes(&self) -> usize {
        8 * (self.first.0.len() + self.second.0.len())
    }

    /// Blocks that are claimed.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    pub fn at(&self) -> Option<Position> {
        self.at
    }

    pub fn go_to(&mut self, at: Option<Position>) {
        self.at = at;
    }

    /// Whether the walk has passed this place.
    pub fn has_passed(&self, position: Position) -> bool {
        self.at.is_none_or(|at| position < at)
    }

    /// The next block that was found to belong to two files.
    pub fn next_twice(&mut self) -> Option<Twice> {
        self.twice.pop_front()
    }

    /// A file got a run, as its blocks from `block` on.
    pub fn took(&mut self, file: &[u8; 32], block: u32, run: Run) {
        let run = self.passed_part(file, block, run);
        self.claim(file, run);
    }

    /// A file lost a run, which were its blocks from `block` on.
    pub fn freed(&mut self, file: &[u8; 32], block: u32, run: Run) {
        let run = self.passed_part(file, block, run);
        for block in run.first..run.end() {
            let (bits, index) = self.bits_of(block);
            if bits.clear(index) {
                self.blocks -= 1;
            }
        }
    }

    /// Claims a run of a file. A block that is claimed already belongs to two files; see
    /// [`Claims::next_twice`].
    pub fn claim(&mut self, file: &[u8; 32], run: Run) {
        let mut clash = None;
        for block in run.first..run.end() {
            let (bits, index) = self.bits_of(block);
            match bits.set(index) {
                true => self.blocks += 1,
                false => clash = clash.or(Some(block)),
            }
        }
        self.twice
            .extend(clash.map(|block| Twice { file: *file, block }));
    }

    /// The first run of blocks from `block` on that no file has. A run that begins before it
    /// doesn't count.
    pub fn next_free(&self, space: Space, block: u32) -> Option<Run> {
        if block < SECOND_REGION
            && let Some((first, blocks)) = self.first.next_clear(0, block, space.high_water)
        {
            return Some(Run { first, blocks });
        }
        // The first block of the second region is a fence.
        let from = block.saturating_sub(SECOND_REGION);
        let end = space.second.saturating_add(1);
        let (first, blocks) = self.second.next_clear(1, from.max(1), end)?;
        Some(Run {
            first: SECOND_REGION + first,
            blocks,
        })
    }

    /// The part of a run that lies before the place of the walk.
    fn passed_part(&self, file: &[u8; 32], block: u32, run: Run) -> Run {
        let passed = match self.at {
            Some((at, upto)) if at == *file => upto.unwrap_or(0).saturating_sub(block),
            Some((at, _)) if at < *file => 0,
            Some(_) | None => run.blocks,
        };
        run.split(passed.min(run.blocks)).0
    }

    fn bits_of(&mut self, block: u32) -> (&mut Bits, u32) {
        match block.checked_sub(SECOND_REGION) {
            None => (&mut self.first, block),
            Some(block) => (&mut self.second, block),
        }
    }
}

/// A set of small numbers, one bit each.
struct Bits(Vec<u64>);

impl Bits {
    /// An empty set with room for the numbers below `end`.
    fn of(end: u32) -> Self {
        Self(vec![0; end as usize / 64 + 1])
    }

    fn has(&self, index: u32) -> bool {
        let word = self.0.get(index as usize / 64);
        word.is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Returns whether it is new.
    fn set(&mut self, index: u32) -> bool {
        let word = index as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let new = !self.has(index);
        self.0[word] |= 1 << (index % 64);
        new
    }

    /// Returns whether it was there.
    fn clear(&mut self, index: u32) -> bool {
        let was = self.has(index);
        if was {
            self.0[index as usize / 64] &= !(1 << (index % 64));
        }
        was
    }

    /// The first numbers from `from` on, below `end`, that follow each other and aren't there: the
    /// first of them, and how many. Those whose neighbour before `from` isn't there either, and is
    /// at least `low`, don't count.
    fn next_clear(&self, low: u32, from: u32, end: u32) -> Option<(u32, u32)> {
        let begins_before = from > low && from <= end && !self.has(from - 1);
        let from = match begins_before {
            true => self.next(from, end, true)?,
            false => from,
        };
        let first = self.next(from, end, false)?;
        let behind = self.next(first, end, true).unwrap_or(end);
        Some((first, behind - first))
    }

    /// The first number from `from` on, below `end`, that is there, or that isn't.
    fn next(&self, from: u32, end: u32, there: bool) -> Option<u32> {
        let mut at = from;
        while at < end {
            let word = self.0.get(at as usize / 64).copied().unwrap_or(0);
            let wanted = if there { word } else { !word };
            let rest = wanted >> (at % 64);
            if rest != 0 {
                at += rest.trailing_zeros();
                return (at < end).then_some(at);
            }
            at = (at / 64 + 1) * 64;
        }
        None
    }
}
