//! Golden bytes of every stored record and key. Those of release 0.1.0 stay, because an installed
//! store may hold them. A changed layout needs a new version and golden bytes beside these.

use super::{chunks, gateway, key, state};
use crate::blob::layout::{Layout, Odd, Shape};
use crate::blob::record::Promise;
use crate::blob::record::{BlobRecord, BlobState, Hashed};
use crate::check::record::{Check, LastCheck};
use crate::extents::block::Run;
use crate::extents::space::Space;
use crate::migration::{Copying, Left, Migration};
use crate::totals::{Promised, Totals};
use candid::Principal;
use canister_common::golden::{assert_golden, assert_readable};
use canister_common::midstate::Midstate;
use capsule_shared::blob_store::{CheckOptions, CheckStage, FaultKind, MOST_CAPACITY_BYTES};

/// A record in this state, with `bytes` bytes in these chunks, which lie in the map.
fn record(state: BlobState, bytes: u64, chunks: impl IntoIterator<Item = u32>) -> BlobRecord {
    let mut record = BlobRecord::new(Principal::from_slice(&[9, 8]));
    record.state = state;
    record.bytes = bytes;
    record.layout = Layout::Map;
    for index in chunks {
        record.chunks.insert(index);
    }
    record
}

/// The fields of version 3 behind those of version 2: in the map, nothing promised, no hash.
const IN_MAP: &str = "00 0000000000000000 00 00";

/// Checks a record that has no midstate: release 0.1.0 wrote the same fields as version 1.
#[track_caller]
fn pin(record: &BlobRecord, fields: &str) {
    assert_readable(&format!("01 {fields}"), record);
    assert_readable(&format!("02 {fields}"), record);
    assert_golden(record, &format!("03 {fields} {IN_MAP}"));
}

#[test]
fn the_record_of_a_file_is_pinned() {
    let mut record = record(BlobState::Open, 0x0102, [4]);
    record.layout = Layout::File(Shape {
        chunk_len: 0x0102,
        apart: Some(Odd { index: 4, len: 5 }),
        short: Some(Odd { index: 6, len: 7 }),
    });
    record.promise = Promise {
        bytes: 8,
        known: true,
    };
    record.sha256 = Some([9; 32]);
    let sha256 = "09".repeat(32);
    assert_golden(
        &record,
        &format!(
            "03 00 02 0908 0201000000000000 00000000 0000000000000000 00
             00000000 01000000 1000000000000000
             01 02010000 04000000 05000000 06000000 07000000
             0800000000000000 01 20 {sha256}"
        ),
    );
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
    store.open_blob(gateway(1), key(1), None).unwrap();
    store.put(gateway(1), key(1), 0, b"one").unwrap();
    store.put(gateway(1), key(1), 1, b"two").unwrap();
    store.digest(gateway(1), key(1), &chunks(1)).unwrap();
    store.records.get(&key(1).0).unwrap()
}

#[test]
fn a_record_with_a_midstate_is_pinned() {
    assert_golden(
        &half_hashed(),
        "03 00 0a 01010101010101010101 0600000000000000 01000000 0300000000000000 2c
         67e6096a85ae67bb72f36e3c3af54fa57f520e518c68059babd9831f19cde05b
         0300000000000000 03 6f6e65
         00000000 01000000 0300000000000000
         01 03000000 00000000 00000000 00000000 00000000 0000000000000000 00 00",
    );
}

/// The same, as release 0.1.0 had it.
fn half_hashed_in_map() -> BlobRecord {
    BlobRecord {
        layout: Layout::Map,
        ..half_hashed()
    }
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
    assert_readable(&of_0_1_0("03"), &half_hashed_in_map());
}

#[test]
fn a_blob_whose_midstate_cannot_be_read_is_hashed_again() {
    let mut again = half_hashed_in_map();
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
        space: Space {
            high_water: 9,
            second: 8,
            free: 7,
        },
        promised: Promised {
            known: 6,
            others: 5,
        },
        capacity_bytes: 4 << 30,
        migration: Migration::Nothing,
    };
    let fields = "02 0100000000000000 0200000000000000 0807060504030201
         09000000 08000000 07000000 0600000000000000 0500000000000000 0000000001000000";
    assert_golden(&totals, &format!("{fields} 00"));
    let done = Totals {
        migration: Migration::Done,
        ..totals
    };
    assert_golden(&done, &format!("{fields} 02"));
    let copying = Copying {
        left: Left {
            chunks: 3,
            bytes: 0x0102,
        },
        cursor: Some([5; 32]),
        copied: 6,
        chunk_len: 7,
        kept: 1,
        first_kept: Some([4; 32]),
        again: true,
        in_use: false,
    };
    let copying = Totals {
        migration: Migration::Copying(copying),
        ..totals
    };
    let five = "05".repeat(32);
    let four = "04".repeat(32);
    assert_golden(
        &copying,
        &format!(
            "{fields} 01 0300000000000000 0201000000000000 20 {five} 06000000 07000000
             01000000 20 {four} 01 00"
        ),
    );
}

#[test]
fn the_totals_of_release_0_1_0_are_all_left_to_copy() {
    let totals = Totals {
        blobs: 1,
        chunks: 2,
        bytes: 0x0102_0304_0506_0708,
        migration: Migration::from_0_1_0(2, 0x0102_0304_0506_0708),
        // So many bytes are above any capacity.
        capacity_bytes: MOST_CAPACITY_BYTES,
        ..Totals::default()
    };
    assert_readable(
        "01 0100000000000000 0200000000000000 0807060504030201",
        &totals,
    );
}

#[test]
fn runs_of_blocks_are_pinned() {
    let run = Run {
        first: 0x0102_0304,
        blocks: 5,
    };
    assert_golden(&run, "01 04030201 05000000");
    assert_golden(
        &([5_u8; 32], 6_u32),
        &format!("{} 00000006", "05".repeat(32)),
    );
    assert_golden(&(1_u32, 2_u32), "00000001 00000002");
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

#[test]
fn the_check_is_pinned() {
    assert_golden(&LastCheck(None), "01 00");
    let options = CheckOptions {
        repair: true,
        contents: false,
    };
    let mut check = Check::begin(options, 0x0102);
    check.status.stage = CheckStage::Contents;
    check.status.blobs = 3;
    check.status.hashed_blobs = 4;
    check.status.hashed_bytes = 5;
    check.status.without_sha256 = 6;
    check.status.mended = 7;
    check.found(FaultKind::Missing, Some([8; 32]), "no".into());
    check.found(FaultKind::Sha256, None, String::new());
    check.cursor = [9; 32];
    check.expected = Some([10; 32]);
    let [key, cursor, expected] = ["08", "09", "0a"].map(|byte| byte.repeat(32));
    let golden = |hashed: &str| {
        format!(
            "01 01 01 00 0201000000000000 01
             0300000000000000 0400000000000000 0500000000000000 0600000000000000
             0200000000000000 0700000000000000
             02000000 04 00 20 {key} 02000000 6e6f 08 00 00 00000000
             20 {cursor} 20 {expected} {hashed}"
        )
    };
    let last = LastCheck(Some(check.clone()));
    assert_golden(&last, &golden("00000000 0000000000000000 00"));
    check.expected = None;
    check.hashed = Hashed {
        chunks: 1,
        bytes: 3,
        midstate: Midstate::default().followed_by(b"abc"),
    };
    let last = LastCheck(Some(check));
    let hashed = "01000000 0300000000000000
        2c 67e6096a85ae67bb72f36e3c3af54fa57f520e518c68059babd9831f19cde05b
        0300000000000000 03 616263";
    assert_golden(
        &last,
        &golden(hashed).replace(&format!("20 {expected}"), "00"),
    );
}
