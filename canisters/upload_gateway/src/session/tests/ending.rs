//! Rules of the end: who may touch a session, finish, abort and expiry.

use super::{LIMITS, begin, invalid, open, put, reserve, spec, started, user};
use crate::failure::Failure;
use crate::session::chunks::ChunkAdmission;
use crate::session::types::{SessionId, SessionStatus};
use ic_stable_structures::VectorMemory;

#[test]
fn only_the_owner_may_touch_a_session() {
    let (_, mut s, id) = started(1, 0, 0);
    let stranger = user(9);
    assert_eq!(s.owned(id, stranger), Err(Failure::Unauthorized));
    let refused = s.reserve_chunk(id, stranger, 0, 1, 0).err();
    assert_eq!(refused, Some(Failure::Unauthorized));
    assert_eq!(s.abort(id, stranger, 0), Err(Failure::Unauthorized));
    let unknown = SessionId(99);
    let refused = s.reserve_chunk(unknown, user(1), 0, 1, 0).err();
    assert_eq!(refused, Some(Failure::NotFound));
    assert_eq!(s.abort(unknown, user(1), 0), Ok(None));
}

#[test]
fn finish_says_what_is_missing() {
    let (_, mut s, id) = started(2, 0, 0);
    put(&mut s, id, 0, 10).unwrap();
    let meta = s.get(id).unwrap();
    invalid(
        s.check_complete(&meta, 20),
        "chunk 1 is missing: 1 of 2 chunks are received, expected all",
    );
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
        let state = s.get(id).unwrap().status.name();
        let expected = |to| Failure::conflict(format!("session 1 is {state}, expected {to}"));
        let refused = put(&mut s, id, 0, 10).unwrap_err();
        assert_eq!(refused, expected("pending to take a chunk"));
        let refused = s.abort(id, user(1), 0).unwrap_err();
        assert_eq!(refused, expected("pending to abort it"));
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
    s.abort(id, user(1), 0).unwrap();
    assert_eq!(s.confirm_chunk(chunk, 0), Err(Failure::NotFound));
}

#[test]
fn a_session_last_seen_more_than_the_ttl_ago_expires() {
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
