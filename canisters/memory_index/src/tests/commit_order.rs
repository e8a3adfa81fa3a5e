//! A repeated commit is answered from the record, also by an index without room.

use super::beginnings::with_capsule;
use super::{CAPSULE, call, commit, person};
use crate::commit_order::commit_in_order;
use crate::state::State;
use capsule_shared::{Error, Result};
use ic_stable_structures::VectorMemory;
use std::cell::RefCell;
use std::future::ready;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

thread_local! {
    static STATE: RefCell<State<VectorMemory>> = RefCell::new(with_capsule().1);
}

/// Commits a session, and returns the memory's id. `room` ends without a wait.
fn commits(session: u64, room: impl Future<Output = Result<()>>) -> Result<String> {
    let asked = commit(person(1), CAPSULE, session, 10);
    let call = call(1, session);
    let committing = commit_in_order(
        asked,
        |asked| STATE.with_borrow(|state| state.index.committed(call, asked)),
        room,
        |asked| STATE.with_borrow_mut(|state| state.index.memory_commit(call, asked)),
    );
    match pin!(committing).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.map(|memory| memory.id),
        Poll::Pending => panic!("nothing waits here"),
    }
}

const FULL: Error = Error::ResourceExhausted;

#[test]
fn a_repeated_commit_asks_for_no_room() {
    let no_room = || async { panic!("it asked for room") };
    let first = commits(1, ready(Ok(()))).unwrap();
    assert_eq!(commits(1, no_room()), Ok(first.clone()));

    // Neither a refusal of the platform nor a full index ends an upload that is committed.
    assert_eq!(commits(2, ready(Err(FULL))), Err(FULL));
    STATE.with_borrow_mut(|state| {
        state.index.capacity.last = state.index.capacity.used_bytes();
    });
    assert_eq!(commits(2, ready(Ok(()))), Err(FULL));
    assert_eq!(commits(1, no_room()), Ok(first.clone()));

    // A commit of a deleted memory is answered from the record, too.
    STATE.with_borrow_mut(|state| {
        let deleted = state.index.memory_delete(call(1, 9), person(1), &first);
        deleted.unwrap();
    });
    assert_eq!(commits(1, no_room()), Err(Error::NotFound));
}

#[test]
fn the_same_commit_during_the_wait_for_room_makes_one_memory() {
    let mut other = None;
    let first = commits(1, async {
        other = Some(commits(1, ready(Ok(()))));
        Ok(())
    });
    assert_eq!(Some(first), other);
    let stored = STATE.with_borrow(|state| state.index.memories.len());
    assert_eq!(stored, 1);
}
