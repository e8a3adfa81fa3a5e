//! Space that was freed is used again, whatever the sizes of the blobs before and after.

use super::blocks::check_blocks;
use super::{chunks, gateway};
use crate::blob::store::BlobStore;
use crate::state::State;
use capsule_shared::blob_store::{Declared, DeleteProgress};
use capsule_shared::{BlobKey, Error};
use ic_stable_structures::{Memory, VectorMemory};

const CAPACITY: u64 = 16 << 20;

/// The key of blob `n`.
fn key(n: u32) -> BlobKey {
    let mut key = [0; 32];
    // Its blob id is the first 8 bytes.
    key[..4].copy_from_slice(&n.to_be_bytes());
    BlobKey(key)
}

/// Puts blobs of so many bytes, three at a time in turns, until the store is full. Returns how many
/// were opened.
fn fill<M: Memory>(store: &mut BlobStore<M>, bytes: usize, chunk: usize) -> u32 {
    let count = bytes.div_ceil(chunk);
    for first in (0..).step_by(3) {
        let three = first..first + 3;
        for n in three.clone() {
            store
                .open_blob(gateway(1), key(n), None)
                .unwrap_or_else(|e| {
                    assert_eq!(e, Error::ResourceExhausted, "blob {n}");
                });
        }
        for index in 0..count {
            let len = chunk.min(bytes - index * chunk);
            for n in three.clone() {
                let data = vec![n as u8; len];
                match store.put(gateway(1), key(n), index as u32, &data) {
                    Ok(()) => {}
                    Err(Error::ResourceExhausted | Error::NotFound) => return first + 3,
                    Err(other) => panic!("blob {n}, chunk {index}: {other}"),
                }
            }
        }
        for n in three {
            let sealed = store.seal(gateway(1), key(n), count as u32, bytes as u64, None);
            sealed.unwrap();
        }
    }
    unreachable!("BUG: the store is never full")
}

#[test]
fn a_store_is_filled_ten_times_with_other_sizes_and_grows_once() {
    let memory = VectorMemory::default();
    let mut state = State::open(memory.clone());
    let store = &mut state.store;
    store.change_totals(|totals| totals.capacity_bytes = CAPACITY);
    let mut size = None;
    for (bytes, chunk) in [
        (5_000, 4_096),
        (300_000, 65_536),
        (1_300_000, 100_000),
        (70, 50),
        (2_000_000, 1_800_000),
        (40_961, 1_000),
        (9_000, 9_000),
        (4_097, 4_096),
        (700_000, 65_536),
        (5_000, 4_096),
    ] {
        let blobs = fill(store, bytes, chunk);
        let used = store.totals().space.allocated() * 4_096;
        // Three blobs and a chunk didn't fit.
        let least = CAPACITY - 4 * (bytes + chunk + 8_192).max(1_800_000) as u64;
        assert!(
            (least..=CAPACITY).contains(&used),
            "{used} bytes of blobs of {bytes}"
        );
        assert!(
            memory.size() <= *size.get_or_insert(memory.size()),
            "the memory grew"
        );
        check_blocks(store);
        // The odd ones first, so that what is free lies scattered for a while.
        for parity in [1, 0] {
            for n in (0..blobs).filter(|n| n % 2 == parity) {
                let deleted = store.delete(gateway(1), key(n), &chunks(u32::MAX));
                assert_eq!(deleted, Ok(DeleteProgress::Done));
            }
            check_blocks(store);
        }
        let space = store.totals().space;
        assert_eq!((space.allocated(), store.extents.free.counts().0), (0, 1));
    }
}

#[test]
fn scattered_free_blocks_take_a_large_blob() {
    let mut state = super::state();
    let store = &mut state.store;
    for n in 0..400 {
        store.open_blob(gateway(1), key(n), None).unwrap();
        store.put(gateway(1), key(n), 0, &[n as u8; 4_096]).unwrap();
        store.seal(gateway(1), key(n), 1, 4_096, None).unwrap();
    }
    for n in (0..400).step_by(2) {
        store.delete(gateway(1), key(n), &chunks(9)).unwrap();
    }
    let before = store.totals().space;
    assert_eq!(before.free, 200);
    let data: Vec<u8> = (0..200 * 4_096).map(|i| (i % 251) as u8).collect();
    store.open_blob(gateway(1), key(900), None).unwrap();
    store.put(gateway(1), key(900), 0, &data).unwrap();
    store
        .seal(gateway(1), key(900), 1, data.len() as u64, None)
        .unwrap();
    let after = store.totals().space;
    assert_eq!((after.free, after.high_water), (0, before.high_water));
    assert_eq!(store.read_chunk(key(900), 0).unwrap(), data);
    check_blocks(store);
}

#[test]
fn promises_are_kept_and_given_back() {
    let mut state = super::state();
    let store = &mut state.store;
    store.change_totals(|totals| totals.capacity_bytes = CAPACITY);
    let declared = |bytes, known| Some(Declared { bytes, known });
    let ten = declared(10_000_000, true);
    store.open_blob(gateway(1), key(1), ten).unwrap();
    // The bytes promised to one aren't there for another.
    let refused = store.open_blob(gateway(1), key(2), ten);
    assert_eq!(refused, Err(Error::ResourceExhausted));
    // A stranger's declaration takes a hundredth of what is free.
    let free = store.totals().free_bytes();
    store
        .open_blob(gateway(1), key(3), declared(6_000_000, false))
        .unwrap();
    assert_eq!(store.totals().promised.others, free / 100);
    store.release(gateway(1), key(3)).unwrap();
    assert_eq!(store.totals().free_bytes(), free);

    store.put(gateway(1), key(1), 0, &[1; 1_800_000]).unwrap();
    assert_eq!(store.totals().promised.known, 8_200_000);
    store.seal(gateway(1), key(1), 1, 1_800_000, None).unwrap();
    assert_eq!(store.totals().promised, Default::default());
    store.open_blob(gateway(1), key(2), ten).unwrap();
    store.delete(gateway(1), key(2), &chunks(9)).unwrap();
    assert_eq!(store.totals().promised, Default::default());
    assert_eq!(store.totals().blobs, 1);
}

#[test]
fn the_last_chunk_of_a_promised_blob_fits() {
    let mut state = super::state();
    let store = &mut state.store;
    store.change_totals(|totals| totals.capacity_bytes = CAPACITY);
    let all = Some(Declared {
        bytes: CAPACITY,
        known: true,
    });
    store.open_blob(gateway(1), key(1), all).unwrap();
    let chunks = CAPACITY.div_ceil(1_800_000) as u32;
    for index in 0..chunks {
        let len = 1_800_000.min(CAPACITY - u64::from(index) * 1_800_000);
        let put = store.put(gateway(1), key(1), index, &vec![1; len as usize]);
        assert_eq!(put, Ok(()), "chunk {index}");
    }
    let sealed = store.seal(gateway(1), key(1), chunks, CAPACITY, None);
    assert_eq!(sealed, Ok(()));
    assert_eq!(store.totals().used_bytes(), CAPACITY);
    check_blocks(store);
}
