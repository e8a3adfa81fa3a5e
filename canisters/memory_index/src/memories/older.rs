//! Entering memories that an older index committed into sets that it didn't have.
//!
//! Background work enters them in slices, the newest first. One pass serves all sets, so that each
//! memory is read once. Every change keeps the sets from the first start on.

use crate::counters::Counters;
use crate::ids::MemoryId;
use crate::index::Index;
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// Memories up to this number may be missing in some set; 0 when all are there.
    pub fn older_left(&self) -> u64 {
        self.unentered().max(self.unplaced())
    }

    /// Enters older memories while `goes_on` holds, at least one. Stops while the index is so full
    /// that it commits nothing: the last room is for restored memories.
    ///
    /// Before: all memories above [`Index::unentered`] and [`Index::unplaced`] are in the sets, as
    /// far as they belong there. After: the same, with lower numbers.
    pub fn enter_older(&mut self, goes_on: impl Fn() -> bool) {
        let (unentered, unplaced) = (self.unentered(), self.unplaced());
        let mut left = unentered.max(unplaced);
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
            if number <= unentered && memory.trash.is_none() {
                self.enter_sha256(id, &memory);
            }
            if number <= unplaced {
                self.enter_store(id, &memory);
                self.enter_purge(id, &memory);
            }
            left = number - 1;
            if !goes_on() {
                break;
            }
        }
        let counters = *self.counters.get();
        self.counters.set(Counters {
            unentered: Some(unentered.min(left)),
            unplaced: Some(unplaced.min(left)),
            ..counters
        });
    }
}
