//! Golden bytes of every stored record and key. Those of release 0.1.0 stay, because an installed
//! store may hold them. A changed layout needs a new version and golden bytes beside these.

use super::{chunks, gateway, key, state};
use crate::blob::record::{BlobRecord, BlobState, Hashed};
use crate::totals::Totals;
use candid::Principal;
use canister_common::golden::{assert_golden, assert_readable};

/// A record in this state, with `bytes` bytes in these chunks.
fn record(state: BlobState, bytes: u64, chunks: impl IntoIterator<Item = u32>) -> BlobRecord {
    let mut record = BlobRecord::new(Principal::from_slice(&[9, 8]));
    record.state = state;
    record.bytes = bytes;
    for index in chunks {
        record.chunks.insert(index);
    }
    record
}

/// Checks a record that has no midstate: release 0.1.0 wrote the same fields as version 1.
#[track_caller]
fn pin(record: &BlobRecord, fields: &str) {
    assert_readable(&format!("01 {fields}"), record);
    assert_golden(record, &format!("02 {fields}"));
}

#[test]
fn the_record_of_an_empty_blob_is_pinned() {
    pin(
        &record(BlobState::Open, 0, []),
        "00 02 0908 0000000000000000 00000000 0000000000000000 00
         00000000 00000000",
    );
}

/// Two full words, then one with the three chunks behind them.
#[test]
fn a_record_with_chunks_in_order_is_pinned() {
    pin(
        &record(BlobState::Sealed, 0x0102_0304_0506, 0..131),
        "01 02 0908 0605040302010000 00000000 0000000000000000 00
         02000000 01000000 0700000000000000",
    );
}

#[test]
fn a_record_with_chunks_apart_is_pinned() {
    pin(
        &record(BlobState::Deleting, 7, [1, 66, 191]),
        "02 02 0908 0700000000000000 00000000 0000000000000000 00
         00000000 03000000 0200000000000000 0400000000000000 0000000000000080",
    );
}

/// A record of which the store has hashed one chunk.
fn half_hashed() -> BlobRecord {
    let mut state = state();
    let store = &mut state.store;
    store.open_blob(gateway(1), key(1)).unwrap();
    store.put(gateway(1), key(1), 0, b"one").unwrap();
    store.put(gateway(1), key(1), 1, b"two").unwrap();
    store.digest(gateway(1), key(1), &chunks(1)).unwrap();
    store.records.get(&key(1).0).unwrap()
}

#[test]
fn a_record_with_a_midstate_is_pinned() {
    assert_golden(
        &half_hashed(),
        "02 00 0a 01010101010101010101 0600000000000000 01000000 0300000000000000 2c
         67e6096a85ae67bb72f36e3c3af54fa57f520e518c68059babd9831f19cde05b
         0300000000000000 03 6f6e65
         00000000 01000000 0300000000000000",
    );
}

/// A record of release 0.1.0 whose unfinished block has this length as a byte.
fn of_0_1_0(len: &str) -> String {
    format!(
        "01 00 0a 01010101010101010101 0600000000000000 01000000 0300000000000000 68
         67e6096a85ae67bb72f36e3c3af54fa57f520e518c68059babd9831f19cde05b
         0000000000000000
         {len}6f6e6500000000000000000000000000000000000000000000000000000000
         0000000000000000000000000000000000000000000000000000000000000000
         00000000 01000000 0300000000000000"
    )
}

#[test]
fn a_midstate_of_release_0_1_0_is_read() {
    assert_readable(&of_0_1_0("03"), &half_hashed());
}

#[test]
fn a_blob_whose_midstate_cannot_be_read_is_hashed_again() {
    let mut again = half_hashed();
    again.hashed = Hashed::default();
    // A block has at most 63 unfinished bytes, and the chunk has 3.
    assert_readable(&of_0_1_0("40"), &again);
    assert_readable(&of_0_1_0("02"), &again);
}

#[test]
fn the_totals_are_pinned() {
    let totals = Totals {
        blobs: 1,
        chunks: 2,
        bytes: 0x0102_0304_0506_0708,
    };
    assert_golden(
        &totals,
        "01 0100000000000000 0200000000000000 0807060504030201",
    );
}

/// Big-endian, so that the chunks of a blob lie in the order of their indexes.
#[test]
fn the_key_of_a_chunk_is_pinned() {
    assert_golden(
        &([5_u8; 32], 0x0102_0304_u32),
        "0505050505050505050505050505050505050505050505050505050505050505 01020304",
    );
}

#[test]
fn blob_ids_and_their_keys_are_pinned() {
    assert_golden(&0x0102_0304_0506_0708_u64, "0102030405060708");
    assert_golden(
        &[5_u8; 32],
        "0505050505050505050505050505050505050505050505050505050505050505",
    );
}
