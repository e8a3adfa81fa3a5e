//! Room when it is short: the share of strangers, which sessions end, and what keeps a session.

use super::{LIMITS, Sessions, begin_as, open, reserve, spec, user};
use crate::failure::Failure;
use crate::session::begin::Begin;
use crate::session::standing::Standing::{Known, New};
use crate::session::types::{Limits, SessionId};
use ic_stable_structures::VectorMemory;

const ROOM: Limits = Limits {
    active_per_owner: 10,
    active_per_scope: 10,
    active_total: 6,
    ..LIMITS
};

/// Each owner begins in a scope of its own.
fn own(owner: u8, idem: &str) -> crate::session::types::SessionSpec {
    spec(owner, &format!("scope {owner}"), idem, 4, 0)
}

fn sessions() -> Sessions {
    open(&VectorMemory::default(), ROOM)
}

fn progress(s: &mut Sessions, id: SessionId, index: u32, now: u64) {
    let owner = s.get(id).unwrap().spec.owner;
    let admitted = s.reserve_chunk(id, owner, index, 10, now).unwrap();
    let crate::session::chunks::ChunkAdmission::New(chunk) = admitted else {
        panic!("chunk {index} is there already")
    };
    s.confirm_chunk(chunk, now).unwrap();
}

#[test]
fn strangers_together_hold_at_most_half() {
    let mut s = sessions();
    for owner in 1..=3 {
        begin_as(&mut s, New, own(owner, "k"), 0).unwrap();
    }
    let refused = begin_as(&mut s, New, own(4, "k"), 29);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    assert_eq!(s.counters().strangers(), 3);
    // The other half is there for known owners, at once.
    for idem in ["1", "2", "3"] {
        begin_as(&mut s, Known, own(9, idem), 0).unwrap();
    }
    let refused = begin_as(&mut s, Known, own(9, "4"), 29);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
}

#[test]
fn begins_of_strangers_in_flight_leave_the_half_of_the_known_alone() {
    let mut s = sessions();
    let begins: Vec<_> = (1..=3)
        .map(|owner| s.reserve_begin(own(owner, "k"), New, 0).ok().unwrap())
        .collect();
    let refused = begin_as(&mut s, New, own(4, "k"), 0).unwrap_err();
    assert!(refused.is_temporary(), "{refused}");
    for idem in ["1", "2", "3"] {
        begin_as(&mut s, Known, own(9, idem), 0).unwrap();
    }
    drop(begins);
}

#[test]
fn the_idle_session_of_the_largest_holder_ends_first() {
    let mut s = sessions();
    let small = begin_as(&mut s, New, own(1, "a"), 0).unwrap();
    let oldest = begin_as(&mut s, New, own(2, "a"), 1).unwrap();
    let other = begin_as(&mut s, New, own(2, "b"), 2).unwrap();
    let largest = [(user(2), 2, Some(1)), (user(1), 1, Some(0))];
    assert_eq!(s.largest_holders(New, 9), largest);
    assert_eq!(s.largest_holders(Known, 9), []);
    let newcomer = begin_as(&mut s, New, own(3, "k"), 31).unwrap();
    assert_eq!(s.get(oldest), None);
    for id in [small, other, newcomer] {
        assert!(s.get(id).is_some(), "{id}");
    }
    // Now all hold one, so the one without progress for longest ends.
    begin_as(&mut s, New, own(4, "k"), 32).unwrap();
    assert_eq!(s.get(small), None);
    assert!(s.get(other).is_some());
}

#[test]
fn progress_keeps_a_session_and_signs_of_life_do_not() {
    let mut s = sessions();
    let busy = begin_as(&mut s, New, own(1, "a"), 0).unwrap();
    let repeated = begin_as(&mut s, New, own(1, "b"), 0).unwrap();
    let other = begin_as(&mut s, New, own(2, "k"), 20).unwrap();
    progress(&mut s, busy, 0, 25);
    assert_eq!(begin_as(&mut s, New, own(1, "b"), 25), Ok(repeated));
    s.touch(repeated, 25);
    // A chunk in flight, and a chunk that is there already, are no progress either.
    drop(reserve(&mut s, repeated, 0, 10).unwrap());
    begin_as(&mut s, New, own(3, "k"), 30).unwrap();
    assert_eq!(s.get(repeated), None);
    assert!(s.get(busy).is_some() && s.get(other).is_some());
    let refused = begin_as(&mut s, New, own(4, "k"), 49);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    begin_as(&mut s, New, own(4, "k"), 50).unwrap();
    assert_eq!(s.get(other), None);
}

#[test]
fn a_repeated_begin_keeps_a_session_for_twice_the_ttl_at_most() {
    let mut s = sessions();
    let id = begin_as(&mut s, New, own(1, "k"), 0).unwrap();
    for now in (50..=200).step_by(50) {
        s.touch(id, now);
        assert!(s.tick_ttl(now, 9).expired.is_empty(), "{now}");
    }
    s.touch(id, 200);
    assert_eq!(s.tick_ttl(201, 9).expired.len(), 1);
    // Progress keeps it for the whole TTL again.
    let id = begin_as(&mut s, New, own(1, "k"), 300).unwrap();
    s.touch(id, 390);
    progress(&mut s, id, 0, 480);
    assert!(s.tick_ttl(580, 9).expired.is_empty());
    assert_eq!(s.tick_ttl(581, 9).expired.len(), 1);
}

#[test]
fn a_known_owner_pushes_out_strangers_before_the_known() {
    let mut s = sessions();
    let known = begin_as(&mut s, Known, own(9, "1"), 0).unwrap();
    for idem in ["2", "3", "4"] {
        begin_as(&mut s, Known, own(9, idem), 0).unwrap();
    }
    let strangers = ["a", "b"].map(|idem| begin_as(&mut s, New, own(1, idem), 5).unwrap());
    // Nobody is idle long enough.
    let refused = begin_as(&mut s, Known, own(8, "k"), 29);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    begin_as(&mut s, Known, own(8, "1"), 35).unwrap();
    assert_eq!(s.get(strangers[0]), None);
    begin_as(&mut s, Known, own(8, "2"), 35).unwrap();
    assert_eq!(s.get(strangers[1]), None);
    assert!(s.get(known).is_some());
    begin_as(&mut s, Known, own(8, "3"), 35).unwrap();
    assert_eq!(s.get(known), None);
    assert_eq!(s.counters().strangers(), 0);
    // The known hold more than their half, which makes room for a stranger.
    begin_as(&mut s, New, own(1, "c"), 35).unwrap();
    assert_eq!(s.counters().strangers(), 1);
}

#[test]
fn an_owner_takes_its_sessions_along_when_it_becomes_known() {
    let mut s = sessions();
    for idem in ["1", "2", "3"] {
        begin_as(&mut s, New, own(1, idem), 0).unwrap();
    }
    s.set_standing(user(1), Known);
    assert_eq!(s.counters().strangers(), 0);
    begin_as(&mut s, New, own(2, "k"), 0).unwrap();
    s.set_standing(user(1), New);
    assert_eq!(s.counters().strangers(), 4);
    // A begin does the same.
    begin_as(&mut s, Known, own(1, "4"), 0).unwrap();
    assert_eq!(s.counters().strangers(), 1);
}

#[test]
fn sessions_that_are_finishing_never_end_for_others() {
    let mut s = sessions();
    let limits = Limits {
        active_total: 2,
        ..ROOM
    };
    s.set_limits(limits);
    let done = begin_as(&mut s, New, spec(1, "c", "k", 1, 0), 0).unwrap();
    progress(&mut s, done, 0, 0);
    s.start_finishing(done, 0);
    let refused = begin_as(&mut s, New, own(2, "k"), 1_000);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    // A reopened session has its whole time again.
    s.reopen(done, 1_000);
    let refused = begin_as(&mut s, New, own(2, "k"), 1_000);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    begin_as(&mut s, New, own(2, "k"), 2_000).unwrap();
    assert_eq!(s.get(done), None);
}

#[test]
fn no_session_ends_in_vain() {
    let mut s = sessions();
    let limits = |active_total| Limits {
        active_total,
        active_per_owner: 100,
        ..ROOM
    };
    s.set_limits(limits(60));
    for n in 0..24 {
        begin_as(&mut s, New, own(n, "k"), 0).unwrap();
    }
    // Ten sessions are too few: nobody loses one.
    s.set_limits(limits(20));
    let refused = begin_as(&mut s, New, own(99, "k"), 1_000);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    assert_eq!(s.counters().pending, 24);
    s.set_limits(limits(40));
    begin_as(&mut s, New, own(99, "k"), 1_000).unwrap();
    assert_eq!(s.counters().pending, 20);
}

#[test]
fn a_begin_without_a_right_ends_no_session() {
    let mut s = sessions();
    for owner in 1..=3 {
        begin_as(&mut s, New, own(owner, "k"), 0).unwrap();
    }
    let begin = s.reserve_begin(own(4, "k"), New, 100).ok().unwrap();
    assert!(matches!(begin, Begin::Reserved(_)));
    drop(begin);
    assert_eq!(s.counters().strangers(), 3);
    s.set_limits(Limits {
        active_total: 0,
        ..ROOM
    });
    let refused = begin_as(&mut s, New, own(4, "k"), 100);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
}

#[test]
fn an_ended_session_is_remembered_for_a_day() {
    const DAY: u64 = 24 * 3_600 * 1_000_000_000;
    let mut s = sessions();
    let id = begin_as(&mut s, New, own(1, "k"), 0).unwrap();
    assert!(!s.ended_lately(id, user(1), 0));
    s.abort(id, user(1), 5).unwrap();
    assert!(s.ended_lately(id, user(1), 5 + DAY));
    assert!(!s.ended_lately(id, user(1), 6 + DAY));
    assert!(!s.ended_lately(id, user(2), 5));
    assert!(!s.ended_lately(SessionId(99), user(1), 5));
}

#[test]
fn the_record_of_ended_sessions_is_bounded() {
    const DAY: u64 = 24 * 3_600 * 1_000_000_000;
    let mut s = sessions();
    let mut end_at = |now| {
        let id = begin_as(&mut s, New, own(1, "k"), now).unwrap();
        s.abort(id, user(1), now).unwrap();
        (id, s.ended.len())
    };
    let ids: Vec<_> = (0..20).map(|n| end_at(n).0).collect();
    // Twice as many as may be active.
    assert_eq!(end_at(20).1, 12);
    // The old ones go with the next ends.
    assert_eq!(end_at(2 * DAY).1, 9);
    assert_eq!(end_at(2 * DAY).1, 6);
    assert!(!s.ended_lately(ids[0], user(1), 20));
}
