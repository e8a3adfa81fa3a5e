//! Golden bytes of every stored record and key of release 0.1.0, so they stay. `layouts_newest` has
//! those that are written now. `memories::record` says what to do when a record gets a field.

use super::assets;
use crate::capsules::record::{CapsuleRecord, StoredController, StoredOwner};
use crate::capsules::subject::subject_key;
use crate::counters::Counters;
use crate::memories::record::{MemoryRecord, StoredPlace};
use candid::Principal;
use candid::{CandidType, Deserialize};
use canister_common::candid_record;
use canister_common::golden::{assert_golden, assert_hex, assert_readable};
use capsule_shared::BlobKey;
use capsule_shared::asset::AssetMetadata;
use capsule_shared::capsule::PersonRef;
use serde_bytes::ByteBuf;

/// The version, and the types of a capsule.
const CAPSULE_TYPES: &str = "
    01
    4449444c086c07b7fff5810178d7e09b900201ac83a0cc0203e0a9bafa0205aaacd9d00678d19ba8
    980978cf9ae9b20c786d026c02000301046b0281a2999c05718eddfc9e0b686c02f7e9b5980a78db
    ebb5980a036d066c02000301076c02fad3adf00678bad7bfe607780100
";

/// The version, and the types of a memory.
const MEMORY_TYPES: &str = "
    01
    4449444c126c08e7c8eae70101e4a8c4c30278efcee78004028480e58a0968ada9a2b50a78c7e9b7
    a40c11f2d4fec00f78d6d6fec00f686d7b6b0592888d9f0303bb9eda84050bbbd692a6070eb6d1b7
    d50b0fdb88a6d10c106c0491d0c3880404d880c6d00705da82b8b30d06b79ebaec0f056c12efd6e4
    0205e78fb01206b7fff5810178a9bdaace0107e7c8eae70108cbe4fdc70471dbce95de0405d9e9da
    e704099c9a80c40505e5a88eea0571fc91f4f80505aaacd9d00678d9e5d5d60a0aeb90e0ec0b78a4
    fbf8c30c0586ec8ad30c06de9efbe00c05eac8f3f40c056e716e796b05e88fb0497f8fc7aece017f
    a7f089c6027ff1e0e7d40b7fcce7ba810c7f6e016d716e786c06dd86b10206aae387170591d0c388
    0404f9c1b3a80d05b2889f970f0cd0ddfbef0f0d6e736e7b6c059efb9dd5010591d0c3880404d880
    c6d007059f97eefc0b06da82b8b30d066c07d49eb8a4010a91d0c388040496add9d20405d0d4bad7
    060dd5ecb0960806d19198870e0dadecbfe60f0a6c07d49eb8a4010a91d0c388040496add9d20405
    f2e6b8f5040caceaa4ea0605adecbfe60f0aa488b4ec0f0c6c059f93c60201bdd9b0a20478c1c1ce
    e20478e1a7d8a00868bdc4a5c009790100
";

/// The fields that every asset has.
const BASE: &str = "
    010175010f0000000c000000000000000401010d046e616d6501016b0201610162010165096d696d
    652f747970650101640b000000000000000110000000000000000a0000000000000001016c010e00
    0000010173010162
";

/// The values of a memory before its metadata.
const HEAD: &str = "
    200606060606060606060606060606060606060606060606060606060606060606
    2000000000000000
";

/// The values of a memory behind its metadata.
const TAIL: &str = "
    01020404010000000000000020050505050505050505050505050505050505050505050505050505
    050505050505050505050505051e000000000000000101091f000000020000000000000001020707
";

/// The counters of `the_counters_are_read`.
const COUNTERS: &str = "
    01 4449444c016c028ad2c5d4057884fd84c206780100
    0807060504030201 0300000000000000
";

/// The bytes of a record: its version and types, and its values.
pub fn golden(types: &str, values: &str) -> String {
    format!("{types} {values}")
}

pub fn person(bytes: &[u8]) -> PersonRef {
    PersonRef::Principal(Principal::from_slice(bytes))
}

/// A capsule without controllers and memories.
pub fn new_capsule(subject: PersonRef) -> CapsuleRecord {
    let owner = StoredOwner {
        since: 1,
        last_activity_at: 2,
    };
    CapsuleRecord {
        subject,
        owners: vec![(person(&[7, 7]), owner)],
        controllers: Vec::new(),
        created_at: 1,
        updated_at: 1,
        stored_bytes: 0,
        memory_count: 0,
        trash_count: None,
        metadata_bytes: None,
    }
}

pub fn memory(metadata: AssetMetadata) -> MemoryRecord {
    let key = BlobKey([5; 32]);
    MemoryRecord {
        capsule: 1,
        uploaded_by: Principal::from_slice(&[7, 7]),
        uploaded_at: 2,
        metadata,
        place: StoredPlace {
            store: Principal::from_slice(&[9]),
            key,
            blob_id: key.blob_id(),
            size: 30,
            chunk_count: 31,
        },
        sha256: ByteBuf::from([6; 32]),
        gateway: Principal::from_slice(&[4, 4]),
        session_id: 32,
        metadata_bytes: None,
        trash: None,
        relocated: None,
    }
}

#[test]
fn the_record_of_a_new_capsule_is_read() {
    assert_readable(
        &golden(
            CAPSULE_TYPES,
            "0100000000000000000101020707010101020707020000000000000001000000000000000100
             00000000000000000000000000000000000000000000",
        ),
        &new_capsule(person(&[7, 7])),
    );
}

#[test]
fn the_record_of_a_shared_capsule_is_read() {
    let controller = StoredController {
        granted_at: 3,
        granted_by: person(&[7, 7]),
    };
    let capsule = CapsuleRecord {
        controllers: vec![(person(&[8, 8, 8]), controller)],
        updated_at: 3,
        stored_bytes: 4,
        memory_count: 5,
        ..new_capsule(PersonRef::Opaque("grandma".into()))
    };
    assert_readable(
        &golden(
            CAPSULE_TYPES,
            "0300000000000000010101030808080300000000000000010102070700076772616e646d6101
             0101020707020000000000000001000000000000000100000000000000050000000000000004
             00000000000000",
        ),
        &capsule,
    );
}

#[test]
fn the_record_of_a_memory_is_read_for_every_kind_of_asset() {
    for (metadata, values) in [
        (assets::note(), "00 BASE 0102656e011400000001026d64"),
        (
            assets::image(),
            "01 0115000000010473524742 BASE 010178010000003f0101",
        ),
        (
            assets::document(),
            "02 0103706466 BASE 0102656e01160000000117000000",
        ),
        (
            assets::audio(),
            "03 011800000000000000 BASE 01046f707573010201190000000110011a00000000000000",
        ),
        (
            assets::video(),
            "04 011b00000000000000 BASE 0103617631010000ec410102346b011c00000000000000010000c03f",
        ),
    ] {
        let values = values.replace("BASE", BASE);
        assert_readable(
            &golden(MEMORY_TYPES, &format!("{HEAD} {values} {TAIL}")),
            &memory(metadata),
        );
    }
}

#[test]
fn the_counters_are_read() {
    let counters = Counters {
        last_capsule: 3,
        last_memory: 0x0102_0304_0506_0708,
        most_memories: None,
        unplaced: None,
    };
    assert_readable(COUNTERS, &counters);
}

/// The rule of `MemoryRecord` for new fields holds: older records lack an `Option`, and are read.
#[test]
fn a_field_that_is_added_as_an_option_is_none_in_older_records() {
    #[derive(CandidType, Deserialize, Clone, Debug, PartialEq)]
    struct Grown {
        last_capsule: u64,
        last_memory: u64,
        last_gallery: Option<u64>,
    }
    candid_record!(Grown, version = 1);

    let grown = Grown {
        last_capsule: 3,
        last_memory: 0x0102_0304_0506_0708,
        last_gallery: None,
    };
    assert_readable(COUNTERS, &grown);
}

#[test]
fn the_keys_of_subjects_are_pinned() {
    let owner = Principal::from_slice(&[7, 7]);
    let opaque = subject_key(owner, &PersonRef::Opaque("grandma".into()));
    assert_hex(&opaque, "02 0707 6f 6772616e646d61");
    let principal = subject_key(owner, &person(&[8, 8, 8]));
    assert_hex(&principal, "02 0707 70 080808");
    assert_golden(&opaque, "02 0707 6f 6772616e646d61");
}

/// Numbers are big-endian, so that entries lie in their order. In a key with a number, a principal
/// is padded to 29 bytes, and its length follows the number.
#[test]
fn the_keys_of_the_other_indexes_are_pinned() {
    assert_golden(&0x0102_0304_0506_0708_u64, "0102030405060708");
    assert_golden(&(1_u64, 2_u64), "0000000000000001 0000000000000002");
    let member = (Principal::from_slice(&[7, 7]), 0x0102_u64);
    assert_golden(
        &member,
        "0707000000000000000000000000000000000000000000000000000000 0000000000000102 02",
    );
}
