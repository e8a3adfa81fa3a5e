//! Growing stable memory and the heap ahead, in a message of its own.
//!
//! The platform answers -1 when a subnet, a canister or its `memory_allocation` is full. It traps
//! when the growth would exceed `reserved_cycles_limit` or freeze the canister. The canister
//! therefore calls itself to grow, so that a trap ends that call alone.

use crate::funds::check_own_funds;
use crate::manager::PAGE_BYTES;
use crate::open_calls::{CALL_TIMEOUT_SECONDS, OpenCall};
use crate::room::{Room, free_pages, grow_ahead, has_buckets, settle};
use candid::{CandidType, Nat, Principal};
use capsule_shared::{Error, Result};
use ic_cdk::api::{CanisterStatusCode, canister_self, canister_status, time};
use ic_cdk::call::{Call, CallFailed, RejectCode};
use ic_stable_structures::DefaultMemoryImpl;
use serde::Deserialize;
use std::cell::Cell;

/// The hidden method by which a canister asks itself to grow for an operation.
const METHOD: &str = "grow_stable_memory";

/// The hidden method by which its timer asks for more.
const METHOD_AHEAD: &str = "grow_stable_memory_ahead";

/// After a refusal the canister doesn't try again for so many nanoseconds, 10 s. A full canister
/// thus answers at once.
const REFUSAL_HOLDS_NS: u64 = 10_000_000_000;

/// After a failure the timer doesn't grow ahead for so many nanoseconds, 60 s.
const FAILURE_AHEAD_HOLDS_NS: u64 = 60_000_000_000;

/// The canister asks for its reserve at most every so many nanoseconds, 60 s.
const STATUS_HOLDS_NS: u64 = 60_000_000_000;

thread_local! {
    static REFUSED_AT: Cell<Option<u64>> = const { Cell::new(None) };
    static FAILED_AHEAD_AT: Cell<Option<u64>> = const { Cell::new(None) };
    /// Whether the last attempt was refused.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
    static REFUSALS: Cell<u64> = const { Cell::new(0) };
    static RESERVE: Cell<Option<Reserve>> = const { Cell::new(None) };
    static ASKED_AT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The reserve and its settings, as the platform told them when this canister last grew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// Cycles that pay for storage only.
    pub cycles: u128,
    /// The most cycles of the reserve. Growth that needs more is refused.
    pub limit_cycles: u128,
    /// The setting `memory_allocation`, in bytes; 0 is none.
    pub memory_allocation: u128,
}

/// The growth of this canister, for the metrics. The heap holds it, so an upgrade forgets it.
pub struct Observed {
    /// Bytes that are grown ahead.
    pub room_bytes: u64,
    /// Whether the last attempt to grow was refused.
    pub refused: bool,
    pub refusals: u64,
    /// `None` until the canister grows for the first time.
    pub reserve: Option<Reserve>,
}

pub fn observed() -> Observed {
    Observed {
        room_bytes: free_pages(&DefaultMemoryImpl::default()) * PAGE_BYTES,
        refused: REFUSED.get(),
        refusals: REFUSALS.get(),
        reserve: RESERVE.get(),
    }
}

/// Grows ahead at once, for `init`. A trap ends the install, whose error then says why.
pub fn grow_at_install(room: Room) {
    // A memory that is full already is told by the first operation.
    let _ = grow_both(room, room.wanted);
}

/// The body of the hidden method `grow_stable_memory`. `Unauthorized` unless the canister itself
/// calls.
pub fn grow(caller: Principal, room: Room) -> Result<()> {
    check_self(caller)?;
    grow_both(room, room.wanted)
}

/// The body of the hidden method `grow_stable_memory_ahead`; errors are those of [`grow`].
pub fn grow_ahead_of_need(caller: Principal, room: Room) -> Result<()> {
    check_self(caller)?;
    grow_both(room, room.full())
}

fn check_self(caller: Principal) -> Result<()> {
    match caller == canister_self() {
        true => Ok(()),
        false => Err(Error::Unauthorized),
    }
}

fn grow_both(room: Room, buckets: u64) -> Result<()> {
    if heap_bytes() < room.heap_bytes {
        // The allocator keeps the pages for later. Without `black_box` the compiler would remove
        // an allocation that nobody uses.
        drop(std::hint::black_box(Vec::<u8>::with_capacity(
            room.heap_bytes,
        )));
    }
    grow_ahead(&DefaultMemoryImpl::default(), buckets)
}

/// Bytes of the heap (Wasm memory).
#[cfg(target_arch = "wasm32")]
pub fn heap_bytes() -> usize {
    core::arch::wasm32::memory_size(0) * PAGE_BYTES as usize
}

/// Only canisters have a heap of their own.
#[cfg(not(target_arch = "wasm32"))]
pub fn heap_bytes() -> usize {
    0
}

/// Makes room for one operation. Returns whether it awaited; the caller then checks again what it
/// knew before. `canister` is its name in errors.
///
/// Nothing else may be under way during this await: no operation has begun.
///
/// `ResourceExhausted` if there are fewer than `room.least` free buckets and the platform refuses
/// more. A temporary error if the canister can't ask, as it has too few cycles or is stopping.
pub async fn make_room(canister: &'static str, room: Room, inside: u64) -> Result<bool> {
    let memory = DefaultMemoryImpl::default();
    let has_heap = || heap_bytes() >= room.heap_bytes;
    if has_buckets(&memory, room.wanted, inside) && has_heap() {
        return Ok(false);
    }
    let settle = |grown: Result<()>| match has_heap() {
        true => settle(&memory, room, inside, grown),
        false => grown,
    };
    let now = time();
    if REFUSED_AT
        .get()
        .is_some_and(|at| now < at.saturating_add(REFUSAL_HOLDS_NS))
    {
        return settle(Err(Error::ResourceExhausted)).map(|()| false);
    }
    let grown = match check_own_funds(canister) {
        Ok(()) => ask_to_grow(METHOD).await,
        refused => refused,
    };
    match grown {
        Ok(()) => REFUSED_AT.set(None),
        Err(Error::ResourceExhausted) => REFUSED_AT.set(Some(now)),
        Err(_) => {}
    }
    note(&grown, now);
    settle(grown).map(|()| true)
}

/// Whether a timer should grow the memory ahead: it is short of room, and blobs or records may yet
/// take `most` more bytes than the `inside` ones that are free in their region.
pub fn is_short(room: Room, inside: u64, most: u64) -> bool {
    most > inside && !has_buckets(&DefaultMemoryImpl::default(), room.short(), inside)
}

/// Grows the memory ahead, for a timer. Operations don't wait for it, and a refusal doesn't hold
/// them up: they ask for less. Returns whether it succeeded; if not, later calls do nothing for a
/// minute.
///
/// Nothing else may be under way during this await.
pub async fn grow_more(canister: &'static str) -> bool {
    let now = time();
    if FAILED_AHEAD_AT
        .get()
        .is_some_and(|at| now < at.saturating_add(FAILURE_AHEAD_HOLDS_NS))
    {
        return false;
    }
    let grown = match check_own_funds(canister) {
        Ok(()) => ask_to_grow(METHOD_AHEAD).await,
        refused => refused,
    };
    FAILED_AHEAD_AT.set(grown.is_err().then_some(now));
    note(&grown, now);
    grown.is_ok()
}

/// Notes an attempt to grow, for the metrics.
fn note(grown: &Result<()>, now: u64) {
    match grown {
        Ok(()) => REFUSED.set(false),
        Err(Error::ResourceExhausted) => {
            REFUSED.set(true);
            REFUSALS.set(REFUSALS.get() + 1);
        }
        Err(_) => {}
    }
    if is_time_to_ask(now) {
        // The operation needn't wait for it.
        ic_cdk::futures::spawn(ask_reserve());
    }
}

async fn ask_to_grow(method: &str) -> Result<()> {
    let open = OpenCall::begin();
    let answer = Call::bounded_wait(canister_self(), method)
        .change_timeout(CALL_TIMEOUT_SECONDS)
        .await;
    drop(open);
    match answer {
        Ok(reply) => reply
            .candid::<Result<()>>()
            .unwrap_or_else(|error| Err(Error::Internal(error.to_string()))),
        // The method does nothing but grow, so a trap is a refusal. A canister that is stopping
        // rejects its own calls with the same code.
        Err(CallFailed::CallRejected(rejected))
            if rejected.reject_code() == Ok(RejectCode::CanisterError)
                && canister_status() == CanisterStatusCode::Running =>
        {
            Err(Error::ResourceExhausted)
        }
        Err(failed) => Err(Error::temporary(format!(
            "stable memory can't be grown now: {failed}"
        ))),
    }
}

/// Whether the platform may be asked for the reserve now. If so, it isn't for the next minute.
fn is_time_to_ask(now: u64) -> bool {
    let may = ASKED_AT
        .get()
        .is_none_or(|at| now >= at.saturating_add(STATUS_HOLDS_NS));
    if may {
        ASKED_AT.set(Some(now));
    }
    may
}

/// The reserve of this canister. Asks the platform for it at most once a minute.
pub async fn reserve() -> Option<Reserve> {
    if is_time_to_ask(time()) {
        // Nothing is under way during this await.
        ask_reserve().await;
    }
    RESERVE.get()
}

#[derive(CandidType)]
struct StatusArgs {
    canister_id: Principal,
}

/// The fields of a canister's status that matter here.
#[derive(CandidType, Deserialize)]
struct Status {
    reserved_cycles: Nat,
    settings: Settings,
}

#[derive(CandidType, Deserialize)]
struct Settings {
    reserved_cycles_limit: Nat,
    memory_allocation: Nat,
}

/// Asks the platform for the reserve of this canister. Only reports miss it when that fails.
async fn ask_reserve() {
    let open = OpenCall::begin();
    let args = StatusArgs {
        canister_id: canister_self(),
    };
    let answer = Call::bounded_wait(Principal::management_canister(), "canister_status")
        .change_timeout(CALL_TIMEOUT_SECONDS)
        .with_arg(args)
        .await;
    drop(open);
    let Some(status) = answer.ok().and_then(|reply| reply.candid::<Status>().ok()) else {
        return;
    };
    let cycles = |nat: Nat| u128::try_from(nat.0).unwrap_or(u128::MAX);
    RESERVE.set(Some(Reserve {
        cycles: cycles(status.reserved_cycles),
        limit_cycles: cycles(status.settings.reserved_cycles_limit),
        memory_allocation: cycles(status.settings.memory_allocation),
    }));
}
