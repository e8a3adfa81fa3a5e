//! Work of a canister that nobody asked for, in turns, by `ic-cdk-timers`.
//!
//! A turn is lost when the canister stops before it runs, or when it traps. So whoever changes
//! something asks again, and a turn that is overdue counts as lost.
//!
//! This is a crate of its own, because `ic-cdk-timers` takes the canister's one global timer. The
//! gateway has another use for it.

use ic_cdk::api::{CanisterStatusCode, canister_status, time};
use ic_cdk_timers::{TimerId, clear_timer, set_timer};
use std::cell::Cell;
use std::time::Duration;

/// A turn that is overdue for so many nanoseconds, 30 s, is lost.
const LOST_AFTER_NS: u64 = 30_000_000_000;

/// When the next turn should come, the soonest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Next {
    /// In the next round.
    Now,
    After(Duration),
    /// When something changes.
    Never,
}

#[derive(Clone, Copy)]
struct Turn {
    timer: TimerId,
    /// When it is due, in nanoseconds since 1970.
    due: u64,
}

thread_local! {
    /// The turn that comes. The heap holds it, so an upgrade forgets it.
    static COMING: Cell<Option<Turn>> = const { Cell::new(None) };
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Asks for a turn of `work` in the next round. One that runs or comes stays.
pub fn ask(work: impl AsyncFn() -> Next + Clone + 'static) {
    if !RUNNING.get() {
        ask_after(Duration::ZERO, work);
    }
}

/// As [`ask`], also if a later turn comes already.
pub fn ask_anew(work: impl AsyncFn() -> Next + Clone + 'static) {
    if let Some(turn) = COMING.take() {
        clear_timer(turn.timer);
    }
    ask(work);
}

fn ask_after(delay: Duration, work: impl AsyncFn() -> Next + Clone + 'static) {
    let now = time();
    if let Some(turn) = COMING.get() {
        if now < turn.due.saturating_add(LOST_AFTER_NS) {
            return;
        }
        clear_timer(turn.timer);
    }
    let timer = set_timer(delay, run(work));
    let due = now.saturating_add(delay.as_nanos() as u64);
    COMING.set(Some(Turn { timer, due }));
}

async fn run(work: impl AsyncFn() -> Next + Clone + 'static) {
    COMING.set(None);
    let running = Running::begin();
    let next = work().await;
    drop(running);
    match next {
        Next::Now => ask_after(Duration::ZERO, work),
        Next::After(delay) => ask_after(delay, work),
        Next::Never => {}
    }
}

/// Dropping it ends the turn, also when a callback of its calls traps.
struct Running;

impl Running {
    fn begin() -> Self {
        RUNNING.set(true);
        Running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(false);
    }
}

/// Traps while a turn may run: the timers call the canister itself, and an upgrade would give that
/// call's callback a new heap. A canister that is stopped has no open call. For `pre_upgrade`.
pub fn refuse_upgrade_in_a_turn() {
    let due = COMING.get().is_some_and(|turn| turn.due <= time());
    if (due || RUNNING.get()) && canister_status() != CanisterStatusCode::Stopped {
        ic_cdk::api::trap(
            "the upgrade is refused: background work is under way, expected none; stop the \
             canister, install, start it",
        );
    }
}
