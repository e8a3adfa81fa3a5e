//! Which runs of blocks each file has.

use super::block::{BLOCK_BYTES, Range, Run};
use super::region::Place;
use ic_stable_structures::{Memory, StableBTreeMap};

/// `(file, first block in the file)` to the run that has this block and those behind it.
pub struct Files<M: Memory> {
    runs: StableBTreeMap<([u8; 32], u32), Run, M>,
}

impl<M: Memory> Files<M> {
    pub fn open(runs: M) -> Self {
        Self {
            runs: StableBTreeMap::init(runs),
        }
    }

    /// The run that has this block of the file, behind the number of its first block in the file.
    pub fn run_at(&self, file: &[u8; 32], block: u32) -> Option<(u32, Run)> {
        let entry = self.runs.range((*file, 0)..=(*file, block)).next_back()?;
        let (begin, run) = (entry.key().1, entry.value());
        (block - begin < run.blocks).then_some((begin, run))
    }

    /// How many blocks the file lacks from this one on, which it doesn't have.
    pub fn gap_behind(&self, file: &[u8; 32], block: u32) -> u32 {
        let next = self.runs.range((*file, block)..=(*file, u32::MAX)).next();
        next.map_or(u32::MAX, |entry| entry.key().1) - block
    }

    /// Adds a run as the blocks of the file from `block` on.
    pub fn add(&mut self, file: &[u8; 32], block: u32, run: Run) {
        // A run that lies behind the one before it in the region, too, makes it longer.
        if let Some(before) = block.checked_sub(1)
            && let Some((begin, mut whole)) = self.run_at(file, before)
            && whole.end() == run.first
        {
            whole.blocks += run.blocks;
            self.runs.insert((*file, begin), whole);
            return;
        }
        self.runs.insert((*file, block), run);
    }

    /// Calls `piece` with each piece of the range that lies in one run: its place and its length in
    /// bytes, in order. The file must have all of the range.
    pub fn each_piece(&self, file: &[u8; 32], range: Range, mut piece: impl FnMut(Place, u64)) {
        let (first, last) = range.blocks();
        let (begin, _) = self.run_at(file, first).expect("BUG: bytes lie nowhere");
        let end = range.offset + range.len;
        let mut at = range.offset;
        for entry in self.runs.range((*file, begin)..=(*file, last)) {
            let (begin, run) = (entry.key().1, entry.value());
            let run_begin = u64::from(begin) * BLOCK_BYTES;
            let run_end = run_begin + u64::from(run.blocks) * BLOCK_BYTES;
            assert!((run_begin..run_end).contains(&at), "BUG: bytes lie nowhere");
            let inside = at - run_begin;
            let place = Place {
                block: run.first + (inside / BLOCK_BYTES) as u32,
                offset: inside % BLOCK_BYTES,
            };
            let len = end.min(run_end) - at;
            piece(place, len);
            at += len;
        }
        assert_eq!(at, end, "BUG: bytes lie nowhere");
    }

    /// Whether the runs of the range, which isn't empty, follow one another, and `have` says so of
    /// each. Then [`Files::each_piece`] finds all of its bytes.
    pub fn has(&self, file: &[u8; 32], range: Range, have: impl Fn(Run) -> bool) -> bool {
        let (first, last) = range.blocks();
        let Some((begin, _)) = self.run_at(file, first) else {
            return false;
        };
        let mut next = u64::from(begin);
        for entry in self.runs.range((*file, begin)..=(*file, last)) {
            let (begin, run) = (entry.key().1, entry.value());
            if u64::from(begin) != next || !have(run) {
                return false;
            }
            next += u64::from(run.blocks);
        }
        next > u64::from(last)
    }

    /// Takes the blocks from `from` up to `to` out of the file, and returns them, each run with its
    /// first block in the file.
    pub fn cut(&mut self, file: &[u8; 32], from: u32, to: u32) -> Vec<(u32, Run)> {
        if from >= to {
            return Vec::new();
        }
        let begin = self.run_at(file, from).map_or(from, |(begin, _)| begin);
        let inside = self.runs.range((*file, begin)..(*file, to));
        let inside: Vec<(u32, Run)> = inside.map(|entry| (entry.key().1, entry.value())).collect();
        let mut cut = Vec::new();
        for (begin, run) in inside {
            let (front, rest) = run.split(from.saturating_sub(begin));
            let (middle, back) = rest.split((to - from.max(begin)).min(rest.blocks));
            self.runs.remove(&(*file, begin));
            for (begin, kept) in [(begin, front), (to, back)] {
                if kept.blocks > 0 {
                    self.runs.insert((*file, begin), kept);
                }
            }
            cut.push((from.max(begin), middle));
        }
        cut
    }

    /// Takes the last run out of the file. Returns it with its first block in the file.
    pub fn pop(&mut self, file: &[u8; 32]) -> Option<(u32, Run)> {
        let (begin, run) = self.of(file).next_back()?;
        self.runs.remove(&(*file, begin));
        Some((begin, run))
    }

    /// The blocks of a file from `block` on that lie in one run, or in the next one. Returns the
    /// first of them, and their run.
    pub fn next_run(&self, file: &[u8; 32], block: u32) -> Option<(u32, Run)> {
        if let Some((begin, run)) = self.run_at(file, block) {
            return Some((block, run.split(block - begin).1));
        }
        let next = self.runs.range((*file, block)..=(*file, u32::MAX)).next()?;
        Some((next.key().1, next.value()))
    }

    /// The first file with blocks, from this key on.
    pub fn first_file(&self, from: [u8; 32]) -> Option<[u8; 32]> {
        let first = self.runs.range((from, 0)..).next()?;
        Some(first.key().0)
    }

    pub fn is_empty(&self, file: &[u8; 32]) -> bool {
        self.of(file).next().is_none()
    }

    /// The runs of a file, each with its first block in the file.
    pub fn of(&self, file: &[u8; 32]) -> impl DoubleEndedIterator<Item = (u32, Run)> {
        let runs = self.runs.range((*file, 0)..=(*file, u32::MAX));
        runs.map(|entry| (entry.key().1, entry.value()))
    }
}
