//! Tests of the rules of the store, one at a time.

use super::blocks::check_blocks;
use super::{chunks, gateway, key, state};
use crate::blob::slice::Slice;
use crate::state::State;
use capsule_shared::blob_store::{DeleteProgress, DigestProgress, StoredBlob};
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_CHUNKS};
use capsule_shared::{BlobKey, Error};
use ic_stable_structures::VectorMemory;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use std::cell::Cell;

fn with_blob(parts: &[&[u8]]) -> State<VectorMemory> {
    let mut state = state();
    state.store.open_blob(gateway(1), key(1), None).unwrap();
    for (index, bytes) in parts.iter().enumerate() {
        let put = state.store.put(gateway(1), key(1), index as u32, bytes);
        put.unwrap();
    }
    state
}

fn is_conflict<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Conflict(_)))
}

fn invalid<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::InvalidArgument(text)) => text,
        other => panic!("expected InvalidArgument, got {other:?}"),
    }
}

fn sha256(bytes: &[u8]) -> DigestProgress {
    DigestProgress::Done(ByteBuf::from(Sha256::digest(bytes).to_vec()))
}

#[test]
fn any_gateway_reads_back_the_chunks_that_were_put() {
    let state = with_blob(&[b"one", b"two", b"3"]);
    assert_eq!(state.store.read_chunk(key(1), 1).unwrap(), b"two");
    assert_eq!(state.store.read_chunk(key(1), 3), Err(Error::NotFound));
    assert_eq!(state.store.read_chunk(key(2), 0), Err(Error::NotFound));
    assert_eq!(
        state.store.meta(key(1)).unwrap(),
        StoredBlob {
            gateway: gateway(1),
            owner: Some(gateway(1)),
            bytes: 7,
            chunk_count: 3,
            sealed: false
        }
    );
}

#[test]
fn opening_again_is_ok_for_the_same_gateway_while_empty() {
    let mut state = with_blob(&[]);
    assert_eq!(state.store.open_blob(gateway(1), key(1), None), Ok(()));
    state.store.put(gateway(1), key(1), 0, b"one").unwrap();
    assert!(is_conflict(state.store.open_blob(gateway(1), key(1), None)));
    assert_eq!(state.store.meta(key(1)).unwrap().chunk_count, 1);
    assert!(is_conflict(state.store.open_blob(gateway(2), key(1), None)));
    state.store.seal(gateway(1), key(1), 1, 3, None).unwrap();
    assert!(is_conflict(state.store.open_blob(gateway(1), key(1), None)));
}

#[test]
fn a_release_removes_only_an_empty_blob_of_the_caller() {
    let mut state = with_blob(&[]);
    assert_eq!(state.store.release(gateway(2), key(1)), Ok(()));
    assert!(state.store.meta(key(1)).is_ok());
    assert_eq!(state.store.release(gateway(1), key(1)), Ok(()));
    assert_eq!(state.store.meta(key(1)), Err(Error::NotFound));
    assert_eq!(state.store.totals().blobs, 0);
    assert_eq!(state.store.release(gateway(1), key(1)), Ok(()));

    let mut state = with_blob(&[b"one"]);
    assert_eq!(state.store.release(gateway(1), key(1)), Ok(()));
    state.store.seal(gateway(1), key(1), 1, 3, None).unwrap();
    assert_eq!(state.store.release(gateway(1), key(1)), Ok(()));
    assert_eq!(state.store.read_chunk(key(1), 0), Ok(b"one".to_vec()));
}

#[test]
fn a_blob_id_belongs_to_one_key() {
    let mut state = with_blob(&[]);
    let mut twin = key(1);
    twin.0[31] ^= 1;
    assert!(is_conflict(state.store.open_blob(gateway(1), twin, None)));
    assert_eq!(state.store.meta(twin), Err(Error::NotFound));
    state.store.delete(gateway(1), key(1), &chunks(1)).unwrap();
    assert_eq!(state.store.open_blob(gateway(1), twin, None), Ok(()));
}

#[test]
fn only_the_gateway_that_opened_a_blob_changes_it() {
    let mut state = with_blob(&[b"one"]);
    let store = &mut state.store;
    assert_eq!(
        store.put(gateway(2), key(1), 0, b"one"),
        Err(Error::Unauthorized)
    );
    assert_eq!(
        store.seal(gateway(2), key(1), 1, 3, None),
        Err(Error::Unauthorized)
    );
    assert_eq!(
        store.digest(gateway(2), key(1), &chunks(9)),
        Err(Error::Unauthorized)
    );
    assert_eq!(
        store.delete(gateway(2), key(1), &chunks(9)),
        Err(Error::Unauthorized)
    );
    assert_eq!(store.meta(key(1)).unwrap().bytes, 3);
}

#[test]
fn the_first_bytes_of_an_index_stay() {
    let mut state = with_blob(&[b"one", b"two"]);
    assert_eq!(state.store.put(gateway(1), key(1), 1, b"two"), Ok(()));
    for other in [&b"tw"[..], b"twofold", b"TWO"] {
        assert!(is_conflict(state.store.put(gateway(1), key(1), 1, other)));
    }
    assert_eq!(state.store.read_chunk(key(1), 1).unwrap(), b"two");
    state.store.seal(gateway(1), key(1), 2, 6, None).unwrap();
    assert_eq!(state.store.put(gateway(1), key(1), 1, b"two"), Ok(()));
    assert!(is_conflict(state.store.put(gateway(1), key(1), 1, b"TWO")));
    assert!(is_conflict(state.store.put(gateway(1), key(1), 2, b"new")));
    assert_eq!(state.store.meta(key(1)).unwrap().bytes, 6);
}

#[test]
fn index_and_length_of_a_chunk_have_limits() {
    let mut state = with_blob(&[]);
    let full = vec![1; MAX_CHUNK_BYTES];
    let store = &mut state.store;
    assert_eq!(store.put(gateway(1), key(1), MAX_CHUNKS - 1, &full), Ok(()));
    let text = invalid(store.put(gateway(1), key(1), MAX_CHUNKS, b"x"));
    assert_eq!(text, "chunk index is 16384, expected 0 to 16383");
    let text = invalid(store.put(gateway(1), key(1), 0, b""));
    assert_eq!(text, "chunk length is 0 bytes, expected 1 to 1800000");
    invalid(store.put(gateway(1), key(1), 0, &vec![1; MAX_CHUNK_BYTES + 1]));
    assert_eq!(store.put(gateway(1), key(2), 0, b"x"), Err(Error::NotFound));
    assert_eq!(store.read_chunk(key(1), MAX_CHUNKS - 1).unwrap(), full);
}

#[test]
fn a_refused_seal_says_what_does_not_match() {
    let mut state = with_blob(&[b"one", b"two"]);
    let store = &mut state.store;
    store.put(gateway(1), key(1), 3, b"4").unwrap();
    let text = invalid(store.seal(gateway(1), key(1), 5, 9, None));
    assert_eq!(
        text,
        "chunk 2 is missing, expected chunks 0 to 4 (2 are missing)"
    );
    let text = invalid(store.seal(gateway(1), key(1), 2, 6, None));
    assert_eq!(text, "3 chunks are stored, expected 2");
    store.put(gateway(1), key(1), 2, b"333").unwrap();
    let text = invalid(store.seal(gateway(1), key(1), 4, 11, None));
    assert_eq!(text, "10 bytes are stored, expected 11");
    invalid(store.seal(gateway(1), key(1), 0, 0, None));
    invalid(store.seal(gateway(1), key(1), MAX_CHUNKS + 1, 10, None));
    assert!(!store.meta(key(1)).unwrap().sealed);
    assert_eq!(
        store.seal(gateway(1), key(2), 4, 10, None),
        Err(Error::NotFound)
    );
    assert_eq!(store.seal(gateway(1), key(1), 4, 10, None), Ok(()));
    assert_eq!(store.seal(gateway(1), key(1), 4, 10, None), Ok(()));
    assert!(is_conflict(store.seal(gateway(1), key(1), 4, 9, None)));
    assert!(is_conflict(store.seal(gateway(1), key(1), 3, 10, None)));
    assert!(store.meta(key(1)).unwrap().sealed);
}

#[test]
fn a_blob_is_hashed_in_slices_across_restarts() {
    let memory = VectorMemory::default();
    let mut state = State::open(memory.clone());
    state.store.open_blob(gateway(1), key(1), None).unwrap();
    let mut all = Vec::new();
    for index in 0..10u8 {
        let bytes = vec![index; 50];
        let put = state.store.put(gateway(1), key(1), index.into(), &bytes);
        put.unwrap();
        all.extend(bytes);
    }
    let of = all.len() as u64;
    let mut calls = 0;
    let digest = loop {
        state = State::open(memory.clone());
        calls += 1;
        match state.store.digest(gateway(1), key(1), &chunks(3)).unwrap() {
            DigestProgress::Hashed { bytes, of: all } => {
                assert!(bytes < of && all == of);
            }
            done => break done,
        }
    };
    assert_eq!((calls, digest), (4, sha256(&all)));
    state.store.seal(gateway(1), key(1), 10, of, None).unwrap();
    let again = state.store.digest(gateway(1), key(1), &chunks(1));
    assert_eq!(again.unwrap(), sha256(&all));
}

#[test]
fn the_next_call_hashes_chunks_that_were_put_meanwhile() {
    let mut state = with_blob(&[b"one", b"two"]);
    let store = &mut state.store;
    let digest = store.digest(gateway(1), key(1), &chunks(9));
    assert_eq!(digest.unwrap(), sha256(b"onetwo"));
    store.put(gateway(1), key(1), 3, b"4").unwrap();
    assert!(is_conflict(store.digest(gateway(1), key(1), &chunks(9))));
    store.put(gateway(1), key(1), 2, b"thr").unwrap();
    let digest = store.digest(gateway(1), key(1), &chunks(9));
    assert_eq!(digest.unwrap(), sha256(b"onetwothr4"));
}

#[test]
fn hashing_stops_at_a_missing_chunk_and_names_it() {
    let mut state = with_blob(&[b"one"]);
    state.store.put(gateway(1), key(1), 2, b"thr").unwrap();
    assert_eq!(
        state.store.digest(gateway(1), key(1), &chunks(9)),
        Ok(DigestProgress::Hashed { bytes: 3, of: 6 })
    );
    assert_eq!(
        state.store.digest(gateway(1), key(1), &chunks(9)),
        Err(Error::conflict(
            "chunk 1 is missing, expected it before later chunks are hashed"
        ))
    );
}

#[test]
fn a_slice_ends_when_its_instructions_are_used() {
    let mut state = with_blob(&[b"one", b"two", b"thr", b"4"]);
    let used = Cell::new(0);
    let slice = Slice {
        used: &|| {
            used.set(used.get() + 10);
            used.get()
        },
        instructions: 20,
        chunks: 100,
    };
    assert_eq!(
        state.store.digest(gateway(1), key(1), &slice),
        Ok(DigestProgress::Hashed { bytes: 6, of: 10 })
    );
    let mut state = with_blob(&[]);
    put_scattered(&mut state);
    // No instructions are left, and still each call deletes one run.
    for _ in 0..2 {
        let delete = state.store.delete(gateway(1), key(1), &slice);
        assert_eq!(delete, Ok(DeleteProgress::Remaining(5)));
    }
    let delete = state.store.delete(gateway(1), key(1), &slice);
    assert_eq!(delete, Ok(DeleteProgress::Done));
}

/// Puts five chunks into an empty blob, and between them those of another blob, so that the blocks
/// of each lie in three runs.
pub fn put_scattered(state: &mut State<VectorMemory>) {
    let store = &mut state.store;
    store.open_blob(gateway(1), key(7), None).unwrap();
    for index in 0..5 {
        for n in [1, 7] {
            store.put(gateway(1), key(n), index, &[n; 4_096]).unwrap();
        }
    }
    assert_eq!(store.extents.files.of(&key(1).0).count(), 3);
}

#[test]
fn nobody_sees_a_blob_that_is_being_deleted() {
    let memory = VectorMemory::default();
    let mut state = State::open(memory.clone());
    state.store.open_blob(gateway(1), key(1), None).unwrap();
    put_scattered(&mut state);
    let delete = state.store.delete(gateway(1), key(1), &chunks(1));
    assert_eq!(delete, Ok(DeleteProgress::Remaining(5)));
    let mut state = State::open(memory);
    let store = &mut state.store;
    assert_eq!(store.meta(key(1)), Err(Error::NotFound));
    assert_eq!(store.read_chunk(key(1), 0), Err(Error::NotFound));
    assert_eq!(
        store.put(gateway(1), key(1), 0, b"bytes"),
        Err(Error::NotFound)
    );
    assert_eq!(
        store.seal(gateway(1), key(1), 3, 15, None),
        Err(Error::NotFound)
    );
    assert_eq!(
        store.digest(gateway(1), key(1), &chunks(9)),
        Err(Error::NotFound)
    );
    assert!(is_conflict(store.open_blob(gateway(1), key(1), None)));
    assert_eq!(
        store.delete(gateway(1), key(1), &chunks(1)),
        Ok(DeleteProgress::Remaining(5))
    );
    assert_eq!(
        store.delete(gateway(1), key(1), &chunks(2)),
        Ok(DeleteProgress::Done)
    );
    assert_eq!(
        store.delete(gateway(1), key(1), &chunks(2)),
        Ok(DeleteProgress::Done)
    );
    store.delete(gateway(1), key(7), &chunks(9)).unwrap();
    check_blocks(store);
    let space = store.totals().space;
    assert_eq!((space.allocated(), space.free), (0, space.high_water));
    assert_eq!(store.open_blob(gateway(2), key(1), None), Ok(()));
    assert_eq!(
        store.delete(gateway(1), BlobKey([9; 32]), &chunks(2)),
        Ok(DeleteProgress::Done)
    );
}

/// The chunk that comes first lies apart. The seal takes no blocks from those around its place.
#[test]
fn chunks_in_any_order_are_there_after_the_seal() {
    for (len, count) in [(1_000usize, 9u32), (100, 30), (4_096, 5), (3_000, 7)] {
        for first in 0..count {
            let mut state = with_blob(&[]);
            let store = &mut state.store;
            let chunk = |index: u32| match index + 1 == count {
                true => vec![index as u8; len / 2],
                false => vec![index as u8; len],
            };
            for index in [first]
                .into_iter()
                .chain((0..count).filter(|i| *i != first))
            {
                store.put(gateway(1), key(1), index, &chunk(index)).unwrap();
            }
            let bytes = (count as usize - 1) * len + len / 2;
            let sealed = store.seal(gateway(1), key(1), count, bytes as u64, None);
            sealed.unwrap();
            check_blocks(store);
            for index in 0..count {
                let read = store.read_chunk(key(1), index);
                assert!(
                    read == Ok(chunk(index)),
                    "chunk {index} of {len}, {first} first"
                );
            }
        }
    }
}
