//! Tests of takedowns: nobody reads or restores the memory, and its owner purges it.

use super::beginnings::{OPERATOR, put_into_trash, take_down, transfer_1_to_2, with_three};
use super::sha256::{age, slice};
use super::{CAPSULE, call, commit, gateway, is_conflict, is_invalid, person, usage};
use crate::memories::page::Order;
use crate::state::State;
use capsule_shared::Error;
use capsule_shared::memory_index::Memory;
use capsule_shared::operators::Takedown;
use ic_stable_structures::VectorMemory;

const GONE: Error = Error::NotFound;

/// Nobody finds `mem_2` in any way, and nobody changes it.
fn assert_hidden(state: &mut State<VectorMemory>, memory: &Memory) {
    let index = &mut state.index;
    assert_eq!(index.memory_read(person(1), "mem_2"), Err(GONE));
    assert_eq!(index.memory_find(person(1), "mem_2"), Err(GONE));
    let located = index.blob_locate(call(1, 20), person(1), memory.place.blob_id);
    assert_eq!(located, Err(GONE));
    let found = index.memory_find_sha256(person(1), CAPSULE, &memory.sha256);
    assert_eq!(found, Ok(vec![]));
    let page = index.memory_list(person(1), CAPSULE, None, None, Order::OldestFirst);
    assert!(page.unwrap().memories.iter().all(|m| m.id != "mem_2"));
    let page = index.memory_trash_list(person(1), CAPSULE, None, None);
    assert_eq!(page.unwrap().memories, []);
    let info = index.capsule_read(person(1), Some(CAPSULE)).unwrap();
    assert_eq!(info.memory_count, 2);

    let trashed = index.memory_trash(call(1, 20), person(1), "mem_2", 90);
    assert_eq!(trashed, Err(GONE));
    let restored = index.memory_restore(call(1, 20), person(1), "mem_2");
    assert_eq!(restored, Err(GONE));
    let deleted = index.memory_delete(call(1, 20), person(1), "mem_2");
    assert_eq!(deleted, Err(GONE));
    let late = index.memory_commit(call(1, 20), commit(person(1), CAPSULE, 2, 10));
    assert_eq!(late, Err(GONE), "its bytes may be deleted");
}

#[test]
fn a_listed_memory_disappears_at_once_and_is_purged_by_its_owner() {
    let (memory, mut state, memories) = with_three();
    let told = take_down(&mut state.index, 10, "mem_2").unwrap();
    let expected = Takedown {
        memory_id: "mem_2".into(),
        capsule_id: CAPSULE.into(),
        uploaded_by: person(1),
        sha256: memories[1].sha256.clone(),
        gateway: gateway(1),
        session_id: 2,
        owner: gateway(1),
        taken_down_at: 10,
        taken_down_by: gateway(OPERATOR),
        purged_at: None,
    };
    assert_eq!(told, expected);
    let mut state = State::open(memory);
    assert_hidden(&mut state, &memories[1]);
    assert_eq!(usage(&state), (30, 3), "its bytes are still there");
    // Repeating it changes nothing.
    let again = take_down(&mut state.index, 30, "mem_2");
    assert_eq!(again, Ok(expected.clone()));

    let index = &mut state.index;
    let other = index.memory_expire(call(2, 40), "mem_2", 10);
    assert!(is_conflict(&other), "{other:?}");
    let gone = index.memory_expire(call(1, 40), "mem_2", 10).unwrap();
    assert_eq!(gone.place, memories[1].place);
    assert_hidden(&mut state, &memories[1]);
    assert_eq!(usage(&state), (20, 2));
    let purged = Takedown {
        purged_at: Some(40),
        ..expected
    };
    assert_eq!(take_down(&mut state.index, 50, "mem_2"), Ok(purged));
}

#[test]
fn a_memory_in_the_trash_is_taken_down_before_its_time_there_is_over() {
    let (_, mut state, memories) = with_three();
    let index = &mut state.index;
    put_into_trash(index, 5, "mem_2", 1_000);
    take_down(&mut state.index, 10, "mem_2").unwrap();
    assert_hidden(&mut state, &memories[1]);
    assert_eq!(state.index.trash.len(), 0);
    // The gateway's own job for the trash ends, and it learns of the other time.
    let index = &mut state.index;
    let old = index.memory_expire(call(1, 1_000), "mem_2", 1_000);
    assert!(is_conflict(&old), "{old:?}");
    let due = index.memories_due(gateway(1), 10, None, None).unwrap();
    let [due] = &due.memories[..] else {
        panic!("{due:?}")
    };
    assert_eq!((due.memory_id.as_str(), due.purge_at), ("mem_2", 10));
    index.memory_expire(call(1, 11), "mem_2", 10).unwrap();
    assert_eq!(usage(&state), (20, 2));
    assert_eq!(state.index.purges.len(), 0);
    let capsule = state.index.capsules.get(&1).unwrap();
    assert_eq!(capsule.trash_count, Some(0));
}

#[test]
fn only_a_memory_that_is_there_is_taken_down() {
    let (_, mut state, _) = with_three();
    for unknown in ["mem_9", "page 2"] {
        assert_eq!(take_down(&mut state.index, 10, unknown), Err(GONE));
    }
    let deleted = state.index.memory_delete(call(1, 9), person(1), "mem_1");
    deleted.unwrap();
    assert_eq!(take_down(&mut state.index, 10, "mem_1"), Err(GONE));
    assert_eq!(state.index.takedowns.len(), 0);
}

#[test]
fn a_memory_that_was_taken_down_still_moves_with_its_store() {
    let (_, mut state, memories) = with_three();
    take_down(&mut state.index, 10, "mem_2").unwrap();
    let from = memories[1].place.store;
    let index = &mut state.index;
    let moved = index.memory_relocate(call(1, 11), "mem_2", from, gateway(50));
    assert_eq!(moved, Ok(()));
    let gone = index.memory_expire(call(1, 12), "mem_2", 10).unwrap();
    assert_eq!(gone.place.store, gateway(50));
}

#[test]
fn memories_that_are_taken_down_are_counted_also_while_older_ones_are_entered() {
    let (memory, mut state, _) = with_three();
    put_into_trash(&mut state.index, 4, "mem_1", 9_000);
    take_down(&mut state.index, 5, "mem_2").unwrap();
    age(&mut state);
    let mut state = State::open(memory);
    assert_eq!(state.index.unplaced(), 3);
    assert_eq!(state.index.taken_down(), 1);
    take_down(&mut state.index, 6, "mem_1").unwrap();
    take_down(&mut state.index, 6, "mem_3").unwrap();
    assert_eq!(state.index.taken_down(), 3);
    state.index.memory_expire(call(1, 7), "mem_2", 5).unwrap();
    assert_eq!(state.index.taken_down(), 2);
    slice(&mut state, 10);
    assert_eq!(state.index.taken_down(), 2);
}

#[test]
fn takedowns_are_listed_in_pages_with_their_present_owner() {
    let (_, mut state, _) = with_three();
    for id in ["mem_3", "mem_1", "mem_2"] {
        take_down(&mut state.index, 10, id).unwrap();
    }
    let purged = state.index.memory_expire(call(1, 20), "mem_1", 10);
    purged.unwrap();
    transfer_1_to_2(&mut state);
    let index = &state.index;
    let page = index.takedowns_list(None, Some(2)).unwrap();
    let told: Vec<_> = page
        .takedowns
        .iter()
        .map(|t| (t.memory_id.as_str(), t.purged_at, t.owner))
        .collect();
    let owner = gateway(2);
    assert_eq!(told, [("mem_1", Some(20), owner), ("mem_2", None, owner)]);
    assert_eq!(page.next.as_deref(), Some("mem_2"));
    let page = index.takedowns_list(Some("mem_2"), Some(2)).unwrap();
    assert_eq!((page.takedowns.len(), page.next), (1, None));
    assert!(is_invalid(&index.takedowns_list(Some("page 2"), None)));
    assert!(is_invalid(&index.takedowns_list(None, Some(0))));
}
