//! Tests of the trash: what is in it counts, is hidden, and comes back as it was.

use super::beginnings::{put_into_trash, with_three};
use super::{CAPSULE, call, commit, is_conflict, is_invalid, person, usage};
use crate::memories::page::Order;
use crate::state::State;
use capsule_shared::Error;
use capsule_shared::memory_index::Trash;
use ic_stable_structures::VectorMemory;

fn listed(state: &State<VectorMemory>) -> Vec<String> {
    let page = state
        .index
        .memory_list(person(1), CAPSULE, None, None, Order::OldestFirst);
    page.unwrap().memories.into_iter().map(|m| m.id).collect()
}

fn trashed(state: &State<VectorMemory>) -> Vec<(String, Trash)> {
    let page = state
        .index
        .memory_trash_list(person(1), CAPSULE, None, None);
    let memories = page.unwrap().memories.into_iter();
    memories.map(|m| (m.memory.id, m.trash)).collect()
}

#[test]
fn a_memory_in_the_trash_is_hidden_counts_and_comes_back_in_its_place() {
    let (memory, mut state, memories) = with_three();
    let second = &memories[1];
    let index = &mut state.index;
    let trash = put_into_trash(index, 10, "mem_2", 50);
    let expected = Trash {
        trashed_at: 10,
        trashed_by: person(1),
        purge_at: 50,
    };
    assert_eq!(trash, expected);
    // Trashing it again changes nothing.
    let again = index.memory_trash(call(1, 11), person(1), "mem_2", 90);
    assert_eq!(again, Ok(trash));

    let mut state = State::open(memory);
    assert_eq!(listed(&state), ["mem_1", "mem_3"]);
    assert_eq!(trashed(&state), [("mem_2".to_string(), trash)]);
    let index = &mut state.index;
    let blob = second.place.blob_id;
    assert_eq!(index.memory_read(person(1), "mem_2"), Err(Error::NotFound));
    let located = index.blob_locate(call(1, 12), person(1), blob);
    assert_eq!(located, Err(Error::NotFound));
    let found = index.memory_find(person(1), "mem_2").unwrap();
    assert_eq!(
        (found.memory.id.as_str(), found.trash),
        ("mem_2", Some(trash))
    );
    let info = index.capsule_read(person(1), Some(CAPSULE)).unwrap();
    assert_eq!(info.memory_count, 2, "members see no trash");
    assert_eq!(index.capsule_list(person(1))[0].memory_count, 2);
    assert_eq!(usage(&state), (30, 3), "the trash counts");

    for _ in 0..2 {
        let restored = state.index.memory_restore(call(1, 13), person(1), "mem_2");
        assert_eq!(restored, Ok(()));
        assert_eq!(listed(&state), ["mem_1", "mem_2", "mem_3"]);
        assert_eq!(trashed(&state), []);
    }
    let index = &mut state.index;
    let read = index.memory_read(person(1), "mem_2").unwrap();
    assert_eq!(read.place, second.place);
    assert_eq!(
        index.blob_locate(call(1, 14), person(1), blob),
        Ok(read.place)
    );
    let info = index.capsule_read(person(1), Some(CAPSULE)).unwrap();
    assert_eq!(info.memory_count, 3);
    assert_eq!(usage(&state), (30, 3));
}

#[test]
fn a_late_commit_leaves_a_memory_in_the_trash() {
    let (_, mut state, _) = with_three();
    let index = &mut state.index;
    put_into_trash(index, 10, "mem_2", 50);
    let late = index.memory_commit(call(1, 11), commit(person(1), CAPSULE, 2, 10));
    // The gateway learns that the index has the memory. It must not delete the blob.
    assert_eq!(late.unwrap().id, "mem_2");
    assert_eq!(listed(&state), ["mem_1", "mem_3"]);
    assert_eq!(usage(&state), (30, 3));
}

#[test]
fn only_the_time_of_this_trashing_ends_it() {
    let (_, mut state, memories) = with_three();
    let expire = |state: &mut State<VectorMemory>, now, purge_at| {
        state.index.memory_expire(call(1, now), "mem_2", purge_at)
    };
    let listed = "mem_2 is listed, expected it in the trash until 50";
    assert_eq!(expire(&mut state, 60, 50), Err(Error::conflict(listed)));
    let index = &mut state.index;
    put_into_trash(index, 10, "mem_2", 50);
    index
        .memory_restore(call(1, 11), person(1), "mem_2")
        .unwrap();
    assert!(is_conflict(&expire(&mut state, 60, 50)), "it is restored");
    put_into_trash(&mut state.index, 12, "mem_2", 70);
    let anew = "purge_at is 50, expected 70, when mem_2 is due";
    assert_eq!(expire(&mut state, 80, 50), Err(Error::conflict(anew)));
    let early = expire(&mut state, 69, 70).unwrap_err();
    assert!(early.is_temporary(), "{early}");
    let other = state.index.memory_expire(call(2, 80), "mem_2", 70);
    assert!(is_conflict(&other), "another gateway committed it");
    let expired = expire(&mut state, 70, 70).unwrap();
    assert_eq!(expired.place, memories[1].place);
    assert_eq!(expire(&mut state, 71, 70), Err(Error::NotFound));
    assert_eq!(usage(&state), (20, 2));
    assert_eq!(trashed(&state), []);
    let late = state
        .index
        .memory_commit(call(1, 90), commit(person(1), CAPSULE, 2, 10));
    assert_eq!(late, Err(Error::NotFound));
}

#[test]
fn a_memory_is_deleted_for_good_in_and_out_of_the_trash() {
    let (_, mut state, _) = with_three();
    let index = &mut state.index;
    put_into_trash(index, 10, "mem_2", 50);
    for id in ["mem_1", "mem_2"] {
        index.memory_delete(call(1, 11), person(1), id).unwrap();
        let gone = index.memory_find(person(1), id);
        assert_eq!(gone, Err(Error::NotFound));
        let gone = index.memory_restore(call(1, 12), person(1), id);
        assert_eq!(gone, Err(Error::NotFound));
    }
    assert_eq!(usage(&state), (10, 1));
    let info = state.index.capsule_read(person(1), Some(CAPSULE)).unwrap();
    assert_eq!(info.memory_count, 1);
}

#[test]
fn rights_decide_over_the_trash_as_over_a_deletion() {
    let (_, mut state, _) = with_three();
    let index = &mut state.index;
    let stranger = index.memory_trash(call(1, 10), person(2), "mem_2", 50);
    assert_eq!(stranger, Err(Error::Unauthorized));
    let other = index.memory_trash(call(2, 10), person(1), "mem_2", 50);
    assert!(is_conflict(&other));
    put_into_trash(index, 10, "mem_2", 50);
    let stranger = index.memory_restore(call(1, 10), person(2), "mem_2");
    assert_eq!(stranger, Err(Error::Unauthorized));
    assert!(is_conflict(&index.memory_restore(
        call(2, 10),
        person(1),
        "mem_2"
    )));
    let found = index.memory_find(person(2), "mem_2");
    assert_eq!(found, Err(Error::Unauthorized));
    let read = index.memory_read(person(2), "mem_2");
    assert_eq!(read, Err(Error::Unauthorized));
    let list = index.memory_trash_list(person(2), CAPSULE, None, None);
    assert_eq!(list, Err(Error::Unauthorized));
    let nothing = index.memory_trash(call(1, 10), person(1), "mem_9", 50);
    assert_eq!(nothing, Err(Error::NotFound));
}

#[test]
fn the_trash_has_pages() {
    let (_, mut state, _) = with_three();
    let index = &mut state.index;
    for (now, id) in [(10, "mem_3"), (11, "mem_1"), (12, "mem_2")] {
        put_into_trash(index, now, id, 50);
    }
    let page = |cursor, limit| {
        let page = index.memory_trash_list(person(1), CAPSULE, cursor, limit);
        page.map(|page| {
            let ids: Vec<_> = page.memories.into_iter().map(|m| m.memory.id).collect();
            (ids.join(" "), page.next)
        })
    };
    let first = page(None, Some(2)).unwrap();
    assert_eq!(first, ("mem_1 mem_2".into(), Some("mem_2".into())));
    assert_eq!(page(Some("mem_2"), Some(2)), Ok(("mem_3".into(), None)));
    assert!(is_invalid(&page(Some("page 2"), None)));
    assert!(is_invalid(&page(None, Some(0))));
}
