//! The memory index: who owns which capsule, one record for each committed upload, and where its
//! blob lies. Registered gateways call it for their users.
//!
//! This file has endpoints and background work; the operations are in `capsules` and `memories`.
//! None of them awaits, so each is atomic. Only room for what they store is made before them, in a
//! message of its own.

mod capacity;
mod capsules;
mod commit_order;
mod counters;
mod gateway_method;
mod ids;
mod index;
mod memories;
mod metrics;
mod persons;
mod regions;
mod state;
#[cfg(test)]
mod tests;
mod transfer;

use crate::commit_order::commit_in_order;
use crate::gateway_method::gateway_method;
use crate::index::Call;
use crate::memories::page::Order;
use crate::regions::ROOM;
use crate::state::State;
use candid::Principal;
use canister_background::{self as background, Next};
use canister_common::funds::check_own_funds;
use canister_common::growth::{self, grow_at_install, make_room};
use canister_common::http::{self, HttpRequest, HttpResponse};
use canister_common::inspection::inspect_ingress;
use canister_common::open_calls::refuse_upgrade_while_calling;
use canister_common::{check_canister_controller, method};
use capsule_shared::capsule::{Capsule, CapsuleHeader, CapsuleInfo, PersonRef};
use capsule_shared::memory_index::{
    BlobPlace, CapsuleUsage, Memory, MemoryCommit, MemoryFound, MemoryHead, MemoryHeader,
    MemoryIndexArgs, MemoryPage, Trash, TrashPage,
};
use capsule_shared::operators::{
    DueCursor, DuePage, GatewayTransfer, StorePage, StoreUsePage, Takedown, TakedownPage,
};
use capsule_shared::{BlobId, Result};
use ic_cdk::api::{canister_self, msg_caller, performance_counter, time};
use ic_cdk::{init, inspect_message, post_upgrade, pre_upgrade, query, update};
use ic_stable_structures::DefaultMemoryImpl;
use serde_bytes::ByteBuf;
use std::cell::RefCell;
use std::time::Duration;

thread_local! {
    static STATE: RefCell<State<DefaultMemoryImpl>> =
        RefCell::new(State::open(DefaultMemoryImpl::default()));
}

fn with_state<T>(f: impl FnOnce(&mut State<DefaultMemoryImpl>) -> T) -> T {
    STATE.with_borrow_mut(f)
}

/// As [`with_state`], for every update. Asks for background work, in case a turn was lost or the
/// change made some.
fn change<T>(f: impl FnOnce(&mut State<DefaultMemoryImpl>) -> T) -> T {
    let changed = with_state(f);
    ask_for_work();
    changed
}

/// The callers that may use capsules and memories. Canister controllers may too, for repairs.
fn check_caller(caller: Principal) -> Result<()> {
    check_canister_controller(caller).or_else(|_| with_state(|state| state.gateways.check(caller)))
}

/// Makes room for new records; see `growth`.
async fn room_for_records() -> Result<()> {
    make_room("the memory index", ROOM, 0).await.map(|_| ())
}

fn call() -> Call {
    Call {
        gateway: msg_caller(),
        now: time(),
    }
}

// ---- life of the canister ----------------------------------------------------------------------

#[init]
fn init(args: Option<MemoryIndexArgs>) {
    start(args);
    grow_at_install(ROOM);
}

#[inspect_message]
fn inspect_message() {
    inspect_ingress(check_caller);
}

/// Saves nothing: all state is in stable memory.
#[pre_upgrade]
fn pre_upgrade() {
    refuse_upgrade_while_calling();
    background::refuse_upgrade_in_a_turn();
}

#[post_upgrade]
fn post_upgrade(args: Option<MemoryIndexArgs>) {
    // The gateway that was in force stays, whatever the arguments add.
    with_state(|state| state.gateways.register_named());
    start(args);
}

fn start(args: Option<MemoryIndexArgs>) {
    let gateways = args.and_then(|args| args.gateways);
    if let Err(error) = change(|state| state.gateways.configure(gateways)) {
        ic_cdk::api::trap(format!("the gateways can't be registered: {error}"));
    }
}

/// The canister calls itself; see `growth`.
#[update(hidden = true)]
fn grow_stable_memory() -> Result<()> {
    growth::grow(msg_caller(), ROOM)
}

/// The canister calls itself; see `growth`.
#[update(hidden = true)]
fn grow_stable_memory_ahead() -> Result<()> {
    growth::grow_ahead_of_need(msg_caller(), ROOM)
}

// ---- background work ---------------------------------------------------------------------------

/// A slice enters no further memory above this many instructions, of the 40 G of a message. One
/// memory takes a few million at most: its metadata have up to 16 KiB.
const SLICE_INSTRUCTIONS: u64 = 1_000_000_000;

/// The pause after a turn for which there was no room or no cycles.
const PAUSE: Duration = Duration::from_secs(60);

/// Asks for a turn of background work while there is any.
fn ask_for_work() {
    if is_short_of_room() || with_state(|state| state.index.unplaced()) > 0 {
        background::ask(work);
    }
}

/// Grows stable memory ahead, and enters a slice of the memories of release 0.1.0.
async fn work() -> Next {
    // Nothing has begun during these awaits. Other messages may commit or delete memories.
    let grow = match !is_short_of_room() || growth::grow_more("the memory index").await {
        true => Next::Never,
        false => Next::After(PAUSE),
    };
    grow.min(enter_more().await)
}

fn is_short_of_room() -> bool {
    growth::is_short(ROOM, 0, u64::MAX)
}

async fn enter_more() -> Next {
    let before = with_state(|state| state.index.unplaced());
    if before == 0 {
        return Next::Never;
    }
    // The last cycles are for what has begun.
    let funds = check_own_funds("the memory index");
    if funds.is_ok() && room_for_records().await.is_ok() {
        let goes_on = || performance_counter(0) < SLICE_INSTRUCTIONS;
        with_state(|state| state.index.enter_older(goes_on));
    }
    match with_state(|state| state.index.unplaced()) {
        0 => Next::Never,
        after if after < before => Next::Now,
        _ => Next::After(PAUSE),
    }
}

// ---- capsules ----------------------------------------------------------------------------------

gateway_method!(update for check_caller with room_for_records: fn capsule_create(
    who: Principal,
    subject: Option<PersonRef>,
    most: Option<u32>,
) -> Result<Capsule> {
    check_own_funds("the memory index")?;
    change(|state| state.capsule_create(canister_self(), call(), who, subject, most))
});

gateway_method!(query for check_caller: fn capsule_read(
    who: Principal,
    capsule_id: Option<String>,
) -> Result<CapsuleInfo> {
    with_state(|state| state.index.capsule_read(who, capsule_id.as_deref()))
});

gateway_method!(update for check_caller with room_for_records: fn capsule_add_controller(
    who: Principal,
    capsule_id: String,
    controller: Principal,
) -> Result<Capsule> {
    check_own_funds("the memory index")?;
    let own = canister_self();
    change(|state| state.capsule_add_controller(own, call(), who, &capsule_id, controller))
});

gateway_method!(update for check_caller: fn capsule_remove_controller(
    who: Principal,
    capsule_id: String,
    controller: Principal,
) -> Result<Capsule> {
    change(|state| state.index.capsule_remove_controller(call(), who, &capsule_id, controller))
});

gateway_method!(query for check_caller: fn capsule_list(
    who: Principal,
) -> Result<Vec<CapsuleHeader>> {
    Ok(with_state(|state| state.index.capsule_list(who)))
});

gateway_method!(query for check_caller: fn capsule_usage(
    who: Principal,
    capsule_id: String,
) -> Result<CapsuleUsage> {
    with_state(|state| state.index.capsule_usage(who, &capsule_id))
});

// ---- memories ----------------------------------------------------------------------------------

gateway_method!(update for check_caller: async fn memory_commit(
    commit: MemoryCommit,
) -> Result<Memory> {
    let room = async {
        room_for_records().await?;
        check_caller(msg_caller())
    };
    commit_in_order(
        commit,
        |commit| change(|state| state.index.committed(call(), commit)),
        room,
        |commit| change(|state| state.index.memory_commit(call(), commit)),
    )
    .await
});

gateway_method!(query for check_caller: fn memory_list(
    who: Principal,
    capsule_id: String,
    cursor: Option<String>,
    limit: Option<u32>,
    newest_first: Option<bool>,
) -> Result<MemoryPage> {
    let order = match newest_first.unwrap_or(false) {
        true => Order::NewestFirst,
        false => Order::OldestFirst,
    };
    let cursor = cursor.as_deref();
    with_state(|state| state.index.memory_list(who, &capsule_id, cursor, limit, order))
});

gateway_method!(query for check_caller: fn memory_read(
    who: Principal,
    memory_id: String,
) -> Result<Memory> {
    with_state(|state| state.index.memory_read(who, &memory_id))
});

gateway_method!(query for check_caller: fn memory_find(
    who: Principal,
    memory_id: String,
) -> Result<MemoryFound> {
    with_state(|state| state.index.memory_find(who, &memory_id))
});

gateway_method!(query for check_caller: fn memory_find_sha256(
    who: Principal,
    capsule_id: String,
    sha256: ByteBuf,
) -> Result<Vec<MemoryHeader>> {
    with_state(|state| state.index.memory_find_sha256(who, &capsule_id, &sha256))
});

gateway_method!(update for check_caller: fn memory_delete(
    who: Principal,
    memory_id: String,
) -> Result<Memory> {
    change(|state| state.index.memory_delete(call(), who, &memory_id))
});

gateway_method!(update for check_caller: fn memory_trash(
    who: Principal,
    memory_id: String,
    purge_at: u64,
) -> Result<Trash> {
    change(|state| state.index.memory_trash(call(), who, &memory_id, purge_at))
});

gateway_method!(update for check_caller: fn memory_restore(
    who: Principal,
    memory_id: String,
) -> Result<()> {
    change(|state| state.index.memory_restore(call(), who, &memory_id))
});

gateway_method!(update for check_caller: fn memory_expire(
    memory_id: String,
    purge_at: u64,
) -> Result<MemoryHead> {
    change(|state| state.index.memory_expire(call(), &memory_id, purge_at))
});

gateway_method!(query for check_caller: fn memory_trash_list(
    who: Principal,
    capsule_id: String,
    cursor: Option<String>,
    limit: Option<u32>,
) -> Result<TrashPage> {
    with_state(|state| state.index.memory_trash_list(who, &capsule_id, cursor.as_deref(), limit))
});

gateway_method!(query for check_caller: fn blob_locate(
    who: Principal,
    blob_id: BlobId,
) -> Result<BlobPlace> {
    with_state(|state| state.index.blob_locate(call(), who, blob_id))
});

// ---- stores of memories ------------------------------------------------------------------------

gateway_method!(update for check_caller with room_for_records: fn memory_relocate(
    memory_id: String,
    from: Principal,
    to: Principal,
) -> Result<()> {
    change(|state| state.index.memory_relocate(call(), &memory_id, from, to))
});

gateway_method!(query for check_caller: fn memories_of_store(
    store: Principal,
    after: Option<String>,
    limit: Option<u32>,
) -> Result<StorePage> {
    with_state(|state| state.index.memories_of_store(store, after.as_deref(), limit))
});

gateway_method!(query for check_caller: fn stores_of_memories(
    after: Option<Principal>,
    limit: Option<u32>,
) -> Result<StoreUsePage> {
    with_state(|state| state.index.stores_of_memories(after, limit))
});

// ---- purges and takedowns ----------------------------------------------------------------------

gateway_method!(query for check_caller: fn memories_due(
    gateway: Option<Principal>,
    after: Option<DueCursor>,
    limit: Option<u32>,
) -> Result<DuePage> {
    let gateway = gateway.unwrap_or_else(msg_caller);
    if gateway != msg_caller() {
        check_canister_controller(msg_caller())?;
    }
    with_state(|state| state.index.memories_due(gateway, time(), after, limit))
});

method!(update for check_canister_controller: fn memory_takedown(
    memory_id: String,
) -> Result<Takedown> {
    change(|state| state.index.memory_takedown(call(), &memory_id))
});

method!(query for check_canister_controller: fn takedowns_list(
    after: Option<String>,
    limit: Option<u32>,
) -> Result<TakedownPage> {
    with_state(|state| state.index.takedowns_list(after.as_deref(), limit))
});

// ---- gateways ----------------------------------------------------------------------------------

method!(update for check_canister_controller: fn gateways_register(
    gateway: Principal,
) -> Result<()> {
    change(|state| state.gateways.register(gateway))
});

method!(update for check_canister_controller: fn gateways_unregister(
    gateway: Principal,
) -> Result<()> {
    change(|state| state.gateways.unregister(gateway));
    Ok(())
});

method!(query for check_canister_controller: fn gateways_list() -> Result<Vec<Principal>> {
    Ok(with_state(|state| state.gateways.list()))
});

method!(update for check_canister_controller: fn gateways_transfer(
    from: Principal,
    to: Principal,
) -> Result<()> {
    change(|state| state.gateways_transfer(from, to))
});

method!(query for check_canister_controller: fn gateways_transfers(
) -> Result<Vec<GatewayTransfer>> {
    Ok(with_state(|state| state.index.owners.transfers()))
});

// ---- metrics -----------------------------------------------------------------------------------

#[query(hidden = true, decode_with = "std::convert::identity")]
fn http_request(message: Vec<u8>) -> HttpResponse {
    #[candid::candid_method(query)]
    fn http_request(request: HttpRequest) -> HttpResponse {
        http::serve_metrics(&request, time(), |encoder| {
            http::encode_platform(encoder, "memory_index")?;
            with_state(|state| state.encode_metrics(encoder))
        })
    }
    http::answer(&message, http_request)
}

// It exports the methods above it only.
#[cfg(test)]
candid::export_service!();
