//! The blob store: keeps the bytes of files in stable memory for its registered gateways.
//!
//! This file has endpoints only; the operations are in `blob`. None of them awaits, so each is
//! atomic. Only room for what they store is made before them, in a message of its own.

mod blob;
mod check;
mod chunks;
mod extents;
mod metrics;
mod migration;
mod regions;
mod state;
mod status;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod totals;

use crate::blob::copy::{COPY_INSTRUCTIONS, Copied};
use crate::blob::delete::DELETE_INSTRUCTIONS;
use crate::blob::digest::DIGEST_INSTRUCTIONS;
use crate::blob::slice::{SLICE_CHUNKS, Slice};
use crate::check::CHECK_INSTRUCTIONS;
use crate::regions::{MAX_STABLE_BYTES, ROOM};
use crate::state::State;
use candid::Principal;
use canister_background::{self as background, Next};
use canister_common::funds::check_own_funds;
use canister_common::growth::{self, grow_at_install, make_room, refuse_upgrade_while_growing};
use canister_common::http::{self, HttpRequest, HttpResponse};
use canister_common::inspection::inspect_ingress;
use canister_common::manager::PAGE_BYTES;
use canister_common::room::Room;
use canister_common::{check_canister_controller, method, reply};
use capsule_shared::blob_store::{
    BlobStoreArgs, CheckOptions, CheckStatus, Declared, DeleteProgress, DigestProgress,
    PullProgress, SharedBlob, StoreStatus, StoredBlob,
};
use capsule_shared::operators::GatewayTransfer;
use capsule_shared::{BlobKey, Error, Result};
use ic_cdk::api::{
    canister_cycle_balance, canister_liquid_cycle_balance, msg_caller, performance_counter, time,
};
use ic_cdk::stable::stable_size;
use ic_cdk::{init, inspect_message, post_upgrade, pre_upgrade, query, update};
use ic_stable_structures::DefaultMemoryImpl;
use serde_bytes::{ByteArray, ByteBuf, Bytes};
use std::cell::{Cell, RefCell};
use std::time::Duration;

thread_local! {
    static STATE: RefCell<State<DefaultMemoryImpl>> =
        RefCell::new(State::open(DefaultMemoryImpl::default()));
}

/// The pause after a turn of background work for which there was no room or no cycles.
const PAUSE: Duration = Duration::from_secs(60);

thread_local! {
    /// Whether the last turn found no room for copies, or no cycles. The heap holds it, so an
    /// upgrade forgets it.
    static NO_ROOM: Cell<bool> = const { Cell::new(false) };
}

/// A check waits with fewer spendable cycles, 1 T. It may cost more than all uploads.
const CHECK_CYCLES: u128 = 1_000_000_000_000;

fn with_state<T>(f: impl FnOnce(&mut State<DefaultMemoryImpl>) -> T) -> T {
    STATE.with_borrow_mut(f)
}

/// The callers that may read and write blobs.
fn check_gateway(caller: Principal) -> Result<()> {
    with_state(|state| state.gateways.check(caller))
}

/// As [`with_state`], for a change. It asks for background work, in case a turn was lost.
fn change<T>(f: impl FnOnce(&mut State<DefaultMemoryImpl>) -> T) -> T {
    let changed = with_state(f);
    ask_for_work();
    changed
}

/// Makes room for a new blob or chunk; see `growth`.
async fn room_for_blobs() -> Result<bool> {
    let inside = with_state(|state| state.store.room_bytes());
    make_room("the blob store", room(), inside).await
}

/// The room that the store needs now. A check takes a part of the heap.
fn room() -> Room {
    let counting = with_state(|state| state.counting_bytes());
    Room {
        heap_bytes: ROOM.heap_bytes + counting,
        ..ROOM
    }
}

fn slice(instructions: u64) -> Slice<'static> {
    Slice {
        used: &|| performance_counter(0),
        instructions,
        chunks: SLICE_CHUNKS,
    }
}

// ---- life of the canister ----------------------------------------------------------------------

#[init]
fn init(args: Option<BlobStoreArgs>) {
    start(args);
    grow_at_install(ROOM);
}

#[inspect_message]
fn inspect_message() {
    inspect_ingress(check_gateway);
}

/// Saves nothing: all state is in stable memory.
#[pre_upgrade]
fn pre_upgrade() {
    refuse_upgrade_while_growing();
    background::refuse_upgrade_in_a_turn();
}

#[post_upgrade]
fn post_upgrade(args: Option<BlobStoreArgs>) {
    // The gateway that was in force stays, whatever the arguments add.
    with_state(|state| state.gateways.register_named());
    start(args);
}

fn start(args: Option<BlobStoreArgs>) {
    let args = args.unwrap_or_default();
    if let Err(error) = with_state(|state| state.configure(args)) {
        ic_cdk::api::trap(format!("the store can't be set up: {error}"));
    }
    ask_for_work();
}

/// The canister calls itself; see `growth`.
#[update(hidden = true)]
fn grow_stable_memory() -> Result<()> {
    growth::grow(msg_caller(), room())
}

/// The canister calls itself; see `growth`.
#[update(hidden = true)]
fn grow_stable_memory_ahead() -> Result<()> {
    growth::grow_ahead_of_need(msg_caller(), room())
}

// ---- writing blobs -----------------------------------------------------------------------------

method!(update for check_gateway with room_for_blobs: fn blob_open(
    key: BlobKey,
    declared: Option<Declared>,
) -> Result<()> {
    check_own_funds("the blob store")?;
    change(|state| state.store.open_blob(msg_caller(), key, declared))
});

method!(update for check_gateway: fn blob_release(key: BlobKey) -> Result<()> {
    change(|state| state.store.release(msg_caller(), key))
});

method!(update for check_gateway with room_for_blobs: fn blob_put_chunk(
    key: BlobKey,
    index: u32,
    bytes: &Bytes,
) -> Result<()> {
    check_own_funds("the blob store")?;
    change(|state| state.store.put(msg_caller(), key, index, bytes))
});

method!(update for check_gateway: fn blob_seal(
    key: BlobKey,
    chunk_count: u32,
    total_bytes: u64,
    sha256: Option<ByteArray<32>>,
) -> Result<()> {
    let sha256 = sha256.map(ByteArray::into_array);
    change(|state| {
        let store = &mut state.store;
        store.seal(msg_caller(), key, chunk_count, total_bytes, sha256)
    })
});

method!(update for check_gateway: fn blob_digest(key: BlobKey) -> Result<DigestProgress> {
    change(|state| state.store.digest(msg_caller(), key, &slice(DIGEST_INSTRUCTIONS)))
});

method!(update for check_gateway: fn blob_delete(key: BlobKey) -> Result<DeleteProgress> {
    change(|state| state.store.delete(msg_caller(), key, &slice(DELETE_INSTRUCTIONS)))
});

// ---- reading blobs -----------------------------------------------------------------------------

method!(query for check_gateway: fn blob_meta(key: BlobKey) -> Result<StoredBlob> {
    with_state(|state| state.store.meta(key))
});

method!(query for check_gateway: fn blob_read_chunk(key: BlobKey, index: u32) -> Result<ByteBuf> {
    with_state(|state| state.store.read_chunk(key, index)).map(ByteBuf::from)
});

method!(query in place for check_gateway: fn blob_read_range(
    key: BlobKey,
    offset: u64,
    length: u64,
) -> Result<ByteBuf> {
    with_state(|state| {
        let store = &state.store;
        store.read_range(key, offset, length, reply::begin_blob)
    })
});

// ---- moving blobs between stores ---------------------------------------------------------------

method!(update for check_gateway: fn blob_share(
    key: BlobKey,
    with: Principal,
) -> Result<SharedBlob> {
    Err(Error::NotImplemented(format!("sharing {key:?} with {with}")))
});

method!(query in place for check_gateway: fn blob_read_shared(
    key: BlobKey,
    offset: u64,
    length: u64,
) -> Result<ByteBuf> {
    with_state(|state| {
        let store = &state.store;
        store.read_range(key, offset, length, reply::begin_blob)
    })
});

method!(update for check_gateway: async fn blob_pull(
    key: BlobKey,
    source: Principal,
    blob: SharedBlob,
) -> Result<PullProgress> {
    Err(Error::NotImplemented(format!("pulling {key:?} from {source}: {blob:?}")))
});

// ---- background work ---------------------------------------------------------------------------

/// Asks for a turn of background work while there is any.
fn ask_for_work() {
    if is_short_of_room() || with_state(|state| state.store.can_copy() || state.is_checking()) {
        background::ask(work);
    }
}

/// Grows stable memory ahead, and copies a slice of the blobs in schema version 1. Does a slice of
/// a check when there is nothing to copy: a trap of one must not undo the other.
async fn work() -> Next {
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

// ---- gateways and settings ---------------------------------------------------------------------

method!(update for check_canister_controller: fn gateways_register(
    gateway: Principal,
) -> Result<()> {
    with_state(|state| state.gateways.register(gateway))
});

method!(update for check_canister_controller: fn gateways_unregister(
    gateway: Principal,
) -> Result<()> {
    with_state(|state| state.gateways.unregister(gateway));
    Ok(())
});

method!(query for check_canister_controller: fn gateways_list() -> Result<Vec<Principal>> {
    Ok(with_state(|state| state.gateways.list()))
});

method!(update for check_canister_controller with room_for_blobs: fn gateways_transfer(
    from: Principal,
    to: Principal,
) -> Result<()> {
    change(|state| state.gateways_transfer(from, to))
});

method!(query for check_canister_controller: fn gateways_transfers(
) -> Result<Vec<GatewayTransfer>> {
    Ok(with_state(|state| state.store.owners.transfers()))
});

method!(update for check_canister_controller: fn configure(args: BlobStoreArgs) -> Result<()> {
    change(|state| state.configure(args))
});

method!(update for check_canister_controller: fn check_begin(options: CheckOptions) -> Result<()> {
    with_state(|state| state.check_begin(options, time()))?;
    background::ask_anew(work);
    Ok(())
});

method!(update for check_canister_controller: fn check_end() -> Result<()> {
    change(|state| state.check_end());
    Ok(())
});

method!(query for check_canister_controller: fn check_status() -> Result<Option<CheckStatus>> {
    Ok(with_state(|state| state.check_status()))
});

fn check_gateway_or_controller(caller: Principal) -> Result<()> {
    check_canister_controller(caller).or_else(|_| check_gateway(caller))
}

// It is no query, so that it can ask for background work.
method!(update for check_gateway_or_controller: async fn store_status() -> Result<StoreStatus> {
    ask_for_work();
    let reserve = growth::reserve().await;
    let cycles = canister_cycle_balance();
    Ok(with_state(|state| state.status(NO_ROOM.get(), cycles, reserve)))
});

// ---- metrics -----------------------------------------------------------------------------------

#[query(hidden = true, decode_with = "std::convert::identity")]
fn http_request(message: Vec<u8>) -> HttpResponse {
    #[candid::candid_method(query)]
    fn http_request(request: HttpRequest) -> HttpResponse {
        http::serve_metrics(&request, time(), |encoder| {
            http::encode_platform(encoder, "blob_store")?;
            with_state(|state| state.encode_metrics(encoder))
        })
    }
    http::answer(&message, http_request)
}

// It exports the methods above it only.
#[cfg(test)]
candid::export_service!();
