//! Rules of begin: ids, keys and limits.

use super::{LIMITS, Sessions, begin, invalid, open, put, reserve, reserve_begin, spec, user};
use crate::failure::Failure;
use crate::session::begin::Begin;
use crate::session::reservations::BeginReservation;
use crate::session::types::{Limits, SessionId, SessionSpec};
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_CHUNKS};
use ic_stable_structures::VectorMemory;

#[test]
fn ids_count_from_1_and_outlive_a_restart() {
    let memory = VectorMemory::default();
    let mut sessions = open(&memory, LIMITS);
    assert_eq!(
        begin(&mut sessions, spec(1, "c", "a", 1, 0), 0),
        Ok(SessionId(1))
    );
    sessions.abort(SessionId(1), user(1), 0).unwrap();
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
        let text = "the idempotency key belongs to session 1, \
                    expected its name \"photo.jpg\", 10 bytes and 2 chunks";
        assert_eq!(begin(&mut s, other, 0), Err(Failure::conflict(text)));
    }
    // The same key of another owner or scope is another session.
    assert_ne!(begin(&mut s, spec(2, "c", "k", 2, 10), 0), Ok(first));
    assert_ne!(begin(&mut s, spec(1, "d", "k", 2, 10), 0), Ok(first));
    s.abort(first, user(1), 0).unwrap();
    assert_ne!(begin(&mut s, spec(1, "c", "k", 9, 10), 0), Ok(first));
}

#[test]
fn two_begins_at_once_make_one_session() {
    let memory = VectorMemory::default();
    let mut s = open(&memory, LIMITS);
    let first = reserve_begin(&mut s, spec(1, "c", "k", 1, 0)).ok().unwrap();
    let second = reserve_begin(&mut s, spec(1, "c", "k", 1, 0))
        .err()
        .unwrap();
    assert!(second.is_temporary());
    drop(first);
    assert_eq!(begin(&mut s, spec(1, "c", "k", 1, 0), 0), Ok(SessionId(1)));
}

#[test]
fn limits_count_sessions_and_begins_in_flight() {
    let memory = VectorMemory::default();
    let mut s = open(&memory, LIMITS);
    begin(&mut s, spec(1, "c", "1", 1, 0), 0).unwrap();
    begin(&mut s, spec(1, "d", "2", 1, 0), 0).unwrap();
    let third = reserve_begin(&mut s, spec(1, "e", "3", 1, 0)).ok().unwrap();
    let refused = begin(&mut s, spec(1, "f", "4", 1, 0), 0);
    assert_eq!(refused, Err(Failure::ResourceExhausted), "per owner");
    drop(third);
    begin(&mut s, spec(1, "f", "4", 1, 0), 0).unwrap();
    begin(&mut s, spec(2, "c", "5", 1, 0), 0).unwrap();
    begin(&mut s, spec(3, "c", "6", 1, 0), 0).unwrap();
    let refused = begin(&mut s, spec(4, "g", "7", 1, 0), 0);
    assert_eq!(refused, Err(Failure::ResourceExhausted), "in all");
    s.abort(SessionId(1), user(1), 0).unwrap();
    begin(&mut s, spec(4, "c", "8", 1, 0), 0).unwrap();
}

#[test]
fn sessions_of_a_scope_are_limited() {
    let memory = VectorMemory::default();
    let limits = Limits {
        active_per_owner: 10,
        active_per_scope: 2,
        active_total: 10,
        ..LIMITS
    };
    let mut s = open(&memory, limits);
    let first = begin(&mut s, spec(1, "c", "1", 1, 0), 0).unwrap();
    begin(&mut s, spec(2, "c", "2", 1, 0), 0).unwrap();
    let refused = begin(&mut s, spec(3, "c", "3", 1, 0), 0);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    // Other scopes have their own limit, and an ended session makes room.
    begin(&mut s, spec(3, "d", "3", 1, 0), 0).unwrap();
    s.abort(first, user(1), 0).unwrap();
    begin(&mut s, spec(3, "c", "3", 1, 0), 0).unwrap();
}

#[test]
fn the_bytes_of_a_scope_are_limited() {
    let memory = VectorMemory::default();
    let mut s = open(&memory, LIMITS);
    let first = begin(&mut s, spec(1, "c", "1", 2, 600), 0).unwrap();
    let refused = begin(&mut s, spec(1, "c", "2", 2, 401), 0);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    let Ok(Begin::Reserved(mut full)) = reserve_begin(&mut s, spec(1, "c", "3", 2, 300)) else {
        panic!()
    };
    assert_eq!(s.admit(&mut full, 101), Err(Failure::ResourceExhausted));
    assert_eq!(s.admit(&mut full, 100), Ok(()));
    drop(full);
    // Undeclared bytes count as they arrive, in flight or not.
    let open_end = begin(&mut s, spec(1, "c", "4", 4, 0), 0).unwrap();
    put(&mut s, open_end, 0, 200).unwrap();
    let in_flight = reserve(&mut s, open_end, 1, 200).unwrap();
    let refused = reserve(&mut s, open_end, 2, 200).err();
    assert_eq!(refused, Some(Failure::ResourceExhausted));
    drop(in_flight);
    s.abort(first, user(1), 0).unwrap();
    put(&mut s, open_end, 1, 200).unwrap();
}

#[test]
fn begin_checks_sizes_and_counts() {
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
    invalid(
        begin(&mut s, spec(1, "c", "k", 3, 2), 0),
        "expected 0 (not declared)",
    );
    let too_much = 3 * MAX_CHUNK_BYTES as u64 + 1;
    invalid(
        begin(&mut s, spec(1, "c", "k", 3, too_much), 0),
        "expected 0 (not declared)",
    );
    begin(&mut s, spec(1, "c", "k", 3, 3), 0).unwrap();
}

/// Reserves a begin in scope "c". It counts there once the owner's right to write is known.
fn in_flight(s: &mut Sessions, owner: u8, idem: &str, bytes: u64) -> BeginReservation {
    match reserve_begin(s, spec(owner, "c", idem, 2, bytes)) {
        Ok(Begin::Reserved(reserved)) => reserved,
        _ => panic!("{idem} is not reserved"),
    }
}

#[test]
fn begins_of_others_in_flight_give_a_temporary_error() {
    let memory = VectorMemory::default();
    let mut s = open(&memory, LIMITS);
    let open_end = begin(&mut s, spec(1, "c", "open end", 2, 0), 0).unwrap();
    let mut large = in_flight(&mut s, 9, "large", 900);
    s.admit(&mut large, 0).unwrap();
    let chunk = s.reserve_chunk(open_end, user(1), 0, 101, 0).err();
    assert!(chunk.unwrap().is_temporary());
    let refused = begin(&mut s, spec(1, "c", "mine", 2, 101), 0).unwrap_err();
    assert!(refused.is_temporary());
    let mut others = vec![large];
    for idem in ["1", "2"] {
        let mut other = in_flight(&mut s, 9, idem, 2);
        s.admit(&mut other, 0).unwrap();
        others.push(other);
    }
    let refused = begin(&mut s, spec(1, "c", "mine", 2, 2), 0).unwrap_err();
    assert!(refused.is_temporary());
    drop(others);
    put(&mut s, open_end, 0, 101).unwrap();
    begin(&mut s, spec(1, "c", "mine", 2, 101), 0).unwrap();
}

#[test]
fn begins_without_a_known_right_do_not_count_in_the_scope() {
    let memory = VectorMemory::default();
    let limits = Limits {
        active_per_owner: 100,
        active_total: 100,
        ..LIMITS
    };
    let mut s = open(&memory, limits);
    let open_end = begin(&mut s, spec(1, "c", "open end", 2, 0), 0).unwrap();
    let begins: Vec<_> = (0..20)
        .map(|n| in_flight(&mut s, 9, &n.to_string(), 900))
        .collect();
    put(&mut s, open_end, 0, 101).unwrap();
    begin(&mut s, spec(1, "c", "mine", 2, 800), 0).unwrap();
    drop(begins);
}
