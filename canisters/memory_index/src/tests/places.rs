//! Tests of the memories of each store, and of entering those of release 0.1.0.

use super::beginnings::{
    put_into_trash, take_down, transfer_1_to_2, with_capsule, with_capsules_in, with_hidden,
};
use super::sha256::{age, slice};
use super::{CAPSULE, call, commit, gateway, is_invalid, person};
use crate::counters::Counters;
use crate::state::State;
use candid::Principal;
use canister_common::counted::Counted;
use capsule_shared::limits::MAX_PAGE;
use capsule_shared::memory_index::MemoryCommit;
use capsule_shared::operators::{StoreMemory, StoreUse};
use ic_stable_structures::{Memory, VectorMemory};

/// A commit of as many bytes as the number of its session, in this store.
fn in_store(session: u64, store: u8) -> MemoryCommit {
    let mut made = commit(person(1), CAPSULE, session, session);
    made.place.store = gateway(store);
    made
}

fn commits<M: Memory>(state: &mut State<M>, session: u64, store: u8) {
    let made = in_store(session, store);
    state.index.memory_commit(call(1, session), made).unwrap();
}

/// All ids of a store in pages of this many memories.
fn paged<M: Memory>(state: &State<M>, store: u8, limit: u32) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), None::<String>);
    loop {
        let index = &state.index;
        let page = index.memories_of_store(gateway(store), after.as_deref(), Some(limit));
        let page = page.unwrap();
        assert!(page.memories.len() <= limit as usize);
        ids.extend(page.memories.into_iter().map(|memory| memory.id));
        match page.next {
            Some(next) => after = Some(next),
            None => return ids,
        }
    }
}

/// Store, memories and bytes of each store.
fn uses<M: Memory>(state: &State<M>) -> Vec<(Principal, u64, u64)> {
    let page = state.index.stores_of_memories(None, None).unwrap();
    assert_eq!(page.next, None);
    let stores = page.stores.into_iter();
    stores
        .map(|used| (used.store, used.memories, used.bytes))
        .collect()
}

fn move_to<M: Memory>(state: &mut State<M>, id: &str, from: u8, to: u8) {
    let (from, to) = (gateway(from), gateway(to));
    let moved = state.index.memory_relocate(call(1, 9), id, from, to);
    moved.unwrap();
}

#[test]
fn a_store_lists_its_memories_in_pages_and_counts_them() {
    let (memory, mut state) = with_capsule();
    for (session, store) in [(1, 50), (2, 51), (3, 50), (4, 50), (5, 51), (6, 50)] {
        commits(&mut state, session, store);
    }
    let state = State::open(memory);
    for limit in [1, 2, 3, 4, 100] {
        let first = ["mem_1", "mem_3", "mem_4", "mem_6"];
        assert_eq!(paged(&state, 50, limit), first, "{limit}");
        assert_eq!(paged(&state, 51, limit), ["mem_2", "mem_5"], "{limit}");
        assert_eq!(paged(&state, 52, limit), Vec::<String>::new());
    }
    assert_eq!(uses(&state), [(gateway(50), 4, 14), (gateway(51), 2, 7)]);
    let index = &state.index;
    let first = index.stores_of_memories(None, Some(1)).unwrap();
    let expected = StoreUse {
        store: gateway(50),
        memories: 4,
        bytes: 14,
    };
    assert_eq!(
        (first.stores, first.next),
        (vec![expected], Some(gateway(50)))
    );
    let second = index
        .stores_of_memories(Some(gateway(50)), Some(1))
        .unwrap();
    assert_eq!((second.stores[0].store, second.next), (gateway(51), None));
    assert!(is_invalid(&index.stores_of_memories(None, Some(0))));
    let store = gateway(50);
    assert!(is_invalid(&index.memories_of_store(store, None, Some(0))));
    assert!(is_invalid(&index.memories_of_store(store, Some("9"), None)));
}

#[test]
fn an_entry_has_what_a_move_needs() {
    let (_, mut state, memories) = with_hidden();
    transfer_1_to_2(&mut state);
    let page = state.index.memories_of_store(gateway(99), None, None);
    let page = page.unwrap();
    for ((session, told), made) in (1..).zip(&page.memories).zip(memories) {
        let expected = StoreMemory {
            id: format!("mem_{session}"),
            gateway: gateway(1),
            session_id: session,
            owner: gateway(2),
            place: made.place,
            sha256: made.sha256,
            in_trash: session == 2,
            taken_down: session == 3,
        };
        assert_eq!(*told, expected);
    }
    assert_eq!(page.memories.len(), 3);
}

#[test]
fn a_page_has_at_most_100_memories() {
    let (_, mut state) = with_capsule();
    let many = u64::from(MAX_PAGE) + 1;
    for session in 1..=many {
        commits(&mut state, session, 50);
    }
    for limit in [None, Some(u32::MAX)] {
        let page = state.index.memories_of_store(gateway(50), None, limit);
        let page = page.unwrap();
        assert_eq!(page.memories.len(), MAX_PAGE as usize);
        assert_eq!(page.next.as_deref(), Some("mem_100"));
    }
}

#[test]
fn a_store_without_memories_is_in_no_list() {
    let (_, mut state, _) = with_hidden();
    assert_eq!(
        uses(&state),
        [(gateway(99), 3, 30)],
        "their bytes are there"
    );
    commits(&mut state, 4, 99);
    let index = &mut state.index;
    index.memory_delete(call(1, 7), person(1), "mem_1").unwrap();
    index.memory_expire(call(1, 9), "mem_2", 9).unwrap();
    index.memory_expire(call(1, 9), "mem_3", 6).unwrap();
    assert_eq!(uses(&state), [(gateway(99), 1, 4)]);
    move_to(&mut state, "mem_4", 99, 50);
    assert_eq!(uses(&state), [(gateway(50), 1, 4)]);
    assert_eq!(paged(&state, 99, 10), Vec::<String>::new());
}

#[test]
fn memories_of_release_0_1_0_are_entered_in_slices_whatever_happens_meanwhile() {
    let (memory, mut state) = with_capsule();
    for session in 1..=8 {
        commits(&mut state, session, 50);
    }
    let index = &mut state.index;
    for (id, purge_at) in [("mem_2", 20), ("mem_5", 30)] {
        put_into_trash(index, 8, id, purge_at);
    }
    age(&mut state);
    let mut state = State::open(memory.clone());
    assert_eq!(state.index.unplaced(), 8);
    let is_temporary = |state: &State<VectorMemory>| {
        let index = &state.index;
        let of_store = index.memories_of_store(gateway(50), None, None);
        let stores = index.stores_of_memories(None, None);
        let due = index.memories_due(gateway(1), 100, None, None);
        [of_store.err(), stores.err(), due.err()]
            .into_iter()
            .all(|error| error.is_some_and(|error| error.is_temporary()))
    };
    slice(&mut state, 1);
    // Each of these meets memories that are entered and others that aren't.
    commits(&mut state, 9, 51);
    for id in ["mem_8", "mem_7"] {
        move_to(&mut state, id, 50, 51);
    }
    let index = &mut state.index;
    index.memory_delete(call(1, 9), person(1), "mem_6").unwrap();
    index
        .memory_restore(call(1, 9), person(1), "mem_5")
        .unwrap();
    put_into_trash(index, 9, "mem_4", 40);
    take_down(index, 10, "mem_3").unwrap();
    let mut left = state.index.unplaced();
    while left > 0 {
        assert!(is_temporary(&state), "{left}");
        state = State::open(memory.clone());
        slice(&mut state, 1);
        assert!(state.index.unplaced() < left);
        left = state.index.unplaced();
    }
    let state = State::open(memory);
    assert_eq!(state.index.unplaced(), 0);
    let first = ["mem_1", "mem_2", "mem_3", "mem_4", "mem_5"];
    assert_eq!(paged(&state, 50, 2), first);
    assert_eq!(paged(&state, 51, 2), ["mem_7", "mem_8", "mem_9"]);
    assert_eq!(uses(&state), [(gateway(50), 5, 15), (gateway(51), 3, 24)]);
    let due = state.index.memories_due(gateway(1), 100, None, None);
    let due = due.unwrap().memories.into_iter();
    let due: Vec<_> = due.map(|m| (m.memory_id, m.purge_at)).collect();
    let expected = [("mem_3", 10), ("mem_2", 20), ("mem_4", 40)];
    assert_eq!(due, expected.map(|(id, at)| (id.to_string(), at)));
}

/// A module of release 0.1.0 may run for a while, and delete what a newer one had entered. If it
/// commits nothing, it leaves the number as it is, and only the lengths of the sets tell.
#[test]
fn entries_from_before_an_older_module_ran_are_forgotten() {
    for unplaced in [None, Some(0)] {
        let (memory, mut state) = with_capsule();
        for session in 1..4 {
            commits(&mut state, session, 50);
        }
        let index = &mut state.index;
        index.counters.set(Counters {
            unplaced,
            ..*index.counters.get()
        });
        let deleted = index.memories.remove(&2).unwrap();
        index.by_capsule.remove(&(1, 2));
        index.by_blob.remove(&(deleted.place.blob_id.0, 2));
        let mut state = State::open(memory);
        assert_eq!(state.index.unplaced(), 3, "{unplaced:?}");
        slice(&mut state, 10);
        assert_eq!(paged(&state, 50, 10), ["mem_1", "mem_3"]);
        assert_eq!(uses(&state), [(gateway(50), 2, 4)]);
        let index = &state.index;
        let found = |file| index.memory_find_sha256(person(1), CAPSULE, &[file; 32]);
        assert_eq!(found(2), Ok(vec![]));
        assert_eq!(found(3).unwrap().len(), 1);
    }
}

/// A page reads its memories and a few levels of the sets, however many memories a store has.
#[test]
fn a_page_reads_as_much_of_a_large_store_as_of_a_small_one() {
    let read = |memories: u64| {
        let memory = Counted::default();
        let mut state = with_capsules_in(memory.clone(), 1);
        for session in 1..=memories {
            commits(&mut state, session, 50);
        }
        let before = memory.bytes_read();
        let middle = format!("mem_{}", memories / 2);
        let page = state
            .index
            .memories_of_store(gateway(50), Some(&middle), Some(2));
        assert_eq!(page.unwrap().memories.len(), 2);
        assert_eq!(uses(&state).len(), 1);
        memory.bytes_read() - before
    };
    let (few, many) = (read(10), read(3_000));
    assert!(many < 6 * few, "{few} and {many} bytes");
}
