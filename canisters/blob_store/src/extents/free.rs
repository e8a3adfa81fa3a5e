//! The runs of blocks that no file has, by their place and by their length. Neighbours are merged.

use super::block::Run;
use ic_stable_structures::{Memory, StableBTreeMap, StableBTreeSet};

pub struct FreeRuns<M: Memory> {
    /// First block to number of blocks.
    pub(crate) by_start: StableBTreeMap<u32, u32, M>,
    /// `(number of blocks, first block)`.
    pub(crate) by_length: StableBTreeSet<(u32, u32), M>,
}

impl<M: Memory> FreeRuns<M> {
    pub fn open(by_start: M, by_length: M) -> Self {
        Self {
            by_start: StableBTreeMap::init(by_start),
            by_length: StableBTreeSet::init(by_length),
        }
    }

    /// Adds a run, merged with the free runs beside it.
    pub fn add(&mut self, run: Run) {
        if run.blocks == 0 {
            return;
        }
        let mut whole = run;
        if let Some(before) = self.before(run.first) {
            assert!(before.end() <= run.first, "BUG: a block was freed twice");
            if before.end() == run.first {
                self.remove(before);
                whole = Run {
                    first: before.first,
                    blocks: before.blocks + run.blocks,
                };
            }
        }
        if let Some(after) = self.from(run.first) {
            assert!(run.end() <= after.first, "BUG: a block was freed twice");
            if run.end() == after.first {
                self.remove(after);
                whole.blocks += after.blocks;
            }
        }
        self.insert(whole);
    }

    /// Takes up to `wanted` blocks: of the shortest run that has so many, else the longest run.
    /// `None` if there is no free block.
    pub fn take(&mut self, wanted: u32) -> Option<Run> {
        let fitting = self.by_length.range((wanted, 0)..).next();
        let (blocks, first) = fitting.or_else(|| self.by_length.last())?;
        let run = Run { first, blocks };
        self.remove(run);
        let (taken, rest) = run.split(wanted.min(blocks));
        if rest.blocks > 0 {
            self.insert(rest);
        }
        Some(taken)
    }

    /// All free runs, by their place.
    #[cfg(test)]
    pub fn iter(&self) -> impl Iterator<Item = Run> {
        self.by_start.iter().map(|entry| Run {
            first: *entry.key(),
            blocks: entry.value(),
        })
    }

    /// The number of free runs, by place and by length.
    #[cfg(test)]
    pub fn counts(&self) -> (u64, u64) {
        (self.by_start.len(), self.by_length.len())
    }

    /// The last free run that begins before this block.
    fn before(&self, block: u32) -> Option<Run> {
        let entry = self.by_start.range(..block).next_back()?;
        Some(Run {
            first: *entry.key(),
            blocks: entry.value(),
        })
    }

    /// The first free run that begins at this block or behind it.
    fn from(&self, block: u32) -> Option<Run> {
        let entry = self.by_start.range(block..).next()?;
        Some(Run {
            first: *entry.key(),
            blocks: entry.value(),
        })
    }

    /// The first listed run that begins at this block or behind it, and whether the list by length
    /// has it, too.
    pub fn listed_from(&self, block: u32) -> Option<(Run, bool)> {
        let run = self.from(block)?;
        Some((run, self.by_length.contains(&(run.blocks, run.first))))
    }

    /// The first run of the list by length from this entry on, and whether the list by place has
    /// it, too.
    pub fn listed_by_length_from(&self, entry: (u32, u32)) -> Option<(Run, bool)> {
        let (blocks, first) = self.by_length.range(entry..).next()?;
        let run = Run { first, blocks };
        Some((run, self.by_start.get(&first) == Some(blocks)))
    }

    /// Takes a run out of those lists that have it.
    pub fn strike(&mut self, run: Run) {
        if self.by_start.get(&run.first) == Some(run.blocks) {
            self.by_start.remove(&run.first);
        }
        self.by_length.remove(&(run.blocks, run.first));
    }

    /// Enters a run in both lists.
    pub fn insert(&mut self, run: Run) {
        self.by_start.insert(run.first, run.blocks);
        self.by_length.insert((run.blocks, run.first));
    }

    fn remove(&mut self, run: Run) {
        let removed = self.by_start.remove(&run.first);
        assert_eq!(
            removed,
            Some(run.blocks),
            "BUG: the lists of free runs differ"
        );
        let removed = self.by_length.remove(&(run.blocks, run.first));
        assert!(removed, "BUG: the lists of free runs differ");
    }
}
