//! The background work of the store: growing ahead, copying, and a check.

use crate::blob::copy::{COPY_INSTRUCTIONS, Copied};
use crate::blob::slice::Slice;
use crate::canister::{room, slice, with_state};
use crate::check::CHECK_INSTRUCTIONS;
use crate::regions::{MAX_STABLE_BYTES, ROOM};
use crate::state::State;
use canister_background::{self as background, Next};
use canister_common::funds::check_own_funds;
use canister_common::growth::{self, make_room};
use canister_common::manager::PAGE_BYTES;
use ic_cdk::api::{canister_liquid_cycle_balance, performance_counter};
use ic_cdk::stable::stable_size;
use ic_stable_structures::DefaultMemoryImpl;
use std::cell::Cell;
use std::time::Duration;

/// The pause after a turn of background work for which there was no room or no cycles.
const PAUSE: Duration = Duration::from_secs(60);

thread_local! {
    /// Whether the last turn found no room for copies, or no cycles. The heap holds it, so an
    /// upgrade forgets it.
    static NO_ROOM: Cell<bool> = const { Cell::new(false) };
}

/// A check waits with fewer spendable cycles, 1 T. It may cost more than all uploads.
const CHECK_CYCLES: u128 = 1_000_000_000_000;

/// As [`with_state`], for a change. It asks for background work, in case a turn was lost.
pub fn change<T>(f: impl FnOnce(&mut State<DefaultMemoryImpl>) -> T) -> T {
    let changed = with_state(f);
    ask_for_work();
    changed
}

/// Whether the last turn found no room for copies, or no cycles.
pub fn ended_without_room() -> bool {
    NO_ROOM.get()
}

/// Asks for a turn of background work while there is any.
pub fn ask_for_work() {
    if is_short_of_room() || with_state(|state| state.store.can_copy() || state.is_checking()) {
        background::ask(work);
    }
}

/// Grows stable memory ahead, and copies a slice of the blobs in schema version 1. Does a slice of
/// a check when there is nothing to copy: a trap of one must not undo the other.
pub async fn work() -> Next {
    // Nothing of this turn holds over an await, when other messages may change every blob.
    let grow = grow_more().await;
    let copy = copy_more().await;
    let check = match with_state(|state| state.is_checking()) {
        true if copy != Next::Now => check_more(),
        _ => Next::Never,
    };
    grow.min(copy).min(check)
}

/// Whether the room grown ahead is short, and blobs may need it.
fn is_short_of_room() -> bool {
    let (inside, most) = with_state(|state| {
        let store = &state.store;
        (store.room_bytes(), store.totals().takable_bytes())
    });
    growth::is_short(ROOM, inside, most)
}

async fn grow_more() -> Next {
    match !is_short_of_room() || growth::grow_more("the blob store").await {
        true => Next::Never,
        false => Next::After(PAUSE),
    }
}

async fn copy_more() -> Next {
    if !with_state(|state| state.store.can_copy()) {
        return Next::Never;
    }
    // The last cycles are for what has begun.
    let room = match check_own_funds("the blob store") {
        Ok(()) => make_room("the blob store", room(), 0).await.map(drop),
        refused => refused,
    };
    let both_fit = with_state(|state| state.store.bytes_to_grow()) < bytes_that_can_grow();
    if room.is_err() || !both_fit {
        NO_ROOM.set(true);
        return Next::After(PAUSE);
    }
    NO_ROOM.set(false);
    match with_state(|state| state.store.copy(&slice(COPY_INSTRUCTIONS))) {
        Copied::More => Next::Now,
        Copied::Waiting | Copied::Done => Next::Never,
    }
}

fn check_more() -> Next {
    // It leaves enough cycles for uploads.
    if canister_liquid_cycle_balance() < CHECK_CYCLES {
        return Next::After(PAUSE);
    }
    let slice = Slice {
        chunks: u32::MAX,
        ..slice(performance_counter(0) + CHECK_INSTRUCTIONS)
    };
    match with_state(|state| state.check_slice(&slice)) {
        true => Next::Now,
        false => Next::Never,
    }
}

/// The bytes that stable memory can grow by before it has all that the platform gives a canister.
fn bytes_that_can_grow() -> u64 {
    MAX_STABLE_BYTES.saturating_sub(stable_size() * PAGE_BYTES)
}
