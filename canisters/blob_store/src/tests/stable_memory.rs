//! The stable memory of a fixed history, byte for byte: which region holds which structure.
//!
//! An upgraded canister finds the memory that an earlier release wrote. If a fingerprint here
//! changes, it may no longer find everything. A changed layout needs a new version; an `Option`
//! field that is added to a Candid record doesn't. Only then, or if the history below changes, are
//! new fingerprints in order. The tests print them when they fail.

use super::old::{lay_out, open_blob};
use super::{chunks, gateway, key};
use crate::blob::record::{BlobRecord, BlobState};
use crate::extents::block::Run;
use crate::state::State;
use crate::totals::Totals;
use candid::Principal;
use canister_common::golden::{assert_hex, fingerprint};
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{Memory, StableBTreeMap, StableBTreeSet, StableCell, VectorMemory};
use std::collections::BTreeSet;

/// One sealed blob, one with a gap, one that is being deleted, and one gateway.
fn history() -> VectorMemory {
    let memory = VectorMemory::default();
    let mut state = State::open(memory.clone());
    let store = &mut state.store;
    for n in 1..4 {
        store.open_blob(gateway(1), key(n), None).unwrap();
    }
    for index in 0..3 {
        for n in 1..4 {
            store.put(gateway(1), key(n), index, &[n; 4_096]).unwrap();
        }
    }
    store.seal(gateway(1), key(1), 3, 3 * 4_096, None).unwrap();
    store.digest(gateway(1), key(1), &chunks(2)).unwrap();
    store.put(gateway(1), key(2), 5, b"ahead").unwrap();
    store.delete(gateway(1), key(3), &chunks(1)).unwrap();
    state.gateways.register(gateway(1)).unwrap();
    memory
}

/// A region of `memory`, by its number.
fn region(memory: &VectorMemory, number: u8) -> VirtualMemory<VectorMemory> {
    MemoryManager::init(memory.clone()).get(MemoryId::new(number))
}

#[test]
fn every_region_is_pinned() {
    let memory = history();
    let regions: Vec<u64> = (0..12)
        .map(|number| fingerprint(&region(&memory, number)))
        .collect();
    let empty = fingerprint(&VectorMemory::default());
    assert_eq!(
        format!("{regions:#x?}"),
        format!(
            "{:#x?}",
            [
                0x13ac_39eb_9f25_c49d,
                0x6c1d_0b4f_af7f_f2ab,
                0xbb02_ef84_b40d_59f7,
                0xf65d_08ea_14a1_088b,
                0x6a3e_84bd_100c_2967,
                0x95ae_3003_c402_af53,
                0x114e_bc5f_757a_e877,
                0x0ecd_0a84_7338_e4eb,
                0x97a1_2c0d_e6d3_e5b7,
                0x7a96_d6e9_aac2_580b,
                0x1e0e_1f25_db61_cf22,
                empty,
            ]
        ),
        "a changed layout needs a new version"
    );
}

/// Beside the regions, it has the memory manager's header and the size of its buckets.
#[test]
fn the_whole_stable_memory_is_pinned() {
    let memory = history();
    assert_eq!(
        format!("{:#x}", fingerprint(&memory)),
        "0x4ce0c2243b4c8ebd",
        "a changed layout needs a new version"
    );
}

#[test]
fn every_structure_is_found_by_its_number() {
    let memory = history();
    let records = StableBTreeMap::<[u8; 32], BlobRecord, _>::init(region(&memory, 1));
    assert_eq!(records.len(), 3);
    let states = records.values().map(|record| record.state);
    assert!(states.eq([BlobState::Sealed, BlobState::Open, BlobState::Deleting]));
    let blob_ids = StableBTreeMap::<u64, [u8; 32], _>::init(region(&memory, 2));
    assert_eq!(blob_ids.get(&key(2).blob_id().0), Some(key(2).0));
    let totals = StableCell::init(region(&memory, 3), Totals::default());
    let Totals {
        blobs,
        chunks,
        bytes,
        ..
    } = *totals.get();
    assert_eq!((blobs, chunks, bytes), (3, 10, 9 * 4_096 + 5));
    let runs = StableBTreeMap::<([u8; 32], u32), Run, _>::init(region(&memory, 7));
    assert_eq!(
        runs.get(&(key(1).0, 0)),
        Some(Run {
            first: 0,
            blocks: 1
        })
    );
    let by_start = StableBTreeMap::<u32, u32, _>::init(region(&memory, 8));
    let by_length = StableBTreeSet::<(u32, u32), _>::init(region(&memory, 9));
    let lengths = by_start.iter().map(|entry| (entry.value(), *entry.key()));
    assert!(!by_start.is_empty() && lengths.collect::<BTreeSet<_>>() == by_length.iter().collect());
    let gateways = StableBTreeSet::<Principal, _>::init(region(&memory, 4));
    assert!(gateways.iter().eq([gateway(1)]));
}

/// `STABLE_BLOB_STORE` is a map of exactly these types, and keeps them behind the fence: its region
/// has the bytes that such a map writes, but for the version in the fourth byte.
#[test]
fn the_types_of_stable_blob_store_are_pinned() {
    let memory = VectorMemory::default();
    lay_out(&memory, 256, &[open_blob(1, 3, b"first")]);
    let mut state = State::open(memory.clone());
    state.store.put(gateway(1), key(1), 7, b"chunk").unwrap();
    let bytes = |memory: &VirtualMemory<VectorMemory>| {
        let mut bytes = vec![0; memory.size() as usize * 65_536];
        memory.read(0, &mut bytes);
        bytes
    };

    let written = region(&VectorMemory::default(), 0);
    let mut map = StableBTreeMap::<([u8; 32], u32), Vec<u8>, _>::init(written);
    map.insert(([1; 32], 3), b"first".to_vec());
    map.insert(([1; 32], 7), b"chunk".to_vec());
    let mut written = bytes(&map.into_memory());
    // The header of the map, of its allocator, of the node's memory, and of the node. Then come the
    // keys, and the chunks behind their lengths.
    assert_hex(
        &written[..221],
        "4254520200040000ffffffff74000000000000000200000000000000000000000000000000000000
         000000000000000000000000
         42544101000000000004000000000000010000000000000074040000000000000000000000000000
         0000000000000000
         43484b01010000000000000000000000
         42544e020002000000000000000000
         0101010101010101010101010101010101010101010101010101010101010101 00000003
         0101010101010101010101010101010101010101010101010101010101010101 00000007
         05000000 6669727374
         05000000 6368756e6b",
    );
    assert_eq!(written[3], 2);
    written[3] = 255;
    assert!(
        bytes(&region(&memory, 0)) == written,
        "the chunks lie in a map of other types; a changed layout needs a new version"
    );
}
