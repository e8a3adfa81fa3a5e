//! The one timer, set to when something is due. Nothing runs while nothing is due, but for a look once an hour, which
//! finds work whose timer was lost.

use crate::service;
use ic_cdk_timers::{TimerId, clear_timer, set_timer, set_timer_interval};
use std::cell::Cell;
use std::time::Duration;

/// At most one turn a second.
const SHORTEST: Duration = Duration::from_secs(1);
const SAFETY_NET: Duration = Duration::from_secs(3600);
const LOST_AFTER: Duration = Duration::from_secs(120);

thread_local! {
    static ARMED: Cell<Option<(u64, TimerId)>> = const { Cell::new(None) };
}

/// Called at init and after an upgrade: timers don't survive one.
pub fn start() {
    set_timer_interval(SAFETY_NET, || async { service().schedule() });
    service().schedule();
}

/// Has a turn taken at `time` (nanoseconds since 1970), or before if one is due earlier.
pub fn wake_at(time: u64) {
    let now = ic_cdk::api::time();
    let time = time.max(now + SHORTEST.as_nanos() as u64);
    if let Some((armed, timer)) = ARMED.get() {
        // One that should long have fired was lost to a trap, or to a stop of the canister.
        let lost = armed.saturating_add(LOST_AFTER.as_nanos() as u64) < now;
        if armed <= time && !lost {
            return;
        }
        clear_timer(timer);
    }
    let timer = set_timer(Duration::from_nanos(time - now), async {
        ARMED.set(None);
        service().tick().await;
    });
    ARMED.set(Some((time, timer)));
}
