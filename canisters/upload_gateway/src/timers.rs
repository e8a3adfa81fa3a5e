//! The canister's one timer, set to when something is due; nothing runs while nothing is due.
//!
//! The global timer is used as it is. A timer library would call the canister itself: calls that `pre_upgrade` can't
//! count, that a stop swallows, and that cost.

use crate::service;
use ic_cdk::api::{global_timer_set, time};
use ic_cdk::futures::{internals::in_executor_context, spawn};
use std::cell::Cell;

/// At most one turn a second.
const SHORTEST_NS: u64 = 1_000_000_000;

thread_local! {
    /// What the global timer is set to, in nanoseconds since 1970. A time that is over counts for nothing: the turn
    /// was taken, or it trapped.
    static ARMED: Cell<u64> = const { Cell::new(0) };
}

/// Has a turn taken at `wanted` (nanoseconds since 1970), or before if one is due earlier.
pub fn wake_at(wanted: u64) {
    let now = time();
    let wanted = wanted.max(now + SHORTEST_NS);
    let armed = ARMED.get();
    if armed <= now || wanted < armed {
        global_timer_set(wanted);
        ARMED.set(wanted);
    }
}

#[unsafe(export_name = "canister_global_timer")]
extern "C" fn global_timer() {
    in_executor_context(|| spawn(async { service().tick().await }));
}
