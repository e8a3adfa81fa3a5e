//! Rules of chunks: order, lengths and declared bytes.

use super::{LIMITS, invalid, open, put, reserve, started, user};
use crate::failure::Failure;
use crate::session::chunks::ChunkAdmission;
use crate::session::received::MAX_AHEAD;
use capsule_shared::limits::MAX_CHUNK_BYTES;

#[test]
fn chunks_come_in_order() {
    let (_, mut s, id) = started(4, 0, 0);
    invalid(put(&mut s, id, 1, 10), "expected 0");
    put(&mut s, id, 0, 10).unwrap();
    invalid(put(&mut s, id, 2, 10), "expected 1");
    // A chunk in flight counts as received, so the one after it may come.
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
fn a_chunk_in_flight_holds_up_those_too_far_beyond_it() {
    let (_, mut s, id) = started(100, 0, 8);
    let first = reserve(&mut s, id, 0, 10).unwrap();
    for index in 1..=MAX_AHEAD {
        put(&mut s, id, index, 10).unwrap();
    }
    let refused = put(&mut s, id, MAX_AHEAD + 1, 10).unwrap_err();
    let text = "chunk index is 65, expected at most 64 beyond 0, which is in flight";
    assert_eq!(refused, Failure::temporary(text));
    s.confirm_chunk(first, 0).unwrap();
    put(&mut s, id, MAX_AHEAD + 1, 10).unwrap();
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
    invalid(
        put(&mut s, id, 2, 6),
        "expected at most 5 of the 25 declared",
    );
    s.confirm_chunk(one, 0).unwrap();
    put(&mut s, id, 2, 4).unwrap();
    let meta = s.get(id).unwrap();
    invalid(s.check_complete(&meta, 24), "expected 25 as declared");
}

#[test]
fn a_refused_chunk_fixes_no_length() {
    let (memory, mut s, id) = started(4, 0, 8);
    let zero = reserve(&mut s, id, 0, 10).unwrap();
    let one = reserve(&mut s, id, 1, 10).unwrap();
    let last = reserve(&mut s, id, 3, 5).unwrap();
    s.refuse_chunk(zero);
    invalid(put(&mut s, id, 0, 12), "expected 10");
    s.refuse_chunk(last);
    invalid(put(&mut s, id, 0, 12), "expected 10");
    s.refuse_chunk(one);
    assert_eq!(s.reservations.open(), (0, 0, 0));
    assert_eq!(s.get(id).unwrap().chunk_size, 0);
    put(&mut s, id, 3, 11).unwrap();
    put(&mut s, id, 0, 12).unwrap();
    // The length of a stored chunk stays.
    let one = reserve(&mut s, id, 1, 12).unwrap();
    s.refuse_chunk(one);
    invalid(put(&mut s, id, 1, 13), "expected 12");
    // A chunk of a session that has ended changes nothing.
    let one = reserve(&mut s, id, 1, 12).unwrap();
    s.abort(id, user(1), 0).unwrap();
    s.refuse_chunk(one);
    assert_eq!(open(&memory, LIMITS).get(id), None);
}
