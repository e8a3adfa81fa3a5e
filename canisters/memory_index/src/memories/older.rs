//! Entering the memories of release 0.1.0 into the sets that it lacks: those by SHA-256, by store
//! and of purges.
//!
//! Background work enters them in slices, the newest first. One pass serves all sets, so that each
//! memory is read once. Every change keeps the sets from the first start on.

use crate::counters::Counters;
use crate::ids::MemoryId;
use crate::index::Index;
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// Memories up to this number may be missing in the sets; 0 when all are there.
    pub fn unplaced(&self) -> u64 {
        let unplaced = self.counters.get().unplaced;
        unplaced.expect("BUG: the start of the canister set it")
    }

    /// Notes at a start that all memories are missing, if a module without the sets changed them.
    /// Such a module may have deleted memories that a newer one had entered.
    pub(crate) fn note_older(&mut self) {
        let counters = *self.counters.get();
        let kept = match counters.unplaced {
            // It stores no such number.
            None => false,
            Some(0) => self.sets_agree(),
            // The lengths say nothing before all memories are entered.
            Some(_) => true,
        };
        if !kept {
            self.begin_anew();
        }
    }

    /// Forgets the sets. All memories are missing then.
    fn begin_anew(&mut self) {
        self.by_sha256.clear_new();
        self.by_store.clear_new();
        self.stores.clear_new();
        self.purges.clear_new();
        let counters = *self.counters.get();
        self.counters.set(Counters {
            unplaced: Some(counters.last_memory),
            ..counters
        });
    }

    /// Whether the sets have as many entries as there are memories for them.
    fn sets_agree(&self) -> bool {
        let (all, listed) = (self.memories.len(), self.by_capsule.len());
        self.by_store.len() == all
            && self.by_sha256.len() == listed
            && self.purges.len() + listed == all
    }

    /// Enters older memories while `goes_on` holds, at least one. Stops while the index is so full
    /// that it commits nothing: the last room is for restored memories.
    ///
    /// Before: all memories above [`Index::unplaced`] are in the sets, as far as they belong there.
    /// After: the same, with a lower number.
    pub fn enter_older(&mut self, goes_on: impl Fn() -> bool) {
        let mut left = self.unplaced();
        if left == 0 || !self.capacity.has_room_to_commit() {
            return;
        }
        while left > 0 {
            let Some(entry) = self.memories.range(..=left).next_back() else {
                left = 0;
                break;
            };
            let (number, memory) = entry.into_pair();
            let id = MemoryId(number);
            self.enter_newer_lists(id, &memory);
            self.enter_store(id, &memory);
            left = number - 1;
            if !goes_on() {
                break;
            }
        }
        let counters = *self.counters.get();
        self.counters.set(Counters {
            unplaced: Some(left),
            ..counters
        });
        // Such a module may have come in between and have deleted memories that were entered.
        if left == 0 && !self.sets_agree() {
            self.begin_anew();
        }
    }
}
