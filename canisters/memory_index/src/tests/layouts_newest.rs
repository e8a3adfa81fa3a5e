//! Golden bytes of the records as they are written now. `layouts` has those of release 0.1.0.

use super::assets;
use super::layouts::{golden, memory, new_capsule, person};
use crate::capsules::record::{CapsuleRecord, StoredController};
use crate::counters::Counters;
use crate::memories::record::{MemoryRecord, StoreTotals, StoredTakedown, StoredTrash};
use candid::Principal;
use canister_common::golden::assert_golden;
use capsule_shared::capsule::PersonRef;
use serde_bytes::ByteBuf;

#[test]
fn the_record_of_a_capsule_is_pinned() {
    let controller = StoredController {
        granted_at: 3,
        granted_by: person(&[7, 7]),
    };
    let capsule = CapsuleRecord {
        controllers: vec![(person(&[8, 8, 8]), controller)],
        updated_at: 3,
        stored_bytes: 4,
        memory_count: 5,
        trash_count: Some(6),
        metadata_bytes: Some(7),
        ..new_capsule(PersonRef::Opaque("grandma".into()))
    };
    assert_golden(&capsule, &golden(CAPSULE_TYPES, CAPSULE));
    assert_golden(
        &new_capsule(person(&[7, 7])),
        &golden(CAPSULE_TYPES, NEW_CAPSULE),
    );
}

#[test]
fn the_record_of_a_memory_is_pinned() {
    let kept = MemoryRecord {
        metadata_bytes: Some(40),
        ..memory(assets::note())
    };
    assert_golden(&kept, &golden(MEMORY_TYPES, MEMORY));
    let trash = StoredTrash {
        trashed_at: 41,
        trashed_by: Principal::from_slice(&[8, 8]),
        purge_at: 42,
        taken_down: Some(true),
    };
    let trashed = MemoryRecord {
        trash: Some(trash),
        relocated: Some(true),
        ..kept
    };
    assert_golden(&trashed, &golden(MEMORY_TYPES, TRASHED_MEMORY));
}

#[test]
fn the_counters_are_pinned() {
    let counters = Counters {
        last_capsule: 3,
        last_memory: 0x0102_0304_0506_0708,
        most_memories: Some(9),
        unplaced: Some(11),
    };
    assert_golden(&counters, COUNTERS);
}

#[test]
fn the_keys_by_sha256_are_pinned() {
    let key = "0000000000000001 4040404040404040404040404040404040404040404040404040404040404040
               0000000000000002";
    assert_golden(&(1_u64, [0x40_u8; 32], 2_u64), key);
}

#[test]
fn the_totals_of_a_store_are_pinned() {
    let totals = StoreTotals {
        memories: 0x0102,
        bytes: 0x0304,
    };
    assert_golden(&totals, "01 0201000000000000 0403000000000000");
}

#[test]
fn the_record_of_a_takedown_is_pinned() {
    let pending = StoredTakedown {
        capsule: 1,
        uploaded_by: Principal::from_slice(&[7, 7]),
        sha256: ByteBuf::from([6; 32]),
        gateway: Principal::from_slice(&[4, 4]),
        session_id: 32,
        taken_down_at: 41,
        taken_down_by: Principal::from_slice(&[8, 8]),
        purged_at: None,
    };
    assert_golden(&pending, &golden(TAKEDOWN_TYPES, PENDING_TAKEDOWN));
    let purged = StoredTakedown {
        purged_at: Some(42),
        ..pending
    };
    assert_golden(&purged, &golden(TAKEDOWN_TYPES, PURGED_TAKEDOWN));
}

#[test]
fn the_keys_for_operators_are_pinned() {
    let store = Principal::from_slice(&[9, 9]);
    let by_store = "0909000000000000000000000000000000000000000000000000000000 0000000000000102 02";
    assert_golden(&(store, 0x0102_u64), by_store);
    let purge = "00 02 0909 0000000000000003 0000000000000004";
    assert_golden(&(store, 3_u64, 4_u64), purge);
    assert_golden(&store, "0909");
}

/// The version, and the types of the record.
const CAPSULE_TYPES: &str = "\
    014449444c096c09b7fff5810178d7e09b900201ac83a0cc0203e0a9bafa0205aaacd9d00678dbe8bbc2\
    0708d19ba8980978cf9ae9b20c7888a5db800d086d026c02000301046b0281a2999c05718eddfc9e0b68\
    6c02f7e9b5980a78dbebb5980a036d066c02000301076c02fad3adf00678bad7bfe607786e780100";

/// The version, and the types of the record.
const MEMORY_TYPES: &str = "\
    014449444c156c0bf8b8feb00101e7c8eae70104e4a8c4c30278efcee7800405dbe8bbc2070d8480e58a\
    0968ada9a2b50a78bfdad1f10a03c7e9b7a40c14f2d4fec00f78d6d6fec00f686e026c04c79b84eb0278\
    9ad9958005039b91e2d30678ff92e2d306686e7e6d7b6b0592888d9f0306bb9eda84050ebbd692a60711\
    b6d1b7d50b12db88a6d10c136c0491d0c3880407d880c6d00708da82b8b30d09b79ebaec0f086c12efd6\
    e40208e78fb01209b7fff5810178a9bdaace010ae7c8eae7010bcbe4fdc70471dbce95de0408d9e9dae7\
    040c9c9a80c40508e5a88eea0571fc91f4f80508aaacd9d00678d9e5d5d60a0deb90e0ec0b78a4fbf8c3\
    0c0886ec8ad30c09de9efbe00c08eac8f3f40c086e716e796b05e88fb0497f8fc7aece017fa7f089c602\
    7ff1e0e7d40b7fcce7ba810c7f6e046d716e786c06dd86b10209aae387170891d0c3880407f9c1b3a80d\
    08b2889f970f0fd0ddfbef0f106e736e7b6c059efb9dd5010891d0c3880407d880c6d007089f97eefc0b\
    09da82b8b30d096c07d49eb8a4010d91d0c388040796add9d20408d0d4bad70610d5ecb0960809d19198\
    870e10adecbfe60f0d6c07d49eb8a4010d91d0c388040796add9d20408f2e6b8f5040faceaa4ea0608ad\
    ecbfe60f0da488b4ec0f0f6c059f93c60204bdd9b0a20478c1c1cee20478e1a7d8a00868bdc4a5c00979\
    0100";

/// The version, and the types of the record.
const TAKEDOWN_TYPES: &str = "\
    014449444c036c08e7c8eae70101e4a8c4c30278b8b5e5d108789cb7e5d10868d9f9ddd608028480e58a\
    0968ada9a2b50a78d6d6fec00f686d7b6e780100";

const PENDING_TAKEDOWN: &str = "\
    200606060606060606060606060606060606060606060606060606060606060606200000000000000029\
    00000000000000010208080001020404010000000000000001020707";

const PURGED_TAKEDOWN: &str = "\
    200606060606060606060606060606060606060606060606060606060606060606200000000000000029\
    0000000000000001020808012a0000000000000001020404010000000000000001020707";

const CAPSULE: &str = "\
    0300000000000000010101030808080300000000000000010102070700076772616e646d610101010207\
    070200000000000000010000000000000001000000000000000107000000000000000500000000000000\
    0400000000000000010600000000000000";

const NEW_CAPSULE: &str = "\
    010000000000000000010102070701010102070702000000000000000100000000000000010000000000\
    0000000000000000000000000000000000000000";

const MEMORY: &str = "\
    002006060606060606060606060606060606060606060606060606060606060606062000000000000000\
    00010175010f0000000c000000000000000401010d046e616d6501016b0201610162010165096d696d65\
    2f747970650101640b000000000000000110000000000000000a0000000000000001016c010e00000001\
    01730101620102656e011400000001026d64012800000000000000010204040100000000000000002005\
    0505050505050505050505050505050505050505050505050505050505050505050505050505051e0000\
    00000000000101091f000000020000000000000001020707";

const TRASHED_MEMORY: &str = "\
    012a00000000000000010129000000000000000102080820060606060606060606060606060606060606\
    0606060606060606060606060606200000000000000000010175010f0000000c00000000000000040101\
    0d046e616d6501016b0201610162010165096d696d652f747970650101640b0000000000000001100000\
    00000000000a0000000000000001016c010e0000000101730101620102656e011400000001026d640128\
    000000000000000102040401000000000000000101200505050505050505050505050505050505050505\
    05050505050505050505050505050505050505051e000000000000000101091f00000002000000000000\
    0001020707";

const COUNTERS: &str = "\
    014449444c026c049be0c77501d6d1bdcf03018ad2c5d4057884fd84c206786e78010001090000000000\
    0000010b0000000000000008070605040302010300000000000000";
