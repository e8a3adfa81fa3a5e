//! The stable memory of a fixed history, byte for byte: which region holds which structure.
//!
//! An upgraded canister finds the memory that an earlier release wrote. If a fingerprint here
//! changes, it may no longer find everything. A changed layout needs a new version; an `Option`
//! field that is added to a Candid record doesn't. Only then, or if the history below changes, are
//! new fingerprints in order. The tests print them when they fail.

use super::beginnings::{put_into_trash, take_down, transfer_1_to_2, with_capsule};
use super::{call, commit, gateway, person};
use crate::capsules::grants::grant_key;
use crate::capsules::record::CapsuleRecord;
use crate::capsules::subject::subject_key;
use crate::counters::Counters;
use crate::ids::CapsuleId;
use crate::memories::record::{MemoryRecord, StoreTotals, StoredTakedown};
use candid::Principal;
use canister_common::golden::fingerprint;
use capsule_shared::capsule::PersonRef;
use ic_stable_structures::memory_manager::{MemoryId as RegionId, MemoryManager, VirtualMemory};
use ic_stable_structures::{StableBTreeMap, StableBTreeSet, StableCell, VectorMemory};

fn grandma() -> PersonRef {
    PersonRef::Opaque("grandma".into())
}

/// Two capsules, one with a controller and four memories; two gateways, of which one owns all. One
/// memory is deleted, one is in the trash, one was taken down and one was moved.
fn history() -> VectorMemory {
    let (memory, mut state) = with_capsule();
    let index = &mut state.index;
    index
        .capsule_create(call(1, 2), person(1), Some(grandma()), None)
        .unwrap();
    index
        .capsule_add_controller(call(1, 3), person(1), "capsule-1", person(2))
        .unwrap();
    for session in 1..5 {
        let commit = commit(person(1), "capsule-1", session, 10);
        index.memory_commit(call(1, 4), commit).unwrap();
    }
    index.memory_delete(call(1, 5), person(1), "mem_2").unwrap();
    put_into_trash(index, 6, "mem_3", 7);
    take_down(index, 8, "mem_4").unwrap();
    index
        .memory_relocate(call(1, 9), "mem_1", gateway(99), gateway(50))
        .unwrap();
    transfer_1_to_2(&mut state);
    memory
}

/// A region of `memory`, by its number.
fn region(memory: &VectorMemory, number: u8) -> VirtualMemory<VectorMemory> {
    MemoryManager::init(memory.clone()).get(RegionId::new(number))
}

#[test]
fn every_region_is_pinned() {
    let memory = history();
    let regions: Vec<u64> = (0..19)
        .map(|number| fingerprint(&region(&memory, number)))
        .collect();
    assert_eq!(
        format!("{regions:#x?}"),
        format!(
            "{:#x?}",
            [
                0x787e_09f5_3e0e_b727_u64,
                0x548f_c401_6ef8_7848,
                0x06ac_e750_2fab_d1b7,
                0x4b5a_d280_2b67_f9b0,
                0xb25c_8dba_2f9a_921a,
                0x386c_9977_96d4_8d7d,
                0x3682_c085_4d8d_2004,
                0xc9d5_b13b_12d5_0934,
                0x9512_4bc1_72b6_cadb,
                0x7e3e_3f3c_794d_d2b0,
                0x9140_9e6f_e7ad_b935,
                0xb54f_f091_7215_43b7,
                0xc069_f4e7_36a5_8572,
                0xe198_962d_92da_6c6c,
                0x0ff1_bd20_94e0_90fe,
                0x0ad6_f63d_1835_7707,
                0xd718_e4c6_e717_58fb,
                0x4e3f_eac1_0137_5d76,
                0xd8ae_964b_a30f_3e05,
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
        "0xe500f33881d7889",
        "a changed layout needs a new version"
    );
}

#[test]
fn every_structure_is_found_by_its_number() {
    let memory = history();
    let counters = StableCell::init(region(&memory, 0), Counters::default());
    let expected = Counters {
        last_capsule: 2,
        last_memory: 4,
        most_memories: Some(4),
        unplaced: Some(0),
    };
    assert_eq!(*counters.get(), expected);

    let capsules = StableBTreeMap::<u64, CapsuleRecord, _>::init(region(&memory, 1));
    assert_eq!(capsules.get(&2).unwrap().subject, grandma());
    let by_subject = StableBTreeMap::<Vec<u8>, u64, _>::init(region(&memory, 2));
    assert_eq!(by_subject.get(&subject_key(person(1), &grandma())), Some(2));
    let by_member = StableBTreeSet::<(Principal, u64), _>::init(region(&memory, 3));
    let members = [(person(1), 1), (person(1), 2), (person(2), 1)];
    assert!(by_member.iter().eq(members));

    let memories = StableBTreeMap::<u64, MemoryRecord, _>::init(region(&memory, 4));
    assert!(memories.keys().eq([1, 3, 4]));
    let by_capsule = StableBTreeSet::<(u64, u64), _>::init(region(&memory, 5));
    assert!(by_capsule.iter().eq([(1, 1)]));
    let by_session = StableBTreeMap::<(Principal, u64), u64, _>::init(region(&memory, 6));
    let sessions = by_session.keys();
    assert!(sessions.eq((1..5).map(|session| (gateway(1), session))));
    let by_blob = StableBTreeSet::<(u64, u64), _>::init(region(&memory, 7));
    let blob = memories.get(&1).unwrap().place.blob_id;
    assert!(by_blob.iter().eq([(blob.0, 1)]));

    let gateways = StableBTreeSet::<Principal, _>::init(region(&memory, 8));
    assert!(gateways.iter().eq([gateway(1), gateway(2)]));

    let granters = StableBTreeMap::<Principal, u64, _>::init(region(&memory, 10));
    assert_eq!(granters.get(&person(1)), Some(1));
    let grants = StableBTreeSet::<Vec<u8>, _>::init(region(&memory, 11));
    let key = grant_key(person(2), 3, CapsuleId(1));
    assert!(grants.iter().eq([key]));
    let trash = StableBTreeSet::<(u64, u64), _>::init(region(&memory, 12));
    assert!(trash.iter().eq([(1, 3)]));
    let by_sha256 = StableBTreeSet::<(u64, [u8; 32], u64), _>::init(region(&memory, 13));
    assert!(by_sha256.iter().eq([(1, [1; 32], 1)]));

    let by_store = StableBTreeSet::<(Principal, u64), _>::init(region(&memory, 14));
    let (moved, first) = (gateway(50), gateway(99));
    assert!(by_store.iter().eq([(moved, 1), (first, 3), (first, 4)]));
    let stores = StableBTreeMap::<Principal, StoreTotals, _>::init(region(&memory, 15));
    let totals = |memories, bytes| StoreTotals { memories, bytes };
    assert_eq!(stores.get(&moved), Some(totals(1, 10)));
    assert_eq!(stores.get(&first), Some(totals(2, 20)));
    let purges = StableBTreeSet::<(Principal, u64, u64), _>::init(region(&memory, 16));
    assert!(purges.iter().eq([(gateway(1), 7, 3), (gateway(1), 8, 4)]));
    let takedowns = StableBTreeMap::<u64, StoredTakedown, _>::init(region(&memory, 17));
    assert!(takedowns.keys().eq([4]));
    assert_eq!(takedowns.get(&4).unwrap().taken_down_by, gateway(9));
    let owners = StableBTreeMap::<Principal, Principal, _>::init(region(&memory, 18));
    assert_eq!(owners.get(&gateway(1)), Some(gateway(2)));
}
