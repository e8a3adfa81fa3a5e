//! The blob store: keeps the bytes of files in stable memory for its registered gateways.
//!
//! This file has endpoints only; the operations are in `blob`. None of them awaits, so each is
//! atomic. Only room for what they store is made before them, in a message of its own.

mod blob;
mod chunks;
mod extents;
mod metrics;
mod migration;
mod regions;
mod state;
#[cfg(test)]
mod tests;
mod totals;

use crate::blob::delete::DELETE_INSTRUCTIONS;
use crate::blob::digest::DIGEST_INSTRUCTIONS;
use crate::blob::slice::{SLICE_CHUNKS, Slice};
use crate::regions::ROOM;
use crate::state::State;
use candid::Principal;
use canister_common::args::decode;
use canister_common::funds::check_own_funds;
use canister_common::growth::{self, grow_at_install, make_room, refuse_upgrade_while_growing};
use canister_common::http::{self, HttpRequest, HttpResponse};
use canister_common::inspection::inspect_ingress;
use canister_common::{check_canister_controller, method, reply};
use capsule_shared::blob_store::{
    BlobStoreArgs, Declared, DeleteProgress, DigestProgress, StoredBlob,
};
use capsule_shared::{BlobKey, Result};
use ic_cdk::api::{msg_caller, performance_counter, time};
use ic_cdk::{init, inspect_message, post_upgrade, pre_upgrade, query, update};
use ic_stable_structures::DefaultMemoryImpl;
use serde_bytes::{ByteArray, ByteBuf, Bytes};
use std::cell::RefCell;

thread_local! {
    static STATE: RefCell<State<DefaultMemoryImpl>> =
        RefCell::new(State::open(DefaultMemoryImpl::default()));
}

fn with_state<T>(f: impl FnOnce(&mut State<DefaultMemoryImpl>) -> T) -> T {
    STATE.with_borrow_mut(f)
}

/// The callers that may read and write blobs.
fn check_gateway(caller: Principal) -> Result<()> {
    with_state(|state| state.gateways.check(caller))
}

/// Makes room for a new blob or chunk; see `growth`.
async fn room_for_blobs() -> Result<bool> {
    let inside = with_state(|state| state.store.room_bytes());
    make_room("the blob store", ROOM, inside).await
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
}

#[post_upgrade]
fn post_upgrade(args: Option<BlobStoreArgs>) {
    // The gateway that was in force stays, whatever the arguments add.
    with_state(|state| state.gateways.register_named());
    start(args);
}

fn start(args: Option<BlobStoreArgs>) {
    let gateways = args.and_then(|args| args.gateways);
    if let Err(error) = with_state(|state| state.gateways.configure(gateways)) {
        ic_cdk::api::trap(format!("the gateways can't be registered: {error}"));
    }
}

/// The canister calls itself; see `growth`.
#[update(hidden = true)]
fn grow_stable_memory() -> Result<()> {
    growth::grow(msg_caller(), ROOM)
}

// ---- writing blobs -----------------------------------------------------------------------------

method!(update for check_gateway with room_for_blobs: fn blob_open(
    key: BlobKey,
    declared: Option<Declared>,
) -> Result<()> {
    check_own_funds("the blob store")?;
    with_state(|state| state.store.open_blob(msg_caller(), key, declared))
});

method!(update for check_gateway: fn blob_release(key: BlobKey) -> Result<()> {
    with_state(|state| state.store.release(msg_caller(), key))
});

method!(update for check_gateway with room_for_blobs: fn blob_put_chunk(
    key: BlobKey,
    index: u32,
    bytes: &Bytes,
) -> Result<()> {
    check_own_funds("the blob store")?;
    with_state(|state| state.store.put(msg_caller(), key, index, bytes))
});

method!(update for check_gateway: fn blob_seal(
    key: BlobKey,
    chunk_count: u32,
    total_bytes: u64,
    sha256: Option<ByteArray<32>>,
) -> Result<()> {
    with_state(|state| state.store.seal(msg_caller(), key, chunk_count, total_bytes, sha256.map(ByteArray::into_array)))
});

method!(update for check_gateway: fn blob_digest(key: BlobKey) -> Result<DigestProgress> {
    with_state(|state| state.store.digest(msg_caller(), key, &slice(DIGEST_INSTRUCTIONS)))
});

method!(update for check_gateway: fn blob_delete(key: BlobKey) -> Result<DeleteProgress> {
    with_state(|state| state.store.delete(msg_caller(), key, &slice(DELETE_INSTRUCTIONS)))
});

// ---- reading blobs -----------------------------------------------------------------------------

method!(query for check_gateway: fn blob_meta(key: BlobKey) -> Result<StoredBlob> {
    with_state(|state| state.store.meta(key))
});

method!(query for check_gateway: fn blob_read_chunk(key: BlobKey, index: u32) -> Result<ByteBuf> {
    with_state(|state| state.store.read_chunk(key, index)).map(ByteBuf::from)
});

/// Writes its reply itself, without a further copy of the bytes. `blob_read_range_type` declares
/// its Candid type.
#[query(
    hidden = true,
    decode_with = "std::convert::identity",
    encode_with = "reply::encode_blob"
)]
fn blob_read_range(message: Vec<u8>) -> Result<Vec<u8>> {
    check_gateway(msg_caller())?;
    let (key, offset, length): (BlobKey, u64, u64) = decode(&message)?;
    with_state(|state| {
        state
            .store
            .read_range(key, offset, length, reply::begin_blob)
    })
}

#[cfg(test)]
#[candid::candid_method(query, rename = "blob_read_range")]
#[expect(dead_code, reason = "it only declares a Candid type")]
fn blob_read_range_type(_key: BlobKey, _offset: u64, _length: u64) -> Result<ByteBuf> {
    unreachable!("BUG: it only declares a Candid type")
}

// ---- gateways ----------------------------------------------------------------------------------

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
