//! Tests of relocations: compare and swap of a memory's store.

use super::beginnings::{put_into_trash, with_capsule};
use super::{CAPSULE, call, commit, gateway, is_conflict, person};
use crate::memories::page::Order;
use crate::state::State;
use capsule_shared::memory_index::{BlobPlace, Memory};
use capsule_shared::{Error, Result};
use ic_stable_structures::VectorMemory;

/// Person 1 owns the capsule and `mem_1` of gateway 1, in store 99.
fn one() -> (VectorMemory, State<VectorMemory>, Memory) {
    let (memory, mut state) = with_capsule();
    let index = &mut state.index;
    let made = index.memory_commit(call(1, 2), commit(person(1), CAPSULE, 1, 10));
    let made = made.unwrap();
    (memory, state, made)
}

/// The place of the memory of session 1, in this store.
fn place(store: u8) -> BlobPlace {
    BlobPlace {
        store: gateway(store),
        ..commit(person(1), CAPSULE, 1, 10).place
    }
}

fn relocate(state: &mut State<VectorMemory>, from: u8, to: u8) -> Result<()> {
    let (from, to) = (gateway(from), gateway(to));
    state.index.memory_relocate(call(1, 9), "mem_1", from, to)
}

fn read(state: &State<VectorMemory>) -> Memory {
    state.index.memory_read(person(1), "mem_1").unwrap()
}

/// The memories of a store, by number.
fn in_store(state: &State<VectorMemory>, store: u8) -> Vec<String> {
    let page = state.index.memories_of_store(gateway(store), None, None);
    page.unwrap().memories.into_iter().map(|m| m.id).collect()
}

#[test]
fn a_memory_moves_once_and_only_its_store_changes() {
    let (memory, mut state, made) = one();
    for _ in 0..2 {
        assert_eq!(relocate(&mut state, 99, 50), Ok(()));
        let expected = Memory {
            place: place(50),
            ..made.clone()
        };
        assert_eq!(read(&state).place, expected.place);
        assert_eq!(in_store(&state, 99), Vec::<String>::new());
        assert_eq!(in_store(&state, 50), ["mem_1"]);
        state = State::open(memory.clone());
    }
    let blob = place(50).blob_id;
    let located = state.index.blob_locate(call(1, 9), person(1), blob);
    assert_eq!(located, Ok(place(50)));
    let found = state.index.memory_find(person(1), "mem_1").unwrap();
    assert_eq!(found.memory.place, place(50));
    let page = state
        .index
        .memory_list(person(1), CAPSULE, None, None, Order::OldestFirst);
    assert_eq!(page.unwrap().memories.len(), 1);
    let same = state
        .index
        .memory_find_sha256(person(1), CAPSULE, &made.sha256);
    assert_eq!(same.unwrap().len(), 1);
    // It may go back.
    assert_eq!(relocate(&mut state, 50, 99), Ok(()));
    assert_eq!(read(&state).place, place(99));
    assert_eq!(in_store(&state, 99), ["mem_1"]);
}

#[test]
fn a_memory_that_lies_elsewhere_stays_and_the_conflict_names_the_stores() {
    let (_, mut state, _) = one();
    relocate(&mut state, 99, 50).unwrap();
    match relocate(&mut state, 99, 51) {
        Err(Error::Conflict(text)) => {
            let [is, from, to] = [50, 99, 51].map(gateway);
            let expected = format!("store of mem_1 is {is}, expected {from} or {to}");
            assert_eq!(text, expected);
        }
        other => panic!("{other:?}"),
    }
    // Neither is it in a store that it leaves for the same one.
    assert!(is_conflict(&relocate(&mut state, 99, 99)));
    assert_eq!(relocate(&mut state, 50, 50), Ok(()));
    assert_eq!(read(&state).place, place(50));
}

#[test]
fn only_the_owner_relocates_and_nobody_a_memory_that_is_gone() {
    let (_, mut state, _) = one();
    let index = &mut state.index;
    let other = index.memory_relocate(call(2, 9), "mem_1", gateway(99), gateway(50));
    assert!(is_conflict(&other), "{other:?}");
    let unknown = index.memory_relocate(call(1, 9), "mem_2", gateway(99), gateway(50));
    assert_eq!(unknown, Err(Error::NotFound));
    index.memory_delete(call(1, 9), person(1), "mem_1").unwrap();
    assert_eq!(relocate(&mut state, 99, 50), Err(Error::NotFound));
    assert_eq!(in_store(&state, 50), Vec::<String>::new());
}

#[test]
fn a_late_commit_neither_fails_nor_moves_the_memory_back() {
    let (_, mut state, made) = one();
    relocate(&mut state, 99, 50).unwrap();
    relocate(&mut state, 50, 51).unwrap();
    // The gateway may know any of the stores.
    for store in [99, 50, 51] {
        let mut late = commit(person(1), CAPSULE, 1, 10);
        late.place.store = gateway(store);
        let late = state.index.memory_commit(call(1, 10), late).unwrap();
        assert_eq!((&late.id, late.place), (&made.id, place(51)));
    }
    assert_eq!(read(&state).place, place(51));
    assert_eq!(state.index.memories.len(), 1);
    let other = state
        .index
        .memory_commit(call(1, 10), commit(person(1), CAPSULE, 1, 11));
    assert!(is_conflict(&other), "the rest of the place still counts");
}

#[test]
fn a_relocated_memory_leaves_the_trash_and_the_index_from_its_new_place() {
    let (_, mut state, _) = one();
    let index = &mut state.index;
    put_into_trash(index, 3, "mem_1", 20);
    relocate(&mut state, 99, 50).unwrap();
    let index = &mut state.index;
    index
        .memory_restore(call(1, 4), person(1), "mem_1")
        .unwrap();
    assert_eq!(read(&state).place, place(50));
    let index = &mut state.index;
    put_into_trash(index, 5, "mem_1", 20);
    let gone = index.memory_expire(call(1, 20), "mem_1", 20).unwrap();
    assert_eq!(gone.place, place(50));
    assert_eq!(in_store(&state, 50), Vec::<String>::new());
}
