//! Room in stable memory: pages that are grown ahead of their use.
//!
//! A stable structure that can't grow traps in the middle of an operation. The platform also traps
//! a message whose growth it refuses for lack of cycles or for `reserved_cycles_limit`. So a
//! canister grows stable memory before an operation, in a message of its own (see `growth`). The
//! memory manager grows the memory only above its size, so no structure has to grow it then.

use crate::manager::{Manager, PAGE_BYTES};
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory;

/// How much room a canister keeps, in buckets of its memory manager. One message takes at most one
/// bucket for each region that it changes.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// The canister grows ahead until it has so many free buckets.
    pub wanted: u64,
    /// With fewer it takes no new work. The difference is a warning: growth already fails, and
    /// work goes on. The rest is for clean-up, which may need a bucket too.
    pub least: u64,
    /// A timer grows so many buckets beyond `wanted` once fewer than half of them are left, so that
    /// hardly any operation has to wait. 0 if the canister has no such timer.
    pub ahead: u64,
    /// The heap that operations need, in bytes. The heap grows as stable memory does, and traps in
    /// the middle of an operation, too. 0 leaves it alone.
    pub heap_bytes: usize,
}

/// Pages of `memory` that are grown and belong to no bucket.
pub fn free_pages(memory: &impl Memory) -> u64 {
    Manager::of(memory).map_or(0, |manager| free(&manager, memory))
}

fn free(manager: &Manager, memory: &impl Memory) -> u64 {
    memory.size().saturating_sub(manager.used_pages())
}

impl Room {
    /// The buckets below which the timer grows.
    pub fn short(&self) -> u64 {
        self.wanted + self.ahead / 2
    }

    /// The buckets that the timer grows to.
    pub fn full(&self) -> u64 {
        self.wanted + self.ahead
    }
}

/// Whether there are so many free buckets. `inside` bytes are free in the region that takes most,
/// and count as its bucket; the other regions need theirs.
pub fn has_buckets(memory: &impl Memory, buckets: u64, inside: u64) -> bool {
    Manager::of(memory).is_some_and(|manager| {
        let bucket = u64::from(manager.bucket_pages);
        let free = free(&manager, memory) + (inside / PAGE_BYTES).min(bucket);
        free >= buckets * bucket
    })
}

/// Grows `memory` until so many buckets are free. A memory that no manager has laid out stays.
///
/// `ResourceExhausted` if the memory can't grow; nothing is changed then. On the platform the
/// message may trap instead, which is why it does nothing else.
pub fn grow_ahead(memory: &impl Memory, buckets: u64) -> Result<()> {
    let Some(manager) = Manager::of(memory) else {
        return Ok(());
    };
    let wanted = manager.used_pages() + buckets * u64::from(manager.bucket_pages);
    let missing = wanted.saturating_sub(memory.size());
    match missing == 0 || memory.grow(missing) >= 0 {
        true => Ok(()),
        false => Err(Error::ResourceExhausted),
    }
}

/// Whether an operation may run after an attempt to grow: if it succeeded, and also while there are
/// `room.least` buckets. Otherwise the error of the attempt.
pub fn settle(memory: &impl Memory, room: Room, inside: u64, grown: Result<()>) -> Result<()> {
    match grown {
        Err(_) if has_buckets(memory, room.least, inside) => Ok(()),
        grown => grown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_stable_structures::memory_manager::{MemoryId, MemoryManager};
    use ic_stable_structures::{DefaultMemoryImpl, VectorMemory};
    use std::cell::Cell;

    const ROOM: Room = Room {
        wanted: 3,
        least: 2,
        ahead: 0,
        heap_bytes: 0,
    };

    /// A memory of at most so many pages.
    #[derive(Clone)]
    struct Bounded(VectorMemory, std::rc::Rc<Cell<u64>>);

    impl Memory for Bounded {
        fn size(&self) -> u64 {
            self.0.size()
        }

        fn grow(&self, pages: u64) -> i64 {
            match self.size() + pages <= self.1.get() {
                true => self.0.grow(pages),
                false => -1,
            }
        }

        fn read(&self, offset: u64, dst: &mut [u8]) {
            self.0.read(offset, dst);
        }

        fn write(&self, offset: u64, src: &[u8]) {
            self.0.write(offset, src);
        }
    }

    fn bounded(pages: u64) -> Bounded {
        Bounded(VectorMemory::default(), std::rc::Rc::new(Cell::new(pages)))
    }

    #[test]
    fn the_header_of_the_memory_manager_is_read_right() {
        let memory = bounded(1_000);
        assert_eq!(free_pages(&memory), 0);
        let manager = MemoryManager::init_with_bucket_size(memory.clone(), 7);
        assert_eq!(free_pages(&memory), 0);
        for (number, pages, buckets) in [(0, 1, 1), (1, 8, 3), (0, 6, 3), (0, 1, 4)] {
            manager.get(MemoryId::new(number)).grow(pages);
            let header = Manager::of(&memory).unwrap();
            assert_eq!(
                (header.used_pages(), header.bucket_pages),
                (1 + buckets * 7, 7)
            );
            assert_eq!(memory.size(), header.used_pages());
        }
        grow_ahead(&memory, 2).unwrap();
        assert_eq!(free_pages(&memory), 14);
        manager.get(MemoryId::new(2)).grow(7);
        assert_eq!(free_pages(&memory), 7);
        assert!(has_buckets(&memory, 1, 0));
        assert!(!has_buckets(&memory, 2, 7 * PAGE_BYTES - 1));
        assert!(has_buckets(&memory, 2, 7 * PAGE_BYTES));
    }

    #[test]
    fn a_memory_without_a_manager_stays() {
        let memory = DefaultMemoryImpl::default();
        assert_eq!(grow_ahead(&memory, 5), Ok(()));
        assert_eq!(memory.size(), 0);
        assert!(!has_buckets(&memory, 0, 0));
        memory.grow(1);
        assert_eq!(grow_ahead(&memory, 5), Ok(()));
        assert_eq!(memory.size(), 1);
    }

    /// With room, the manager never asks a full memory to grow, which would panic.
    #[test]
    fn work_goes_on_while_there_is_room_and_then_is_refused() {
        let memory = bounded(1 + 5 * 7);
        let manager = MemoryManager::init_with_bucket_size(memory.clone(), 7);
        let region = manager.get(MemoryId::new(0));
        let work = || {
            let grown = match has_buckets(&memory, ROOM.wanted, 0) {
                true => Ok(()),
                false => grow_ahead(&memory, ROOM.wanted),
            };
            settle(&memory, ROOM, 0, grown)?;
            assert!(region.grow(7) >= 0);
            Ok(())
        };
        for _ in 0..4 {
            assert_eq!(work(), Ok(()));
        }
        let size = memory.size();
        for _ in 0..3 {
            assert_eq!(work(), Err(Error::ResourceExhausted));
        }
        assert_eq!((memory.size(), region.size()), (size, 28));
        memory.1.set(100);
        assert_eq!(work(), Ok(()));
    }
}
