//! A store whose stable memory can't grow: each refusal is typed and changes nothing, and the same
//! call succeeds once the memory may grow.

use super::{chunks, gateway, key};
use crate::regions::{ROOM, Regions};
use crate::state::State;
use canister_common::golden::fingerprint;
use canister_common::room::{grow_ahead, has_buckets, settle};
use capsule_shared::blob_store::DeleteProgress;
use capsule_shared::{Error, Result};
use ic_stable_structures::{Memory, VectorMemory};
use std::cell::Cell;
use std::rc::Rc;

/// A memory of at most so many pages.
#[derive(Clone)]
struct Bounded {
    memory: VectorMemory,
    limit: Rc<Cell<u64>>,
}

impl Memory for Bounded {
    fn size(&self) -> u64 {
        self.memory.size()
    }

    fn grow(&self, pages: u64) -> i64 {
        match self.size() + pages <= self.limit.get() {
            true => self.memory.grow(pages),
            false => -1,
        }
    }

    fn read(&self, offset: u64, dst: &mut [u8]) {
        self.memory.read(offset, dst);
    }

    fn write(&self, offset: u64, src: &[u8]) {
        self.memory.write(offset, src);
    }
}

/// A store with buckets of one page, so that they are used up soon.
struct World {
    memory: Bounded,
    state: State<Bounded>,
    refusals: u32,
}

impl World {
    fn new() -> Self {
        let memory = Bounded {
            memory: VectorMemory::default(),
            limit: Rc::new(Cell::new(1 + 10)),
        };
        World {
            state: State::over(Regions::in_buckets(memory.clone(), 1)),
            memory,
            refusals: 0,
        }
    }

    /// Makes room as the canister does, then runs the operation.
    fn once<T>(&mut self, operation: impl Fn(&mut State<Bounded>) -> Result<T>) -> Result<T> {
        let inside = self.state.store.room_bytes();
        let grown = match has_buckets(&self.memory, ROOM.wanted, inside) {
            true => Ok(()),
            false => grow_ahead(&self.memory, ROOM.wanted),
        };
        settle(&self.memory, ROOM, inside, grown)?;
        operation(&mut self.state)
    }

    /// Repeats the operation, and lets the memory have one page more after each refusal.
    fn until_done<T>(&mut self, operation: impl Fn(&mut State<Bounded>) -> Result<T>) -> T {
        loop {
            let before = fingerprint(&self.memory);
            match self.once(&operation) {
                Ok(done) => return done,
                Err(error) => assert_eq!(error, Error::ResourceExhausted),
            }
            assert_eq!(fingerprint(&self.memory), before);
            self.refusals += 1;
            self.memory.limit.set(self.memory.limit.get() + 1);
        }
    }
}

/// So long that five of them move when a node of the map splits: 25 KB, less than a bucket.
const CHUNK: usize = 5_000;

#[test]
fn growth_that_is_refused_at_any_point_changes_nothing() {
    let mut world = World::new();
    for n in 1..40 {
        world.until_done(|state| state.store.open_blob(gateway(1), key(n), None));
        for index in 0..6 {
            let bytes = vec![n; CHUNK];
            world.until_done(|state| state.store.put(gateway(1), key(n), index, &bytes));
        }
    }
    assert!(world.refusals > 20, "{} refusals", world.refusals);
    for n in 1..40 {
        let chunk = world.state.store.read_chunk(key(n), 5);
        assert_eq!(chunk.unwrap(), vec![n; CHUNK]);
    }
}

#[test]
fn a_full_store_deletes_and_has_room_again() {
    let mut world = World::new();
    world.memory.limit.set(21);
    let full = (1..).find(|n| {
        let put = world.once(|state| {
            state.store.open_blob(gateway(1), key(*n), None)?;
            state.store.put(gateway(1), key(*n), 0, &[*n; CHUNK])
        });
        put == Err(Error::ResourceExhausted)
    });
    let full = full.unwrap();
    assert!(full > 50, "{full} blobs");
    // Deletions need no room, and what they free is used again.
    for n in 1..full {
        let deleted = world.state.store.delete(gateway(1), key(n), &chunks(9));
        assert_eq!(deleted, Ok(DeleteProgress::Done));
    }
    for n in 1..full - 10 {
        let put = world.once(|state| {
            state.store.open_blob(gateway(1), key(n), None)?;
            state.store.put(gateway(1), key(n), 0, &[n; CHUNK])
        });
        assert_eq!(put, Ok(()), "blob {n} of {full}");
    }
}

#[test]
fn a_store_at_its_capacity_opens_no_blob() {
    let mut state = super::state();
    let store = &mut state.store;
    store.open_blob(gateway(1), key(1), None).unwrap();
    store.change_totals(|totals| totals.capacity_bytes = 1_000);
    let refused = store.open_blob(gateway(1), key(2), None);
    assert_eq!(refused, Err(Error::ResourceExhausted));
    assert_eq!(store.open_blob(gateway(1), key(1), None), Ok(()));
    let refused = store.put(gateway(1), key(1), 0, b"chunk");
    assert_eq!(refused, Err(Error::ResourceExhausted));
    assert_eq!(store.meta(key(1)).unwrap().chunk_count, 0);
}
