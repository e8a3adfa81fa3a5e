//! Tests of memories: committing once, listing in pages, deleting for good.

use super::beginnings::with_capsules;
use super::{
    CAPSULE, base_mut, call, commit, gateway, is_conflict, is_invalid, metadata, person, usage,
};
use crate::memories::page::Order;
use crate::state::State;
use capsule_shared::asset::AssetType;
use capsule_shared::limits::{
    MAX_CHUNKS, MAX_METADATA_BYTES, MAX_NAME_BYTES, MAX_PAGE, MESSAGE_LIMIT_BYTES,
};
use capsule_shared::memory_index::{MemoryCommit, MemoryPage};
use capsule_shared::{BlobId, Error};
use ic_stable_structures::VectorMemory;
use serde_bytes::ByteBuf;

#[test]
fn a_repeated_commit_returns_the_same_memory() {
    let (memory, mut state) = with_capsules(2);
    let made = state
        .index
        .memory_commit(call(1, 7), commit(person(1), CAPSULE, 3, 10))
        .unwrap();
    assert_eq!((made.id.as_str(), made.uploaded_at), ("mem_1", 7));
    assert_eq!((made.gateway, made.session_id), (gateway(1), 3));
    let mut state = State::open(memory);
    let again = state
        .index
        .memory_commit(call(1, 9), commit(person(1), CAPSULE, 3, 10))
        .unwrap();
    assert_eq!((again.id.as_str(), again.uploaded_at), ("mem_1", 7));
    assert_eq!(usage(&state), (10, 1));
    // The same session number of another gateway is another upload.
    let other = state
        .index
        .memory_commit(call(2, 9), commit(person(1), CAPSULE, 3, 10))
        .unwrap();
    assert_eq!(other.id, "mem_2");
    assert_eq!(usage(&state), (20, 2));
}

#[test]
fn a_session_commits_one_thing() {
    let (_, mut state) = with_capsules(2);
    let good = || commit(person(1), CAPSULE, 3, 10);
    state.index.memory_commit(call(1, 7), good()).unwrap();
    let mut renamed = good();
    renamed.metadata = metadata("other.jpg");
    let mut rehashed = good();
    rehashed.sha256 = ByteBuf::from(vec![0; 32]);
    let mut elsewhere = good();
    elsewhere.place.store = gateway(50);
    let others = [
        renamed,
        rehashed,
        elsewhere,
        MemoryCommit {
            who: person(2),
            ..good()
        },
        MemoryCommit {
            capsule_id: "capsule-2".into(),
            ..good()
        },
        commit(person(1), CAPSULE, 3, 11),
    ];
    for other in others {
        assert!(is_conflict(&state.index.memory_commit(call(1, 8), other)));
    }
    assert_eq!(usage(&state), (10, 1));
}

#[test]
fn a_repeated_commit_succeeds_although_the_right_is_gone() {
    let (_, mut state) = with_capsules(2);
    let made = state
        .index
        .memory_commit(call(1, 7), commit(person(1), CAPSULE, 3, 10))
        .unwrap();
    let mut record = state.index.capsules.get(&1).unwrap();
    record.owners.clear();
    state.index.capsules.insert(1, record);
    let again = state
        .index
        .memory_commit(call(1, 8), commit(person(1), CAPSULE, 3, 10));
    assert_eq!(again.unwrap().id, made.id);
    let new = state
        .index
        .memory_commit(call(1, 8), commit(person(1), CAPSULE, 4, 10));
    assert_eq!(new, Err(Error::Unauthorized));
}

#[test]
fn a_deleted_memory_does_not_come_back() {
    let (memory, mut state) = with_capsules(2);
    let made = state
        .index
        .memory_commit(call(1, 7), commit(person(1), CAPSULE, 3, 10))
        .unwrap();
    let id = made.id.as_str();
    let blob = made.place.blob_id;
    let deleted = state
        .index
        .memory_delete(call(1, 8), person(1), id)
        .unwrap();
    assert_eq!((deleted.id.as_str(), &deleted.place), (id, &made.place));
    let mut state = State::open(memory);
    assert_eq!(usage(&state), (0, 0));
    let late = state
        .index
        .memory_commit(call(1, 9), commit(person(1), CAPSULE, 3, 10));
    assert_eq!(late, Err(Error::NotFound));
    assert_eq!(usage(&state), (0, 0));
    assert_eq!(
        state.index.memory_delete(call(1, 9), person(1), id),
        Err(Error::NotFound)
    );
    assert_eq!(state.index.memory_read(person(1), id), Err(Error::NotFound));
    assert_eq!(
        state.index.blob_locate(call(1, 9), person(1), blob),
        Err(Error::NotFound)
    );
    let page = state
        .index
        .memory_list(person(1), CAPSULE, None, None, Order::OldestFirst)
        .unwrap();
    assert_eq!(page.memories, []);
    // No later memory gets its id.
    let next = state
        .index
        .memory_commit(call(1, 9), commit(person(1), CAPSULE, 4, 10));
    assert_eq!(next.unwrap().id, "mem_2");
}

#[test]
fn only_the_committing_gateway_deletes() {
    let (_, mut state) = with_capsules(2);
    let made = state
        .index
        .memory_commit(call(1, 7), commit(person(1), CAPSULE, 3, 10))
        .unwrap();
    match state.index.memory_delete(call(2, 8), person(1), &made.id) {
        Err(Error::Conflict(text)) => assert!(text.contains(&gateway(1).to_text()), "{text}"),
        other => panic!("{other:?}"),
    }
    let stranger = state.index.memory_delete(call(1, 8), person(2), &made.id);
    assert_eq!(stranger, Err(Error::Unauthorized));
    assert_eq!(usage(&state), (10, 1));
}

#[test]
fn strangers_see_nothing() {
    let (_, mut state) = with_capsules(2);
    let made = state
        .index
        .memory_commit(call(1, 7), commit(person(1), CAPSULE, 3, 10))
        .unwrap();
    let index = &mut state.index;
    assert_eq!(
        index.memory_read(person(2), &made.id),
        Err(Error::Unauthorized)
    );
    assert_eq!(
        index.memory_list(person(2), CAPSULE, None, None, Order::OldestFirst),
        Err(Error::Unauthorized)
    );
    let blob = made.place.blob_id;
    assert_eq!(
        index.blob_locate(call(1, 8), person(2), blob),
        Err(Error::Unauthorized)
    );
    assert_eq!(
        index.blob_locate(call(1, 8), person(1), blob),
        Ok(made.place)
    );
    assert_eq!(
        index.blob_locate(call(1, 8), person(1), BlobId(1)),
        Err(Error::NotFound)
    );
    assert_eq!(index.memory_read(person(2), "mem_2"), Err(Error::NotFound));
    let foreign = index.memory_commit(call(1, 8), commit(person(2), CAPSULE, 4, 10));
    assert_eq!(foreign, Err(Error::Unauthorized));
    let unknown = index.memory_commit(call(1, 8), commit(person(2), "capsule-9", 4, 10));
    assert_eq!(unknown, Err(Error::NotFound));
}

#[test]
fn a_blob_id_in_two_stores_names_the_blob_of_the_calling_gateway() {
    let (_, mut state) = with_capsules(2);
    for n in 1..3 {
        let mut made = commit(person(1), CAPSULE, 3, 10);
        made.place.store = gateway(50 + n);
        state.index.memory_commit(call(n, 7), made).unwrap();
    }
    let blob = commit(person(1), CAPSULE, 3, 10).place.blob_id;
    for (asking, store) in [(1, 51), (2, 52), (3, 51)] {
        let place = state
            .index
            .blob_locate(call(asking, 8), person(1), blob)
            .unwrap();
        assert_eq!(place.store, gateway(store));
    }
}

#[test]
fn a_commit_that_contradicts_itself_is_refused() {
    let (_, mut state) = with_capsules(2);
    type Change = fn(&mut MemoryCommit);
    let changes: [Change; 9] = [
        |c| c.sha256 = ByteBuf::from(vec![1; 31]),
        |c| c.place.size = 0,
        |c| c.place.size = 1_800_001,
        |c| c.place.chunk_count = 0,
        |c| c.place.chunk_count = MAX_CHUNKS + 1,
        |c| c.place.chunk_count = 11,
        |c| c.place.blob_id = BlobId(1),
        |c| c.metadata = metadata(""),
        |c| c.metadata = metadata(&"n".repeat(MAX_NAME_BYTES + 1)),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut bad = commit(person(1), CAPSULE, 3, 10);
        change(&mut bad);
        let refused = state.index.memory_commit(call(1, 8), bad);
        assert!(is_invalid(&refused), "change {number}: {refused:?}");
    }
    assert_eq!(usage(&state), (0, 0));
}

#[test]
fn each_page_goes_on_where_the_last_one_ended() {
    let (_, mut state) = with_capsules(2);
    for session in 1..=7 {
        let who = if session == 4 { 2 } else { 1 };
        let made = commit(person(who), &format!("capsule-{who}"), session, 10);
        state.index.memory_commit(call(1, session), made).unwrap();
    }
    let list = |state: &State<VectorMemory>, cursor: Option<&str>, limit| {
        let page = state
            .index
            .memory_list(person(1), CAPSULE, cursor, limit, Order::OldestFirst)
            .unwrap();
        let ids: Vec<_> = page.memories.into_iter().map(|memory| memory.id).collect();
        (ids, page.next)
    };
    let (ids, next) = list(&state, None, Some(2));
    assert_eq!(
        (ids, next.as_deref()),
        (vec!["mem_1".into(), "mem_2".into()], Some("mem_2"))
    );
    // The memory that the cursor names may be deleted meanwhile.
    state
        .index
        .memory_delete(call(1, 9), person(1), "mem_2")
        .unwrap();
    let (ids, next) = list(&state, Some("mem_2"), Some(2));
    assert_eq!(
        (ids, next.as_deref()),
        (vec!["mem_3".into(), "mem_5".into()], Some("mem_5"))
    );
    let (ids, next) = list(&state, Some("mem_5"), Some(2));
    assert_eq!(
        (ids, next),
        (vec!["mem_6".to_string(), "mem_7".into()], None)
    );
    assert_eq!(list(&state, Some("mem_7"), None), (vec![], None));
    assert_eq!(list(&state, None, Some(u32::MAX)).0.len(), 5);
    let index = &state.index;
    assert!(is_invalid(&index.memory_list(
        person(1),
        CAPSULE,
        Some("page 2"),
        None,
        Order::OldestFirst
    )));
    assert!(is_invalid(&index.memory_list(
        person(1),
        CAPSULE,
        None,
        Some(0),
        Order::OldestFirst
    )));
}

/// All ids of capsule 1 in pages of this many memories.
fn paged(state: &State<VectorMemory>, limit: u32, order: Order) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let (index, from) = (&state.index, cursor.as_deref());
        let page = index.memory_list(person(1), CAPSULE, from, Some(limit), order);
        let page = page.unwrap();
        assert_eq!(page.newest_first, Some(order == Order::NewestFirst));
        assert!(page.memories.len() <= limit as usize);
        ids.extend(page.memories.into_iter().map(|memory| memory.id));
        match page.next {
            Some(next) => cursor = Some(next),
            None => return ids,
        }
    }
}

#[test]
fn the_newest_may_come_first() {
    let (_, mut state) = with_capsules(2);
    // Capsule 2 has the oldest, the newest and one between them.
    for session in 1..=9 {
        let who = if session % 4 == 1 { 2 } else { 1 };
        let made = commit(person(who), &format!("capsule-{who}"), session, 10);
        state.index.memory_commit(call(1, session), made).unwrap();
    }
    let oldest = ["mem_2", "mem_3", "mem_4", "mem_6", "mem_7", "mem_8"];
    let newest: Vec<_> = oldest.into_iter().rev().collect();
    for limit in [1, 2, 3, 5, 6, 100] {
        assert_eq!(paged(&state, limit, Order::OldestFirst), oldest, "{limit}");
        assert_eq!(paged(&state, limit, Order::NewestFirst), newest, "{limit}");
    }
    let list = |state: &State<VectorMemory>, cursor: &str, order| {
        let index = &state.index;
        let page = index.memory_list(person(1), CAPSULE, Some(cursor), Some(2), order);
        let page = page.unwrap();
        let ids: Vec<_> = page.memories.into_iter().map(|memory| memory.id).collect();
        (ids, page.next)
    };
    // A cursor of the other order goes back from where that one was.
    let back = list(&state, "mem_6", Order::NewestFirst);
    assert_eq!(back.0, ["mem_4", "mem_3"]);
    assert_eq!(
        list(&state, "mem_3", Order::OldestFirst).0,
        ["mem_4", "mem_6"]
    );
    // The memory that the cursor names may be deleted meanwhile.
    let gone = state.index.memory_delete(call(1, 9), person(1), "mem_6");
    gone.unwrap();
    assert_eq!(list(&state, "mem_6", Order::NewestFirst), back);
    // Cursors at both ends, and some that no page returned.
    let nothing = (vec![], None);
    let last = format!("mem_{}", u64::MAX);
    for cursor in ["mem_0", "mem_1", "mem_2"] {
        assert_eq!(
            list(&state, cursor, Order::NewestFirst),
            nothing,
            "{cursor}"
        );
    }
    for cursor in ["mem_8", "mem_9", &last] {
        assert_eq!(
            list(&state, cursor, Order::OldestFirst),
            nothing,
            "{cursor}"
        );
    }
    assert_eq!(
        list(&state, &last, Order::NewestFirst).0,
        ["mem_8", "mem_7"]
    );
    assert_eq!(
        list(&state, "mem_0", Order::OldestFirst).0,
        ["mem_2", "mem_3"]
    );
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let page = state
            .index
            .memory_list(person(1), CAPSULE, Some("9"), None, order);
        assert!(is_invalid(&page));
    }
}

#[test]
fn an_entry_of_a_list_tells_what_the_metadata_say() {
    let (_, mut state) = with_capsules(2);
    let digits = "ab".repeat(32);
    let mut made = commit(person(1), CAPSULE, 1, 10);
    let base = base_mut(&mut made.metadata);
    base.asset_type = AssetType::Thumbnail;
    base.created_at = 77;
    base.storage_key = Some("2026/summer/a.jpg".into());
    base.tags.push(format!("parent:{digits}"));
    state.index.memory_commit(call(1, 1), made).unwrap();
    let mut plain = commit(person(1), CAPSULE, 2, 10);
    base_mut(&mut plain.metadata).created_at = 0;
    state.index.memory_commit(call(1, 2), plain).unwrap();
    let page = state
        .index
        .memory_list(person(1), CAPSULE, None, None, Order::OldestFirst);
    let told: Vec<_> = page
        .unwrap()
        .memories
        .into_iter()
        .map(|m| (m.asset_type, m.created_at, m.path, m.parent))
        .collect();
    let path = Some("2026/summer/a.jpg".to_string());
    assert_eq!(
        told,
        [
            (Some(AssetType::Thumbnail), Some(77), path, Some(digits)),
            (Some(AssetType::Original), None, None, None),
        ]
    );
}

/// The reply of a call inside a composite query has at most 2 MiB.
#[test]
fn a_page_of_the_largest_entries_fits_one_reply() {
    let (_, mut state) = with_capsules(2);
    for session in 1..=u64::from(MAX_PAGE) {
        let mut made = commit(person(1), CAPSULE, session, 10);
        let base = base_mut(&mut made.metadata);
        base.name = "n".repeat(MAX_NAME_BYTES);
        base.tags = vec![format!("parent:{}", "0f".repeat(32))];
        let rest = MAX_METADATA_BYTES - MAX_NAME_BYTES - 1_500;
        base.mime_type = "m".repeat(rest / 2);
        base.storage_key = Some("s".repeat(rest / 2));
        state.index.memory_commit(call(1, 1), made).unwrap();
    }
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let page = state
            .index
            .memory_list(person(1), CAPSULE, None, None, order);
        let page: Result<MemoryPage, Error> = page;
        assert_eq!(page.as_ref().unwrap().memories.len(), MAX_PAGE as usize);
        let reply = candid::encode_one(page).unwrap().len();
        assert!(
            (1_500_000..MESSAGE_LIMIT_BYTES - 4_096).contains(&reply),
            "{reply}"
        );
    }
}

#[test]
fn a_page_has_at_most_100_memories() {
    let (_, mut state) = with_capsules(2);
    let many = u64::from(MAX_PAGE) + 1;
    for session in 1..=many {
        state
            .index
            .memory_commit(call(1, 1), commit(person(1), CAPSULE, session, 10))
            .unwrap();
    }
    for limit in [None, Some(u32::MAX)] {
        let page = state
            .index
            .memory_list(person(1), CAPSULE, None, limit, Order::OldestFirst)
            .unwrap();
        assert_eq!(page.memories.len(), MAX_PAGE as usize);
        assert_eq!(page.next.as_deref(), Some("mem_100"));
    }
}
