//! The gateway's one timer, set to the next time that something is due. It polls the stores
//! for their reports and the index for purges, and nothing else.
//!
//! It uses the global timer directly: `pre_upgrade` counts the open calls of the gateway, and the
//! calls of a timer library to the canister itself would escape that count.

use ic_cdk::api::{global_timer_set, time};
use ic_cdk::futures::{internals::in_executor_context, spawn};
use std::cell::Cell;

thread_local! {
    /// The time that the global timer is set to, in nanoseconds since 1970. A time in the past
    /// counts for nothing: its turn ran, or it trapped.
    static ARMED: Cell<u64> = const { Cell::new(0) };
}

/// Asks for a turn at `wanted` (nanoseconds since 1970). An earlier turn stays. A time that has
/// come asks for a turn in the next round.
pub fn wake_at(wanted: u64) {
    let now = time();
    let wanted = wanted.max(now);
    let armed = ARMED.get();
    if armed <= now || wanted < armed {
        global_timer_set(wanted);
        ARMED.set(wanted);
    }
}

/// Runs `work` as the turn: the entry point `canister_global_timer` calls this.
pub fn run(work: impl Future<Output = ()> + 'static) {
    in_executor_context(|| spawn(work));
}
