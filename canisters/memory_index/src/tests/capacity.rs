//! Tests of the capacity of the index and of a capsule.

use super::beginnings::with_capsule;
use super::{CAPSULE, base_mut, call, commit, person};
use crate::capacity::{
    FULL_BYTES, LAST_BYTES, MAX_CAPSULE_METADATA_BYTES, MAX_MEMORIES, OPEN_UPLOADS,
};
use crate::capsules::record::CapsuleRecord;
use crate::state::State;
use capsule_shared::Error;
use capsule_shared::limits::MAX_METADATA_BYTES;
use ic_stable_structures::VectorMemory;
use serde_bytes::ByteBuf;

const FULL: Error = Error::ResourceExhausted;

fn begins(state: &State<VectorMemory>) -> Result<(), Error> {
    state.index.capsule_usage(person(1), CAPSULE).map(|_| ())
}

fn commits(state: &mut State<VectorMemory>, session: u64) -> Result<String, Error> {
    let asked = commit(person(1), CAPSULE, session, 10);
    let made = state.index.memory_commit(call(1, session), asked);
    made.map(|memory| memory.id)
}

/// Makes the capsule look as if it had so much already.
fn hold(state: &mut State<VectorMemory>, memories: u64, metadata: u64) {
    let capsule = state.index.capsules.get(&1).unwrap();
    let capsule = CapsuleRecord {
        memory_count: memories,
        metadata_bytes: Some(metadata),
        ..capsule
    };
    state.index.capsules.insert(1, capsule);
}

#[test]
fn a_full_index_refuses_begins_well_before_commits() {
    let (_, mut state) = with_capsule();
    let used = state.index.capacity.used_bytes();
    assert!(used > 0 && used < FULL_BYTES, "{used}");
    state.index.capacity.full = used;
    assert_eq!(begins(&state), Err(FULL));
    assert_eq!(commits(&mut state, 1), Ok("mem_1".into()));
    state.index.capacity.last = state.index.capacity.used_bytes();
    assert_eq!(commits(&mut state, 2), Err(FULL));
    // A commit that is repeated needs no room, and one that was refused has changed nothing.
    assert_eq!(commits(&mut state, 1), Ok("mem_1".into()));
    state.index.capacity.full = FULL_BYTES;
    state.index.capacity.last = LAST_BYTES;
    assert_eq!(begins(&state), Ok(()));
    assert_eq!(commits(&mut state, 2), Ok("mem_2".into()));
}

#[test]
fn a_full_capsule_refuses_begins_and_takes_the_uploads_that_are_open() {
    let (_, mut state) = with_capsule();
    hold(&mut state, MAX_MEMORIES - 1, 0);
    assert_eq!(begins(&state), Ok(()));
    hold(&mut state, MAX_MEMORIES, 0);
    assert_eq!(begins(&state), Err(FULL));
    assert!(commits(&mut state, 1).is_ok());
    hold(&mut state, MAX_MEMORIES + OPEN_UPLOADS, 0);
    assert_eq!(commits(&mut state, 2), Err(FULL));

    hold(&mut state, 0, MAX_CAPSULE_METADATA_BYTES - 1);
    assert_eq!(begins(&state), Ok(()));
    hold(&mut state, 0, MAX_CAPSULE_METADATA_BYTES);
    assert_eq!(begins(&state), Err(FULL));
    assert!(commits(&mut state, 2).is_ok());
    let last = MAX_CAPSULE_METADATA_BYTES + OPEN_UPLOADS * MAX_METADATA_BYTES as u64;
    hold(&mut state, 0, last);
    assert_eq!(commits(&mut state, 3), Err(FULL));
    assert_eq!(
        state.index.counters.get().most_memories,
        Some(MAX_MEMORIES + 1)
    );
}

/// The margin between `FULL_BYTES` and `LAST_BYTES` rests on this number.
#[test]
fn a_memory_takes_at_most_20_kib_of_stable_memory() {
    let (_, mut state) = with_capsule();
    let mut largest = |session: u64| {
        let mut made = commit(person(1), CAPSULE, session, 10);
        let used = candid::encode_one(&made.metadata).unwrap().len();
        let rest = "d".repeat(MAX_METADATA_BYTES - used - 8);
        base_mut(&mut made.metadata).description = Some(rest);
        // SHA-256s of files come in no order.
        let spread = session.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        made.sha256 = ByteBuf::from(spread.repeat(4));
        let made = state.index.memory_commit(call(1, session), made);
        made.map(|_| state.index.capacity.used_bytes()).unwrap()
    };
    let (warm, count) = (2_000, 4_000);
    let before = (1..=warm).map(&mut largest).max().unwrap();
    let after = (warm + 1..=warm + count).map(&mut largest).max().unwrap();
    let each = (after - before) / count;
    assert!(
        (MAX_METADATA_BYTES as u64..20 << 10).contains(&each),
        "{each}"
    );
}

#[test]
fn metadata_count_until_their_memory_is_deleted() {
    let (_, mut state) = with_capsule();
    let held = |state: &State<VectorMemory>| state.index.capsules.get(&1).unwrap().metadata_bytes;
    commits(&mut state, 1).unwrap();
    let one = held(&state).unwrap();
    assert!(one > 100, "{one}");
    commits(&mut state, 2).unwrap();
    assert_eq!(held(&state), Some(2 * one));
    // A memory of release 0.1.0 was never counted.
    let mut old = state.index.memories.get(&1).unwrap();
    old.metadata_bytes = None;
    state.index.memories.insert(1, old);
    hold(&mut state, 2, one);
    for (id, left) in [("mem_1", one), ("mem_2", 0)] {
        let deleted = state.index.memory_delete(call(1, 9), person(1), id);
        deleted.unwrap();
        assert_eq!(held(&state), Some(left));
    }
}
