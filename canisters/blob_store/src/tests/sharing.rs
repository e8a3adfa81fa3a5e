//! Tests of sharing a blob with another store, on the side of the store that has it.

use super::copying::store_of;
use super::old::sealed as sealed_in_map;
use super::rules::put_scattered;
use super::{chunks, gateway, key, state};
use crate::state::State;
use capsule_shared::blob_store::{DeleteProgress, SharedBlob};
use capsule_shared::limits::MAX_RANGE_BYTES;
use capsule_shared::{Error, Result};
use ic_stable_structures::VectorMemory;

/// A store with a sealed blob under key 1, of these chunks in this order, and an open one under
/// key 2.
fn with_blob(parts: &[(u32, &[u8])]) -> State<VectorMemory> {
    let mut state = state();
    let store = &mut state.store;
    for n in [1, 2] {
        store.open_blob(gateway(1), key(n), None).unwrap();
        for (index, bytes) in parts {
            store.put(gateway(1), key(n), *index, bytes).unwrap();
        }
    }
    let bytes = parts.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    let count = parts.len() as u32;
    let sealed = store.seal(gateway(1), key(1), count, bytes, Some([7; 32]));
    sealed.unwrap();
    state
}

fn share(state: &mut State<VectorMemory>, n: u8, with: u8) -> Result<SharedBlob> {
    state.share(gateway(1), key(n), gateway(with))
}

fn read(state: &State<VectorMemory>, who: u8, n: u8, offset: u64, length: u64) -> Result<Vec<u8>> {
    state.read_shared(gateway(who), key(n), offset, length, Vec::with_capacity)
}

#[test]
fn a_share_tells_the_numbers_of_the_blob_in_whatever_order_it_came() {
    for (parts, expected) in [
        (&[(0, &b"only"[..])][..], (4, 1, 4)),
        (&[(0, b"one"), (1, b"two"), (2, b"3")], (7, 3, 3)),
        (&[(2, b"3"), (0, b"one"), (1, b"two")], (7, 3, 3)),
        (&[(1, b"two"), (2, b"3"), (0, b"one")], (7, 3, 3)),
        (&[(1, b"two"), (0, b"one")], (6, 2, 3)),
    ] {
        let mut state = with_blob(parts);
        let (bytes, chunk_count, chunk_bytes) = expected;
        let shared = SharedBlob {
            bytes,
            chunk_count,
            chunk_bytes,
        };
        assert_eq!(share(&mut state, 1, 9), Ok(shared));
        assert_eq!(share(&mut state, 1, 9), Ok(shared));
    }
}

#[test]
fn only_the_owner_shares_and_only_a_sealed_blob() {
    let mut state = with_blob(&[(0, b"one")]);
    let other = state.share(gateway(2), key(1), gateway(9));
    assert_eq!(other, Err(Error::Unauthorized));
    assert_eq!(share(&mut state, 3, 9), Err(Error::NotFound));
    let text = "the blob is open, expected a sealed blob; only those can be shared";
    assert_eq!(share(&mut state, 2, 9), Err(Error::conflict(text)));
    // None of them left a share.
    assert_eq!(
        state.shares.check_reader(gateway(9)),
        Err(Error::Unauthorized)
    );
}

#[test]
fn strangers_learn_nothing_and_readers_are_told_what_is_wrong() {
    let mut state = with_blob(&[(0, b"one"), (1, b"two"), (2, b"3")]);
    share(&mut state, 1, 9).unwrap();
    // Gateways without a share are strangers, too, and so is the owner.
    for (who, n) in [(1, 1), (8, 1), (8, 3), (9, 2), (9, 3)] {
        for (offset, length) in [(0, 1), (0, 0), (u64::MAX, u64::MAX)] {
            let refused = read(&state, who, n, offset, length);
            assert_eq!(refused, Err(Error::Unauthorized));
        }
    }
    assert_eq!(read(&state, 9, 1, 2, 3).unwrap(), b"etw");
    assert_eq!(read(&state, 9, 1, 0, MAX_RANGE_BYTES).unwrap(), b"onetwo3");
    let text = "offset is 7, expected 0 to 6";
    assert_eq!(read(&state, 9, 1, 7, 1), Err(Error::invalid(text)));
    let text = "length is 0, expected 1 to 2000000";
    assert_eq!(read(&state, 9, 1, 0, 0), Err(Error::invalid(text)));
}

#[test]
fn deleting_a_blob_ends_its_shares_with_the_first_slice() {
    let mut state = state();
    state.store.open_blob(gateway(1), key(1), None).unwrap();
    put_scattered(&mut state);
    let sealed = state.store.seal(gateway(1), key(1), 5, 5 * 4_096, None);
    sealed.unwrap();
    share(&mut state, 1, 8).unwrap();
    share(&mut state, 1, 9).unwrap();
    let refused = state.delete(gateway(2), key(1), &chunks(9));
    assert_eq!(refused, Err(Error::Unauthorized));
    assert_eq!(read(&state, 9, 1, 0, 1).unwrap(), [1]);
    let deleted = state.delete(gateway(1), key(1), &chunks(1));
    assert_eq!(deleted, Ok(DeleteProgress::Remaining(5)));
    assert_eq!(read(&state, 9, 1, 0, 1), Err(Error::Unauthorized));
    let deleted = state.delete(gateway(1), key(1), &chunks(9));
    assert_eq!(deleted, Ok(DeleteProgress::Done));
    // A later blob under the key isn't shared.
    let store = &mut state.store;
    store.open_blob(gateway(1), key(1), None).unwrap();
    store.put(gateway(1), key(1), 0, b"new").unwrap();
    store.seal(gateway(1), key(1), 1, 3, None).unwrap();
    assert_eq!(read(&state, 8, 1, 0, 1), Err(Error::Unauthorized));
}

#[test]
fn the_new_owner_shares_after_a_transfer() {
    let mut state = with_blob(&[(0, b"one")]);
    for n in [1, 2] {
        state.gateways.register(gateway(n)).unwrap();
    }
    state.gateways_transfer(gateway(1), gateway(2)).unwrap();
    assert_eq!(share(&mut state, 1, 9), Err(Error::Unauthorized));
    assert!(state.share(gateway(2), key(1), gateway(9)).is_ok());
}

#[test]
fn a_restart_forgets_shares() {
    let memory = VectorMemory::default();
    let mut state = State::open(memory.clone());
    let store = &mut state.store;
    store.open_blob(gateway(1), key(1), None).unwrap();
    store.put(gateway(1), key(1), 0, b"one").unwrap();
    store.seal(gateway(1), key(1), 1, 3, None).unwrap();
    share(&mut state, 1, 9).unwrap();
    let mut state = State::open(memory);
    assert_eq!(read(&state, 9, 1, 0, 1), Err(Error::Unauthorized));
    share(&mut state, 1, 9).unwrap();
    assert_eq!(read(&state, 9, 1, 0, 1).unwrap(), b"o");
}

/// Blobs of schema version 1 are shared before they are copied, too.
#[test]
fn a_blob_in_the_map_is_shared_unless_its_chunks_have_odd_lengths() {
    let (_, mut state) = store_of(&[
        sealed_in_map(1, &[b"one", b"two", b"3"]),
        sealed_in_map(2, &[b"1", b"more"]),
    ]);
    let shared = share(&mut state, 1, 9).unwrap();
    let numbers = (shared.bytes, shared.chunk_count, shared.chunk_bytes);
    assert_eq!(numbers, (7, 3, 3));
    assert_eq!(read(&state, 9, 1, 2, 3).unwrap(), b"etw");
    let text = "the chunks have 5 bytes, expected 1 of 1 bytes and a last one";
    assert_eq!(share(&mut state, 2, 9), Err(Error::conflict(text)));
}
