//! The stable memory of a fixed history, byte for byte: which region holds which structure.
//!
//! An upgraded canister finds the memory that an earlier release wrote. If a fingerprint here
//! changes, it may no longer find everything. A changed layout needs a new version; an `Option`
//! field that is added to a Candid record doesn't. Only then, or if the history below changes, are
//! new fingerprints in order. The tests print them when they fail.

use super::{call, commit, gateway, person};
use crate::capsules::record::CapsuleRecord;
use crate::capsules::subject::subject_key;
use crate::counters::Counters;
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

/// Two capsules, one with a controller and three memories, of which one is deleted; one gateway.
fn history() -> VectorMemory {
    let memory = VectorMemory::default();
    let mut state = State::open(memory.clone());
    let index = &mut state.index;
    index.capsule_create(call(1, 1), person(1), None).unwrap();
    index
        .capsule_create(call(1, 2), person(1), Some(grandma()))
        .unwrap();
    index
        .capsule_add_controller(call(1, 3), person(1), "capsule-1", person(2))
        .unwrap();
    for session in 1..4 {
        let commit = commit(person(1), "capsule-1", session, 10);
        index.memory_commit(call(1, 4), commit).unwrap();
    }
    index.memory_delete(call(1, 5), person(1), "mem_2").unwrap();
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
    let regions: Vec<u64> = (0..11)
        .map(|number| fingerprint(&region(&memory, number)))
        .collect();
    let empty = fingerprint(&VectorMemory::default());
    assert_eq!(
        format!("{regions:#x?}"),
        format!(
            "{:#x?}",
            [
                0xaf44_190e_950d_4ced,
                0x3524_cb84_eb69_e9c5,
                0x06ac_e750_2fab_d1b7,
                0x4b5a_d280_2b67_f9b0,
                0xb4fc_66bb_35de_c30c,
                0xea05_1eb2_17b4_b81b,
                0x9832_171b_7706_a400,
                0x6a54_064f_5e3d_4a1d,
                0x6a3e_84bd_100c_2967,
                0x7e3e_3f3c_794d_d2b0,
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
        "0x5cfc212d7ff04d6d",
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
    assert!(by_capsule.iter().eq([(1, 1), (1, 3)]));
    let by_session = StableBTreeMap::<(Principal, u64), u64, _>::init(region(&memory, 6));
    let sessions = by_session.keys();
    assert!(sessions.eq([(gateway(1), 1), (gateway(1), 2), (gateway(1), 3)]));
    let by_blob = StableBTreeSet::<(u64, u64), _>::init(region(&memory, 7));
    let blob = memories.get(&3).unwrap().place.blob_id;
    assert!(by_blob.contains(&(blob.0, 3)));

    let gateways = StableBTreeSet::<Principal, _>::init(region(&memory, 8));
    assert!(gateways.iter().eq([gateway(1)]));
}
