//! The blob store: keeps the bytes of files in stable memory for its registered gateways.
//!
//! This file has endpoints only; the operations are in `blob`. None of them awaits, so each is
//! atomic. Only room for what they store is made before them, in a message of its own; `blob_pull`
//! also asks another store before.

mod blob;
mod canister;
mod check;
mod chunks;
mod extents;
mod metrics;
mod migration;
mod pull;
mod regions;
mod shares;
mod state;
mod status;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod totals;
mod work;

use crate::blob::delete::DELETE_INSTRUCTIONS;
use crate::blob::digest::DIGEST_INSTRUCTIONS;
use crate::canister::{check_gateway, room, room_for_blobs, slice, with_state};
use crate::regions::ROOM;
use crate::shares::check_other_store;
use crate::work::{ask_for_work, change, ended_without_room, work};
use candid::Principal;
use canister_background as background;
use canister_common::funds::check_own_funds;
use canister_common::growth::{self, grow_at_install};
use canister_common::http::{self, HttpRequest, HttpResponse};
use canister_common::inspection::inspect_ingress;
use canister_common::open_calls::refuse_upgrade_while_calling;
use canister_common::{check_canister_controller, method, reply};
use capsule_shared::blob_store::{
    BlobStoreArgs, CheckOptions, CheckStatus, Declared, DeleteProgress, DigestProgress,
    PullProgress, SharedBlob, StoreStatus, StoredBlob,
};
use capsule_shared::operators::GatewayTransfer;
use capsule_shared::{BlobKey, Result};
use ic_cdk::api::{canister_cycle_balance, canister_self, msg_caller, time};
use ic_cdk::{init, inspect_message, post_upgrade, pre_upgrade, query, update};
use serde_bytes::{ByteArray, ByteBuf, Bytes};

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
    refuse_upgrade_while_calling();
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
    change(|state| state.delete(msg_caller(), key, &slice(DELETE_INSTRUCTIONS)))
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
    check_other_store("with", with, canister_self())?;
    with_state(|state| state.share(msg_caller(), key, with))
});

/// The callers that may read some blob, for `blob_read_shared`. It refuses all others before it
/// decodes what they sent.
fn check_reader(caller: Principal) -> Result<()> {
    with_state(|state| state.shares.check_reader(caller))
}

method!(query in place for check_reader: fn blob_read_shared(
    key: BlobKey,
    offset: u64,
    length: u64,
) -> Result<ByteBuf> {
    with_state(|state| {
        state.read_shared(msg_caller(), key, offset, length, reply::begin_blob)
    })
});

method!(update for check_gateway: async fn blob_pull(
    key: BlobKey,
    source: Principal,
    blob: SharedBlob,
) -> Result<PullProgress> {
    check_other_store("source", source, canister_self())?;
    pull::pull(msg_caller(), key, source, &blob).await
});

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
    Ok(with_state(|state| state.status(ended_without_room(), cycles, reserve)))
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
