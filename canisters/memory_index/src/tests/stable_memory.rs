//! The stable memory of a fixed history, byte for byte: which region holds which structure.
//!
//! An upgraded canister finds the memory that an earlier release wrote. If a fingerprint here
//! changes, it may no longer find everything. A changed layout needs a new version; an `Option`
//! field that is added to a Candid record doesn't. Only then, or if the history below changes, are
//! new fingerprints in order. The tests print them when they fail.

use super::{call, commit, gateway, person};
use crate::capsules::grants::grant_key;
use crate::capsules::record::CapsuleRecord;
use crate::capsules::subject::subject_key;
use crate::counters::Counters;
use crate::ids::CapsuleId;
use crate::memories::record::MemoryRecord;
use crate::state::State;
use candid::Principal;
use canister_common::golden::fingerprint;
use capsule_shared::capsule::PersonRef;
use ic_stable_structures::memory_manager::{MemoryId as RegionId, MemoryManager, VirtualMemory};
use ic_stable_structures::{StableBTreeMap, StableBTreeSet, StableCell, VectorMemory};

fn grandma() -> PersonRef {
    PersonRef::Opaque("grandma".into())
}

/// Two capsules, one with a controller and three memories; one gateway. One memory is deleted and
/// one is in the trash.
fn history() -> VectorMemory {
    let memory = VectorMemory::default();
    let mut state = State::open(memory.clone());
    let index = &mut state.index;
    index
        .capsule_create(call(1, 1), person(1), None, None)
        .unwrap();
    index
        .capsule_create(call(1, 2), person(1), Some(grandma()), None)
        .unwrap();
    index
        .capsule_add_controller(call(1, 3), person(1), "capsule-1", person(2))
        .unwrap();
    for session in 1..4 {
        let commit = commit(person(1), "capsule-1", session, 10);
        index.memory_commit(call(1, 4), commit).unwrap();
    }
    index.memory_delete(call(1, 5), person(1), "mem_2").unwrap();
    index
        .memory_trash(call(1, 6), person(1), "mem_3", 7)
        .unwrap();
    state.gateways.register(gateway(1)).unwrap();
    memory
}

/// A region of `memory`, by its number.
fn region(memory: &VectorMemory, number: u8) -> VirtualMemory<VectorMemory> {
    MemoryManager::init(memory.clone()).get(RegionId::new(number))
}

#[test]
fn every_region_is_pinned() {
    let memory = history();
    let regions: Vec<u64> = (0..14)
        .map(|number| fingerprint(&region(&memory, number)))
        .collect();
    assert_eq!(
        format!("{regions:#x?}"),
        format!(
            "{:#x?}",
            [
                0xc94f_f5f5_b5cd_2ba0_u64,
                0x9f89_e488_dc1e_df0f,
                0x06ac_e750_2fab_d1b7,
                0x4b5a_d280_2b67_f9b0,
                0x0ac5_7e1a_21c9_151b,
                0x4c34_60b0_afbb_30a9,
                0x9832_171b_7706_a400,
                0xdf61_2584_f6f2_509d,
                0x6a3e_84bd_100c_2967,
                0x7e3e_3f3c_794d_d2b0,
                0x9140_9e6f_e7ad_b935,
                0xb54f_f091_7215_43b7,
                0xc069_f4e7_36a5_8572,
                0xa2e1_1711_6890_6068,
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
        "0x5a5520ae629f0163",
        "a changed layout needs a new version"
    );
}

#[test]
fn every_structure_is_found_by_its_number() {
    let memory = history();
    let counters = StableCell::init(region(&memory, 0), Counters::default());
    let expected = Counters {
        last_capsule: 2,
        last_memory: 3,
        most_memories: Some(3),
        unentered: Some(0),
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
    assert!(memories.keys().eq([1, 3]));
    let by_capsule = StableBTreeSet::<(u64, u64), _>::init(region(&memory, 5));
    assert!(by_capsule.iter().eq([(1, 1)]));
    let by_session = StableBTreeMap::<(Principal, u64), u64, _>::init(region(&memory, 6));
    let sessions = by_session.keys();
    assert!(sessions.eq([(gateway(1), 1), (gateway(1), 2), (gateway(1), 3)]));
    let by_blob = StableBTreeSet::<(u64, u64), _>::init(region(&memory, 7));
    let blob = memories.get(&1).unwrap().place.blob_id;
    assert!(by_blob.iter().eq([(blob.0, 1)]));

    let gateways = StableBTreeSet::<Principal, _>::init(region(&memory, 8));
    assert!(gateways.iter().eq([gateway(1)]));

    let granters = StableBTreeMap::<Principal, u64, _>::init(region(&memory, 10));
    assert_eq!(granters.get(&person(1)), Some(1));
    let grants = StableBTreeSet::<Vec<u8>, _>::init(region(&memory, 11));
    let key = grant_key(person(2), 3, CapsuleId(1));
    assert!(grants.iter().eq([key]));
    let trash = StableBTreeSet::<(u64, u64), _>::init(region(&memory, 12));
    assert!(trash.iter().eq([(1, 3)]));
    let by_sha256 = StableBTreeSet::<(u64, [u8; 32], u64), _>::init(region(&memory, 13));
    assert!(by_sha256.iter().eq([(1, [1; 32], 1)]));
}
