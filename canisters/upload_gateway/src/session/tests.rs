//! The rules of sessions, one by one.

use super::chunks::ChunkAdmission;
use super::ledger::ChunkReservation;
use super::service::{Begin, SessionService};
use super::types::*;
use crate::failure::{Failure, Result};
use crate::regions::regions;
use candid::Principal;
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_CHUNKS};
use ic_stable_structures::memory_manager::VirtualMemory;
use ic_stable_structures::{Memory, VectorMemory};

pub type Sessions = SessionService<VirtualMemory<VectorMemory>>;

pub const LIMITS: Limits = Limits {
    active_per_owner: 3,
    active_per_scope: 4,
    active_total: 5,
    bytes_per_scope: 1_000,
    ttl: 100,
    retention: 50,
    reorder_window: 0,
};

pub fn open(memory: &VectorMemory, limits: Limits) -> Sessions {
    SessionService::new(regions(memory.clone()).sessions, limits)
}

pub fn user(n: u8) -> Principal {
    Principal::from_slice(&[n; 10])
}

pub fn spec(owner: u8, scope: &str, idem: &str, chunks: u32, bytes: u64) -> SessionSpec {
    SessionSpec {
        scope: scope.into(),
        owner: user(owner),
        idem: idem.into(),
        label: "photo.jpg".into(),
        expected_chunks: chunks,
        bytes_expected: bytes,
    }
}

pub fn begin<M: Memory>(
    sessions: &mut SessionService<M>,
    spec: SessionSpec,
    now: u64,
) -> Result<SessionId> {
    match sessions.reserve_begin(spec)? {
        Begin::Existing(id) => Ok(id),
        Begin::Reserved(reservation) => {
            sessions.check_bytes(&reservation, 0)?;
            let id = sessions.allocate_id();
            Ok(sessions.begin_with_id(id, reservation, 0, now).id)
        }
    }
}

fn reserve(s: &mut Sessions, id: SessionId, index: u32, len: usize) -> Result<ChunkReservation> {
    match s.reserve_chunk(id, user(1), index, len, 0)? {
        ChunkAdmission::New(chunk) => Ok(chunk),
        ChunkAdmission::Duplicate => Err(Failure::conflict("duplicate")),
    }
}

fn put(s: &mut Sessions, id: SessionId, index: u32, len: usize) -> Result<()> {
    let chunk = reserve(s, id, index, len)?;
    s.confirm_chunk(chunk, 0).map(|_| ())
}

fn started(chunks: u32, bytes: u64, window: u32) -> (VectorMemory, Sessions, SessionId) {
    let memory = VectorMemory::default();
    let limits = Limits {
        reorder_window: window,
        bytes_per_scope: 1 << 40,
        ..LIMITS
    };
    let mut sessions = open(&memory, limits);
    let id = begin(&mut sessions, spec(1, "c", "k", chunks, bytes), 0).unwrap();
    (memory, sessions, id)
}

#[track_caller]
fn invalid<T>(result: Result<T>, words: &str) {
    match result {
        Err(Failure::InvalidArgument(text)) => assert!(text.contains(words), "{text}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("accepted, expected a text with {words:?}"),
    }
}

#[test]
fn ids_count_from_1_and_outlive_a_restart() {
    let memory = VectorMemory::default();
    let mut sessions = open(&memory, LIMITS);
    assert_eq!(
        begin(&mut sessions, spec(1, "c", "a", 1, 0), 0),
        Ok(SessionId(1))
    );
    sessions.abort(SessionId(1), user(1)).unwrap();
    let mut sessions = open(&memory, LIMITS);
    assert_eq!(
        begin(&mut sessions, spec(1, "c", "a", 1, 0), 0),
        Ok(SessionId(2))
    );
}

#[test]
fn a_key_names_one_session_until_it_ends() {
    let memory = VectorMemory::default();
    let mut s = open(&memory, LIMITS);
    let first = begin(&mut s, spec(1, "c", "k", 2, 10), 0).unwrap();
    assert_eq!(begin(&mut s, spec(1, "c", "k", 2, 10), 5), Ok(first));
    for other in [
        spec(1, "c", "k", 3, 10),
        spec(1, "c", "k", 2, 11),
        SessionSpec {
            label: "other.jpg".into(),
            ..spec(1, "c", "k", 2, 10)
        },
    ] {
        assert!(matches!(begin(&mut s, other, 0), Err(Failure::Conflict(_))));
    }
    // Another caller's, or another scope's, same key is another session.
    assert_ne!(begin(&mut s, spec(2, "c", "k", 2, 10), 0), Ok(first));
    assert_ne!(begin(&mut s, spec(1, "d", "k", 2, 10), 0), Ok(first));
    s.abort(first, user(1)).unwrap();
    assert_ne!(begin(&mut s, spec(1, "c", "k", 9, 10), 0), Ok(first));
}

#[test]
fn two_begins_at_once_make_one_session() {
    let memory = VectorMemory::default();
    let mut s = open(&memory, LIMITS);
    let first = s.reserve_begin(spec(1, "c", "k", 1, 0)).ok().unwrap();
    let second = s.reserve_begin(spec(1, "c", "k", 1, 0)).err().unwrap();
    assert!(second.is_temporary());
    drop(first);
    assert_eq!(begin(&mut s, spec(1, "c", "k", 1, 0), 0), Ok(SessionId(1)));
}

#[test]
fn limits_count_sessions_and_begins_under_way() {
    let memory = VectorMemory::default();
    let mut s = open(&memory, LIMITS);
    begin(&mut s, spec(1, "c", "1", 1, 0), 0).unwrap();
    begin(&mut s, spec(1, "d", "2", 1, 0), 0).unwrap();
    let third = s.reserve_begin(spec(1, "e", "3", 1, 0)).ok().unwrap();
    let refused = begin(&mut s, spec(1, "f", "4", 1, 0), 0);
    assert_eq!(refused, Err(Failure::ResourceExhausted), "per owner");
    drop(third);
    begin(&mut s, spec(1, "f", "4", 1, 0), 0).unwrap();
    begin(&mut s, spec(2, "c", "5", 1, 0), 0).unwrap();
    begin(&mut s, spec(3, "c", "6", 1, 0), 0).unwrap();
    let refused = begin(&mut s, spec(4, "g", "7", 1, 0), 0);
    assert_eq!(refused, Err(Failure::ResourceExhausted), "in all");
    s.abort(SessionId(1), user(1)).unwrap();
    begin(&mut s, spec(4, "c", "8", 1, 0), 0).unwrap();
}

#[test]
fn the_bytes_of_a_scope_are_limited() {
    let memory = VectorMemory::default();
    let mut s = open(&memory, LIMITS);
    let first = begin(&mut s, spec(1, "c", "1", 2, 600), 0).unwrap();
    let refused = begin(&mut s, spec(1, "c", "2", 2, 401), 0);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    let Ok(Begin::Reserved(full)) = s.reserve_begin(spec(1, "c", "3", 2, 300)) else {
        panic!()
    };
    assert_eq!(s.check_bytes(&full, 100), Ok(()));
    assert_eq!(s.check_bytes(&full, 101), Err(Failure::ResourceExhausted));
    drop(full);
    // Undeclared bytes count as they arrive, in flight or not.
    let open_end = begin(&mut s, spec(1, "c", "4", 4, 0), 0).unwrap();
    put(&mut s, open_end, 0, 200).unwrap();
    let in_flight = reserve(&mut s, open_end, 1, 200).unwrap();
    let refused = reserve(&mut s, open_end, 2, 200).err();
    assert_eq!(refused, Some(Failure::ResourceExhausted));
    drop(in_flight);
    s.abort(first, user(1)).unwrap();
    put(&mut s, open_end, 1, 200).unwrap();
}

#[test]
fn sizes_and_counts_at_begin() {
    let memory = VectorMemory::default();
    let mut s = open(&memory, LIMITS);
    invalid(
        begin(&mut s, spec(1, "c", "k", 0, 0), 0),
        "expected 1 to 16384",
    );
    invalid(
        begin(&mut s, spec(1, "c", "k", MAX_CHUNKS + 1, 0), 0),
        "16385",
    );
    invalid(begin(&mut s, spec(1, "c", "k", 3, 2), 0), "expected 0");
    let too_much = 3 * MAX_CHUNK_BYTES as u64 + 1;
    invalid(
        begin(&mut s, spec(1, "c", "k", 3, too_much), 0),
        "expected 0",
    );
    begin(&mut s, spec(1, "c", "k", 3, 3), 0).unwrap();
}

#[test]
fn chunks_come_in_order() {
    let (_, mut s, id) = started(4, 0, 0);
    invalid(put(&mut s, id, 1, 10), "expected 0");
    put(&mut s, id, 0, 10).unwrap();
    invalid(put(&mut s, id, 2, 10), "expected 1");
    // The next one in flight lets the one after it come.
    let one = reserve(&mut s, id, 1, 10).unwrap();
    assert!(reserve(&mut s, id, 1, 10).err().unwrap().is_temporary());
    let two = reserve(&mut s, id, 2, 10).unwrap();
    s.confirm_chunk(two, 0).unwrap();
    drop(one);
    invalid(put(&mut s, id, 3, 10), "expected 1");
    put(&mut s, id, 1, 10).unwrap();
    put(&mut s, id, 3, 5).unwrap();
    invalid(put(&mut s, id, 4, 5), "expected 0 to 3");
    assert!(s.get(id).unwrap().is_complete());
}

#[test]
fn a_window_lets_chunks_come_early() {
    let (memory, mut s, id) = started(100, 0, 8);
    invalid(put(&mut s, id, 9, 10), "at most 8 beyond");
    for index in [8, 3, 1, 0, 2] {
        put(&mut s, id, index, 10).unwrap();
    }
    let s = open(&memory, LIMITS);
    let received = s.get(id).unwrap().received;
    assert_eq!((received.next, received.count()), (4, 5));
    assert!(received.contains(8) && !received.contains(7));
}

#[test]
fn received_chunks_are_duplicates() {
    let (_, mut s, id) = started(2, 0, 0);
    put(&mut s, id, 0, 10).unwrap();
    let again = s.reserve_chunk(id, user(1), 0, 999, 0).unwrap();
    assert!(matches!(again, ChunkAdmission::Duplicate));
}

#[test]
fn all_chunks_but_the_last_have_one_length() {
    let (_, mut s, id) = started(3, 0, 8);
    invalid(put(&mut s, id, 0, 0), "expected 1 to 1800000");
    invalid(
        put(&mut s, id, 0, MAX_CHUNK_BYTES + 1),
        "expected 1 to 1800000",
    );
    put(&mut s, id, 2, 10).unwrap();
    invalid(put(&mut s, id, 0, 9), "at least 10");
    put(&mut s, id, 0, 12).unwrap();
    invalid(put(&mut s, id, 1, 11), "expected 12");
    put(&mut s, id, 1, 12).unwrap();
    let (_, mut s, id) = started(2, 0, 0);
    put(&mut s, id, 0, 10).unwrap();
    invalid(put(&mut s, id, 1, 11), "at most 10");
    let (_, mut s, id) = started(1, 0, 0);
    put(&mut s, id, 0, MAX_CHUNK_BYTES).unwrap();
}

#[test]
fn declared_bytes_are_kept_to() {
    let (_, mut s, id) = started(3, 25, 0);
    put(&mut s, id, 0, 10).unwrap();
    let one = reserve(&mut s, id, 1, 10).unwrap();
    invalid(put(&mut s, id, 2, 6), "expected at most 5");
    s.confirm_chunk(one, 0).unwrap();
    put(&mut s, id, 2, 4).unwrap();
    let meta = s.get(id).unwrap();
    invalid(s.check_complete(&meta, 24), "expected 25 as declared");
}

#[test]
fn only_the_owner_may_touch_a_session() {
    let (_, mut s, id) = started(1, 0, 0);
    let stranger = user(9);
    assert_eq!(s.owned(id, stranger), Err(Failure::Unauthorized));
    let refused = s.reserve_chunk(id, stranger, 0, 1, 0).err();
    assert_eq!(refused, Some(Failure::Unauthorized));
    assert_eq!(s.abort(id, stranger), Err(Failure::Unauthorized));
    let unknown = SessionId(99);
    let refused = s.reserve_chunk(unknown, user(1), 0, 1, 0).err();
    assert_eq!(refused, Some(Failure::NotFound));
    assert_eq!(s.abort(unknown, user(1)), Ok(None));
}

#[test]
fn finish_says_what_is_missing() {
    let (_, mut s, id) = started(2, 0, 0);
    put(&mut s, id, 0, 10).unwrap();
    let meta = s.get(id).unwrap();
    invalid(s.check_complete(&meta, 20), "chunk 1 is missing: 1 of 2");
    let one = reserve(&mut s, id, 1, 10).unwrap();
    assert!(s.check_complete(&meta, 20).unwrap_err().is_temporary());
    let meta = s.confirm_chunk(one, 0).unwrap();
    invalid(s.check_complete(&meta, 19), "expected 20 as received");
    assert_eq!(s.check_complete(&meta, 20), Ok(()));
    let guard = s.guard_finish(id).unwrap();
    assert!(s.guard_finish(id).err().unwrap().is_temporary());
    drop(guard);
    s.guard_finish(id).map(drop).unwrap();
}

#[test]
fn finishing_and_committed_sessions_refuse_chunks_and_abort() {
    let (_, mut s, id) = started(1, 0, 0);
    put(&mut s, id, 0, 10).unwrap();
    s.start_finishing(id, 1);
    for _ in 0..2 {
        assert!(matches!(put(&mut s, id, 0, 10), Err(Failure::Conflict(_))));
        assert!(matches!(s.abort(id, user(1)), Err(Failure::Conflict(_))));
        if s.get(id).unwrap().status == SessionStatus::Finishing {
            s.commit(id, 2);
        }
    }
    // The place within the limits is free again, the key is not.
    assert_eq!(begin(&mut s, spec(1, "c", "k", 1, 0), 0), Ok(id));
    assert_eq!(s.counters().committed, 1);
}

#[test]
fn a_chunk_in_flight_when_the_session_ends_is_not_found() {
    let (_, mut s, id) = started(1, 0, 0);
    let chunk = reserve(&mut s, id, 0, 10).unwrap();
    s.abort(id, user(1)).unwrap();
    assert_eq!(s.confirm_chunk(chunk, 0), Err(Failure::NotFound));
}

#[test]
fn what_was_last_seen_more_than_the_ttl_ago_expires() {
    let memory = VectorMemory::default();
    let mut s = open(&memory, LIMITS);
    let old = begin(&mut s, spec(1, "c", "old", 1, 0), 0).unwrap();
    let seen = begin(&mut s, spec(1, "c", "seen", 2, 0), 0).unwrap();
    let chunk = s.reserve_chunk(seen, user(1), 0, 10, 60).unwrap();
    let ChunkAdmission::New(chunk) = chunk else {
        panic!()
    };
    s.confirm_chunk(chunk, 60).unwrap();
    assert_eq!(s.next_tick(), Some(101));
    assert!(s.tick_ttl(100, 9).expired.is_empty());
    let expired = s.tick_ttl(101, 9).expired;
    assert_eq!(expired.len(), 1);
    assert_eq!(
        (expired[0].id, expired[0].status),
        (old, SessionStatus::Expired)
    );
    assert_eq!(s.get(old), None);
    assert_eq!(s.next_tick(), Some(161));
}

#[test]
fn committed_records_retire_and_finishing_ones_stay() {
    let (_, mut s, id) = started(1, 0, 0);
    put(&mut s, id, 0, 10).unwrap();
    s.start_finishing(id, 1);
    assert_eq!(s.next_tick(), None);
    assert!(s.tick_ttl(1_000_000, 9).expired.is_empty());
    s.commit(id, 2_000);
    assert!(s.tick_ttl(2_050, 9).retired.is_empty());
    assert_eq!(s.tick_ttl(2_051, 9).retired.len(), 1);
    assert_eq!(s.owned(id, user(1)), Err(Failure::NotFound));
}

#[test]
fn received_indexes_at_the_edge_of_the_bitmap() {
    let mut received = Received::default();
    for index in (1..=MAX_AHEAD).rev() {
        received.insert(index);
    }
    assert_eq!((received.next, received.count()), (0, MAX_AHEAD));
    assert!(!received.contains(MAX_AHEAD + 1));
    received.insert(0);
    assert_eq!(
        (received.next, received.count()),
        (MAX_AHEAD + 1, MAX_AHEAD + 1)
    );
}

#[test]
fn the_begins_of_others_are_no_limit_that_is_reached() {
    let memory = VectorMemory::default();
    let mut s = open(&memory, LIMITS);
    let mut reserve_for = |owner, idem: &str, bytes| {
        let Ok(Begin::Reserved(reserved)) = s.reserve_begin(spec(owner, "c", idem, 2, bytes))
        else {
            panic!()
        };
        reserved
    };
    let undeclared = reserve_for(1, "open end", 0);
    let large = reserve_for(9, "large", 900);
    let open_end = s.begin_with_id(SessionId(1), undeclared, 0, 0).id;
    let chunk = s.reserve_chunk(open_end, user(1), 0, 101, 0).err();
    assert!(chunk.unwrap().is_temporary());
    let refused = begin(&mut s, spec(1, "c", "mine", 2, 101), 0).unwrap_err();
    assert!(refused.is_temporary());
    let mut others = vec![large];
    for idem in ["1", "2"] {
        let Ok(Begin::Reserved(other)) = s.reserve_begin(spec(9, "c", idem, 2, 2)) else {
            panic!()
        };
        others.push(other);
    }
    let refused = begin(&mut s, spec(1, "c", "mine", 2, 2), 0).unwrap_err();
    assert!(refused.is_temporary());
    drop(others);
    put(&mut s, open_end, 0, 101).unwrap();
    begin(&mut s, spec(1, "c", "mine", 2, 101), 0).unwrap();
}
