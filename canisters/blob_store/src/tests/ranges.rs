//! Tests of reading ranges of bytes across chunks.

use super::copying::store_of;
use super::old::sealed as sealed_in_map;
use super::{gateway, key, state};
use crate::state::State;
use capsule_shared::limits::{MAX_CHUNKS, MAX_RANGE_BYTES};
use capsule_shared::{Error, Result};
use ic_stable_structures::VectorMemory;

/// A file of so many bytes in chunks of `chunk` bytes, and the store that holds it sealed.
fn sealed(bytes: usize, chunk: usize) -> (Vec<u8>, State<VectorMemory>) {
    let file: Vec<u8> = (0..bytes).map(|i| (i * 31 % 251) as u8).collect();
    let mut state = state();
    let store = &mut state.store;
    for n in [1, 2, 3] {
        // Its neighbours in the map are no part of it.
        store.open_blob(gateway(1), key(n), None).unwrap();
        let other = vec![n; chunk];
        let chunks = file.chunks(chunk).count() as u32;
        for (index, bytes) in (0..).zip(file.chunks(chunk)) {
            let bytes = if n == 2 { bytes } else { &other };
            store.put(gateway(1), key(n), index, bytes).unwrap();
        }
        if n == 2 {
            let sealed = store.seal(gateway(1), key(n), chunks, bytes as u64, None);
            sealed.unwrap();
        }
    }
    (file, state)
}

fn read(state: &State<VectorMemory>, n: u8, offset: u64, length: u64) -> Result<Vec<u8>> {
    let range = state
        .store
        .read_range(key(n), offset, length, Vec::with_capacity)?;
    Ok(range)
}

#[test]
fn every_range_has_the_bytes_of_the_file() {
    for (bytes, chunk) in [(1, 7), (7, 7), (8, 7), (50, 7), (49, 7), (9, 1)] {
        let (file, state) = sealed(bytes, chunk);
        for from in 0..bytes {
            for len in 1..bytes + 3 {
                let expected = &file[from..(from + len).min(bytes)];
                let got = read(&state, 2, from as u64, len as u64).unwrap();
                assert_eq!(got, expected, "{bytes} bytes in chunks of {chunk}");
            }
        }
    }
}

#[test]
fn the_most_chunks_are_read_with_two_ranges() {
    let (file, state) = sealed(MAX_CHUNKS as usize * 128, 128);
    let mut whole = read(&state, 2, 0, MAX_RANGE_BYTES).unwrap();
    assert_eq!(whole.len() as u64, MAX_RANGE_BYTES);
    whole.extend(read(&state, 2, MAX_RANGE_BYTES, MAX_RANGE_BYTES).unwrap());
    assert!(whole == file);
}

#[test]
fn the_buffer_is_made_for_the_bytes_that_come() {
    let (_, state) = sealed(50, 7);
    let buffer = |len| {
        assert_eq!(len, 6);
        vec![1, 2]
    };
    let read = state.store.read_range(key(2), 44, 100, buffer).unwrap();
    assert_eq!((read[..2].to_vec(), read.len()), (vec![1, 2], 8));
}

#[test]
fn bad_ranges_and_open_blobs_are_refused() {
    let (_, mut state) = sealed(50, 7);
    for (offset, length, text) in [
        (0, 0, "length is 0, expected 1 to 2000000"),
        (
            0,
            MAX_RANGE_BYTES + 1,
            "length is 2000001, expected 1 to 2000000",
        ),
        (50, 1, "offset is 50, expected 0 to 49"),
        (
            u64::MAX,
            MAX_RANGE_BYTES,
            "offset is 18446744073709551615, expected 0 to 49",
        ),
        (
            1,
            u64::MAX,
            "length is 18446744073709551615, expected 1 to 2000000",
        ),
    ] {
        assert_eq!(read(&state, 2, offset, length), Err(Error::invalid(text)));
    }
    assert!(matches!(read(&state, 1, 0, 1), Err(Error::Conflict(_))));
    assert_eq!(read(&state, 9, 0, 1), Err(Error::NotFound));
    let slice = super::chunks(1);
    state.store.delete(gateway(1), key(2), &slice).unwrap();
    assert_eq!(read(&state, 2, 0, 1), Err(Error::NotFound));
}

/// Gateways never put such chunks. Wrong bytes would be worse than none.
#[test]
fn chunks_of_other_lengths_are_not_read_as_a_range() {
    let (_, state) = store_of(&[
        sealed_in_map(1, &[b"one", b"2", b"three"]),
        sealed_in_map(2, &[b"1", b"more"]),
    ]);
    let text = "chunk 1 has 1 bytes, expected 3";
    assert_eq!(read(&state, 1, 0, 9), Err(Error::conflict(text)));
    let text = "the chunks have 5 bytes, expected 1 of 1 bytes and a last one";
    assert_eq!(read(&state, 2, 0, 5), Err(Error::conflict(text)));
}
