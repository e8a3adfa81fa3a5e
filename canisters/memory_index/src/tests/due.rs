//! Tests of the memories that their owner has to purge.

use super::beginnings::{take_down, with_capsule};
use super::{CAPSULE, call, commit, gateway, is_invalid, person};
use crate::index::Call;
use crate::state::State;
use candid::Principal;
use canister_common::counted::Counted;
use capsule_shared::operators::DueCursor;
use ic_stable_structures::VectorMemory;

/// Person 1 owns the capsule; gateways 1 to 3 are registered and have sessions 1 to 4 in it.
/// `mem_1` to `mem_4` are those of gateway 1, and so on.
fn with_memories() -> State<VectorMemory> {
    let (_, mut state) = with_capsule();
    let index = &mut state.index;
    for n in 1..4 {
        for session in 1..5 {
            let made = commit(person(1), CAPSULE, session, 10);
            index.memory_commit(call(n, 2), made).unwrap();
        }
    }
    for n in 1..4 {
        state.gateways.register(gateway(n)).unwrap();
    }
    state
}

fn trash(state: &mut State<VectorMemory>, n: u8, number: u64, purge_at: u64) {
    let id = format!("mem_{number}");
    let trashed = state
        .index
        .memory_trash(call(n, 3), person(1), &id, purge_at);
    trashed.unwrap();
}

/// The numbers of the memories of gateway `n` that are due, in pages of `limit`.
fn due(state: &State<VectorMemory>, n: u8, now: u64, limit: u32) -> Vec<u64> {
    let (mut numbers, mut after) = (Vec::new(), None::<DueCursor>);
    loop {
        let index = &state.index;
        let page = index.memories_due(gateway(n), now, after, Some(limit));
        let page = page.unwrap();
        assert!(page.memories.len() <= limit as usize);
        for memory in &page.memories {
            assert!(memory.purge_at <= now);
            let number = memory.memory_id.strip_prefix("mem_").unwrap();
            numbers.push(number.parse().unwrap());
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return numbers,
        }
    }
}

#[test]
fn a_memory_is_due_when_its_time_in_the_trash_is_over() {
    let mut state = with_memories();
    for (number, purge_at) in [(1, 30), (2, 20), (3, 40)] {
        trash(&mut state, 1, number, purge_at);
    }
    trash(&mut state, 2, 5, 20);
    for (now, expected) in [
        (19, &[] as &[u64]),
        (20, &[2]),
        (30, &[2, 1]),
        (99, &[2, 1, 3]),
    ] {
        for limit in [1, 2, 100] {
            assert_eq!(due(&state, 1, now, limit), expected, "{now}");
        }
    }
    assert_eq!(due(&state, 2, 99, 100), [5]);
    assert_eq!(due(&state, 3, 99, 100), [] as [u64; 0]);
    let index = &mut state.index;
    index
        .memory_restore(call(1, 50), person(1), "mem_2")
        .unwrap();
    index.memory_expire(call(1, 50), "mem_1", 30).unwrap();
    assert_eq!(due(&state, 1, 99, 100), [3]);
    trash(&mut state, 1, 2, 60);
    assert_eq!(due(&state, 1, 99, 100), [3, 2]);
    let index = &mut state.index;
    index
        .memory_delete(call(1, 50), person(1), "mem_3")
        .unwrap();
    assert_eq!(due(&state, 1, 99, 100), [2]);
}

#[test]
fn what_is_told_is_what_expiring_takes() {
    let mut state = with_memories();
    trash(&mut state, 1, 1, 30);
    let index = &mut state.index;
    take_down(index, 10, "mem_2").unwrap();
    let page = index.memories_due(gateway(1), 30, None, None).unwrap();
    assert_eq!(page.memories.len(), 2);
    for memory in page.memories {
        let gone = index.memory_expire(call(1, 30), &memory.memory_id, memory.purge_at);
        let gone = gone.unwrap();
        assert_eq!((gone.id, gone.place), (memory.memory_id, memory.place));
    }
    assert_eq!(due(&state, 1, 99, 100), [] as [u64; 0]);
}

#[test]
fn the_owner_learns_of_the_trash_that_it_got() {
    let mut state = with_memories();
    for (n, number) in [(1, 1), (1, 2), (2, 5), (3, 9)] {
        trash(&mut state, n, number, 20);
    }
    state.gateways_transfer(gateway(1), gateway(3)).unwrap();
    assert_eq!(due(&state, 1, 99, 100), [] as [u64; 0]);
    for limit in [1, 2, 3, 100] {
        assert_eq!(due(&state, 3, 99, limit), [1, 2, 9], "{limit}");
    }
    state.gateways_transfer(gateway(2), gateway(3)).unwrap();
    for limit in [1, 2, 3, 4, 100] {
        assert_eq!(due(&state, 3, 99, limit), [1, 2, 5, 9], "{limit}");
    }
    let gone = state.index.memory_expire(call(3, 30), "mem_1", 20);
    assert_eq!(gone.unwrap().owner, Some(gateway(3)));
    assert_eq!(due(&state, 3, 99, 100), [2, 5, 9]);
}

#[test]
fn a_cursor_is_an_entry_whether_it_is_still_there_or_not() {
    let mut state = with_memories();
    for number in 1..5 {
        trash(&mut state, 1, number, 20 + number);
    }
    let index = &mut state.index;
    let after = |number: u64, purge_at| {
        Some(DueCursor {
            gateway: gateway(1),
            purge_at,
            memory_id: format!("mem_{number}"),
        })
    };
    index.memory_expire(call(1, 50), "mem_2", 22).unwrap();
    let page = index.memories_due(gateway(1), 99, after(2, 22), None);
    assert_eq!(page.unwrap().memories[0].memory_id, "mem_3");
    // The clock of a later question may be behind the cursor.
    let page = index.memories_due(gateway(1), 21, after(4, 24), None);
    assert_eq!(page.unwrap().memories, []);
    let strange = DueCursor {
        memory_id: "page 2".into(),
        ..after(1, 21).unwrap()
    };
    assert!(is_invalid(&index.memories_due(
        gateway(1),
        99,
        Some(strange),
        None
    )));
    assert!(is_invalid(&index.memories_due(
        gateway(1),
        99,
        None,
        Some(0)
    )));
}

#[test]
fn a_page_that_is_full_looks_for_no_further_gateway() {
    let memory = Counted::default();
    let mut state = State::open(memory.clone());
    let many = |n: u64| Principal::from_slice(&[&[8], &n.to_be_bytes()[..]].concat());
    let index = &mut state.index;
    index
        .capsule_create(call(1, 1), person(1), None, None)
        .unwrap();
    for n in 0..300 {
        let call = Call {
            gateway: many(n),
            now: 1,
        };
        let made = index.memory_commit(call, commit(person(1), CAPSULE, 1, 10));
        let trashed = index.memory_trash(call, person(1), &made.unwrap().id, 1);
        trashed.unwrap();
        index.owners.transfer(many(n), gateway(1)).unwrap();
    }
    let read = |limit| {
        let before = memory.bytes_read();
        let page = state.index.memories_due(gateway(1), 9, None, Some(limit));
        assert_eq!(page.unwrap().memories.len(), limit as usize);
        memory.bytes_read() - before
    };
    let (one, hundred) = (read(1), read(100));
    assert!(2 * one < hundred, "{one} and {hundred} bytes");
}

/// Release 0.1.0, put back by mistake, deletes memories and leaves the lists as they are.
#[test]
fn a_list_names_no_memory_that_is_gone() {
    let mut state = with_memories();
    let index = &mut state.index;
    for number in [1, 2] {
        let id = format!("mem_{number}");
        index.memory_trash(call(1, 3), person(1), &id, 20).unwrap();
    }
    index.memories.remove(&1);
    let due = index.memories_due(gateway(1), 99, None, None).unwrap();
    let trash = index.memory_trash_list(person(1), CAPSULE, None, None);
    let stored = index.memories_of_store(due.memories[0].place.store, None, None);
    assert_eq!(due.memories[0].memory_id, "mem_2");
    assert_eq!((due.memories.len(), trash.unwrap().memories.len()), (1, 1));
    assert_eq!(stored.unwrap().memories[0].id, "mem_2");
}
