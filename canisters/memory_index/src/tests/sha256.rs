//! Tests of finding memories by SHA-256, and of entering those of release 0.1.0.

use super::beginnings::{put_into_trash, with_capsules, with_capsules_in};
use super::{CAPSULE, call, commit, is_invalid, person};
use crate::counters::Counters;
use crate::memories::page::Order;
use crate::state::State;
use canister_common::counted::Counted;
use capsule_shared::Error;
use capsule_shared::limits::MAX_PAGE;
use capsule_shared::memory_index::MemoryCommit;
use ic_stable_structures::{Memory, VectorMemory};
use serde_bytes::ByteBuf;
use std::cell::Cell;

const GONE: Error = Error::NotFound;

/// The commit of a file into the capsule of `who`.
fn of_file(who: u8, session: u64, file: u8) -> MemoryCommit {
    let made = commit(person(who), &format!("capsule-{who}"), session, 10);
    MemoryCommit {
        sha256: ByteBuf::from(vec![file; 32]),
        ..made
    }
}

fn commit_file<M: Memory>(state: &mut State<M>, who: u8, session: u64, file: u8) {
    let made = state
        .index
        .memory_commit(call(1, session), of_file(who, session, file));
    made.unwrap();
}

/// The memories of a file in the capsule of `who`.
fn found<M: Memory>(state: &State<M>, who: u8, file: u8) -> Result<Vec<String>, Error> {
    let capsule = format!("capsule-{who}");
    let found = state
        .index
        .memory_find_sha256(person(who), &capsule, &[file; 32])?;
    Ok(found.into_iter().map(|memory| memory.id).collect())
}

/// Makes the state look as release 0.1.0 left it.
pub fn age<M: Memory>(state: &mut State<M>) {
    state.index.by_sha256.clear_new();
    state.index.by_store.clear_new();
    state.index.stores.clear_new();
    state.index.purges.clear_new();
    let counters = *state.index.counters.get();
    state.index.counters.set(Counters {
        unplaced: None,
        ..counters
    });
}

/// Enters this many memories.
pub fn slice<M: Memory>(state: &mut State<M>, memories: u32) {
    let entered = Cell::new(0);
    state.index.enter_older(|| {
        entered.set(entered.get() + 1);
        entered.get() < memories
    });
}

#[test]
fn memories_of_a_file_are_found_the_newest_first() {
    let (memory, mut state) = with_capsules(2);
    for (session, who, file) in [(1, 1, 7), (2, 1, 8), (3, 2, 7), (4, 1, 7)] {
        commit_file(&mut state, who, session, file);
    }
    let state = State::open(memory);
    assert_eq!(
        found(&state, 1, 7),
        Ok(vec!["mem_4".into(), "mem_1".into()])
    );
    assert_eq!(found(&state, 1, 8), Ok(vec!["mem_2".into()]));
    assert_eq!(found(&state, 2, 7), Ok(vec!["mem_3".into()]));
    assert_eq!(found(&state, 2, 8), Ok(vec![]));
    let index = &state.index;
    let told = index
        .memory_find_sha256(person(1), CAPSULE, &[8; 32])
        .unwrap();
    let page = index.memory_list(
        person(1),
        CAPSULE,
        Some("mem_1"),
        Some(1),
        Order::OldestFirst,
    );
    assert_eq!(told, page.unwrap().memories);
}

#[test]
fn only_who_may_read_the_capsule_finds_and_only_by_a_whole_sha256() {
    let (_, mut state) = with_capsules(2);
    commit_file(&mut state, 1, 1, 7);
    let find = |who, capsule: &str, sha256: &[u8]| {
        state.index.memory_find_sha256(person(who), capsule, sha256)
    };
    for file in [7, 8] {
        assert_eq!(find(2, CAPSULE, &[file; 32]), Err(Error::Unauthorized));
        assert_eq!(find(1, "capsule-9", &[file; 32]), Err(GONE));
    }
    for bytes in [0, 31, 33, 64] {
        let refused = find(1, CAPSULE, &vec![7; bytes]);
        assert!(is_invalid(&refused), "{bytes}: {refused:?}");
    }
}

#[test]
fn a_memory_in_the_trash_or_deleted_is_not_found() {
    let (_, mut state) = with_capsules(2);
    for session in 1..=3 {
        commit_file(&mut state, 1, session, 7);
    }
    let ids = |numbers: &[u64]| Ok(numbers.iter().map(|n| format!("mem_{n}")).collect());
    for _ in 0..2 {
        put_into_trash(&mut state.index, 4, "mem_3", 9);
        assert_eq!(found(&state, 1, 7), ids(&[2, 1]));
    }
    for _ in 0..2 {
        let restored = state.index.memory_restore(call(1, 5), person(1), "mem_3");
        restored.unwrap();
        assert_eq!(found(&state, 1, 7), ids(&[3, 2, 1]));
    }
    let deleted = state.index.memory_delete(call(1, 6), person(1), "mem_2");
    deleted.unwrap();
    assert_eq!(found(&state, 1, 7), ids(&[3, 1]));
    put_into_trash(&mut state.index, 7, "mem_1", 9);
    state.index.memory_expire(call(1, 9), "mem_1", 9).unwrap();
    assert_eq!(found(&state, 1, 7), ids(&[3]));
    assert_eq!(state.index.by_sha256.len(), 1);
}

#[test]
fn at_most_100_memories_are_found() {
    let (_, mut state) = with_capsules(2);
    let many = u64::from(MAX_PAGE) + 2;
    for session in 1..=many {
        commit_file(&mut state, 1, session, 7);
    }
    let found = found(&state, 1, 7).unwrap();
    let newest: Vec<_> = (3..=many).rev().map(|n| format!("mem_{n}")).collect();
    assert_eq!(found, newest);
}

#[test]
fn memories_of_release_0_1_0_are_entered_in_slices_the_newest_first() {
    let (memory, mut state) = with_capsules(2);
    for session in 1..=6 {
        let who = if session == 1 { 2 } else { 1 };
        commit_file(&mut state, who, session, 7);
    }
    put_into_trash(&mut state.index, 7, "mem_5", 9);
    age(&mut state);
    let mut state = State::open(memory.clone());
    assert_eq!(state.index.unplaced(), 6);
    let is_temporary = |state: &State<VectorMemory>, who| {
        found(state, who, 7).is_err_and(|error| error.is_temporary())
    };
    // Memories that come or change meanwhile are there at once.
    commit_file(&mut state, 1, 7, 7);
    state
        .index
        .memory_restore(call(1, 8), person(1), "mem_5")
        .unwrap();
    put_into_trash(&mut state.index, 8, "mem_4", 9);
    state
        .index
        .memory_delete(call(1, 8), person(1), "mem_3")
        .unwrap();
    for unplaced in [5, 4, 3] {
        assert!(is_temporary(&state, 1), "above {unplaced}");
        slice(&mut state, 1);
        assert_eq!(state.index.unplaced(), unplaced);
        state = State::open(memory.clone());
        assert_eq!(state.index.unplaced(), unplaced);
    }
    assert!(is_temporary(&state, 1) && is_temporary(&state, 2));
    slice(&mut state, 1);
    // Memory 3 is gone, so the slice entered memory 2. Capsule 1 is complete, capsule 2 isn't.
    assert_eq!(state.index.unplaced(), 1);
    let all = ["mem_7", "mem_6", "mem_5", "mem_2"]
        .map(String::from)
        .to_vec();
    assert_eq!(found(&state, 1, 7), Ok(all.clone()));
    assert!(is_temporary(&state, 2));
    slice(&mut state, 10);
    assert_eq!(state.index.unplaced(), 0);
    assert_eq!(found(&state, 2, 7), Ok(vec!["mem_1".into()]));
    slice(&mut state, 10);
    let mut state = State::open(memory);
    assert_eq!(state.index.unplaced(), 0);
    assert_eq!(found(&state, 1, 7), Ok(all));
    assert_eq!(state.index.by_sha256.len(), 5);
    // A later restore enters memory 4.
    state
        .index
        .memory_restore(call(1, 9), person(1), "mem_4")
        .unwrap();
    assert!(found(&state, 1, 7).unwrap().contains(&"mem_4".to_string()));
}

#[test]
fn a_new_index_has_nothing_to_enter() {
    let (memory, mut state) = with_capsules(2);
    assert_eq!(state.index.unplaced(), 0);
    commit_file(&mut state, 1, 1, 7);
    let state = State::open(memory);
    assert_eq!(state.index.unplaced(), 0);
    assert_eq!(found(&state, 1, 7), Ok(vec!["mem_1".into()]));
}

#[test]
fn a_full_index_enters_nothing() {
    let (memory, mut state) = with_capsules(2);
    commit_file(&mut state, 1, 1, 7);
    age(&mut state);
    let mut state = State::open(memory);
    let last = state.index.capacity.last;
    state.index.capacity.last = state.index.capacity.used_bytes();
    slice(&mut state, 10);
    assert_eq!(state.index.unplaced(), 1);
    state.index.capacity.last = last;
    slice(&mut state, 10);
    assert_eq!(found(&state, 1, 7), Ok(vec!["mem_1".into()]));
}

/// The start after an upgrade reads as much, however many memories there are. So do questions,
/// apart from a few levels of the sets.
#[test]
fn neither_a_start_nor_a_question_grows_with_the_memories() {
    let read = |memories: u64| {
        let memory = Counted::default();
        let mut state = with_capsules_in(memory.clone(), 2);
        commit_file(&mut state, 1, 1, 200);
        for session in 2..=memories {
            commit_file(&mut state, 1, session, (session % 150) as u8);
        }
        age(&mut state);
        let reading = |work: &mut dyn FnMut()| {
            let before = memory.bytes_read();
            work();
            memory.bytes_read() - before
        };
        let start = reading(&mut || state = State::open(memory.clone()));
        while state.index.unplaced() > 0 {
            slice(&mut state, 100);
        }
        let find = reading(&mut || assert_eq!(found(&state, 1, 200), Ok(vec!["mem_1".into()])));
        let middle = format!("mem_{}", memories / 2);
        let list = [Order::OldestFirst, Order::NewestFirst].map(|order| {
            reading(&mut || {
                let (index, cursor) = (&state.index, Some(middle.as_str()));
                let page = index.memory_list(person(1), CAPSULE, cursor, Some(2), order);
                assert_eq!(page.unwrap().memories.len(), 2);
            })
        });
        (start, [find, list[0], list[1]])
    };
    let (few, many) = (read(10), read(3_000));
    assert_eq!(few.0, many.0, "a start");
    for (few, many) in few.1.into_iter().zip(many.1) {
        assert!(many < 6 * few, "a question: {few} and {many} bytes");
    }
}

/// Release 0.1.0, put back by mistake while memories are entered, deletes one that was entered.
#[test]
fn a_memory_that_went_while_others_were_entered_is_missed_by_no_list() {
    let (memory, mut state) = with_capsules(2);
    for session in 1..=6 {
        commit_file(&mut state, 1, session, 7);
    }
    age(&mut state);
    let mut state = State::open(memory.clone());
    slice(&mut state, 2);
    state.index.memories.remove(&6);
    state.index.by_capsule.remove(&(1, 6));
    let mut state = State::open(memory);
    let ids: Vec<_> = (1..=5).rev().map(|n| format!("mem_{n}")).collect();
    while state.index.unplaced() > 0 {
        assert!(found(&state, 1, 7).is_err_and(|error| error.is_temporary()));
        slice(&mut state, 1);
    }
    assert_eq!(found(&state, 1, 7), Ok(ids));
    assert_eq!(state.index.by_store.len(), 5);
}
