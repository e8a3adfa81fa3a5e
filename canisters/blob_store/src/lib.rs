//! The blob store: keeps the bytes of files in stable memory for its registered gateways. This file is the canister's
//! interface; the rules are in `store` and `slices`. Nothing awaits, so every message is atomic.

mod chunk_set;
mod chunks;
mod record;
mod regions;
mod slices;
mod store;
#[cfg(test)]
mod tests;
mod totals;

use crate::regions::Regions;
use crate::slices::{DELETE_INSTRUCTIONS, DIGEST_INSTRUCTIONS, SLICE_CHUNKS, Slice};
use crate::store::BlobStore;
use crate::totals::{CAPACITY_BYTES, Totals};
use candid::Principal;
use canister_common::funds::check_own_funds;
use canister_common::gateways::Gateways;
use canister_common::http::{self, Encoder, HttpRequest, HttpResponse};
use canister_common::{check_canister_controller, gateway_of_environment, method};
use capsule_shared::blob_store::{BlobStoreArgs, DeleteProgress, DigestProgress, StoredBlob};
use capsule_shared::{BlobKey, Result};
use ic_cdk::api::{msg_caller, performance_counter, time};
use ic_stable_structures::memory_manager::VirtualMemory;
use ic_stable_structures::{DefaultMemoryImpl, Memory};
use serde_bytes::{ByteBuf, Bytes};
use std::cell::RefCell;
use std::io;

/// Everything that the canister knows; all of it lies in stable memory.
pub struct State<M: Memory> {
    pub store: BlobStore<M>,
    pub gateways: Gateways<VirtualMemory<M>>,
}

impl<M: Memory> State<M> {
    pub fn open(memory: M) -> Self {
        Self::over(Regions::open(memory))
    }

    fn over(memories: Regions<M>) -> Self {
        let (store, gateways) = BlobStore::open(memories);
        Self {
            store,
            gateways: Gateways::open(gateways),
        }
    }
}

impl<M: Memory> State<M> {
    fn encode_metrics(&self, encoder: &mut Encoder) -> io::Result<()> {
        // Taken apart, so that whoever adds a field decides what to tell of it.
        let State { store, gateways } = self;
        let Totals {
            blobs,
            chunks,
            bytes,
        } = store.totals();
        for (name, value, help) in [
            (
                "blobs",
                blobs,
                "Blobs, those that are being deleted included.",
            ),
            ("chunks", chunks, "Chunks."),
            ("bytes", bytes, "Bytes of all chunks."),
            (
                "capacity_bytes",
                CAPACITY_BYTES,
                "Bytes that the store takes.",
            ),
            ("gateways", gateways.count(), "Registered gateways."),
        ] {
            encoder.encode_gauge(&format!("blob_store_{name}"), value as f64, help)?;
        }
        Ok(())
    }
}

thread_local! {
    static STATE: RefCell<State<DefaultMemoryImpl>> =
        RefCell::new(State::open(DefaultMemoryImpl::default()));
}

fn with_state<T>(f: impl FnOnce(&mut State<DefaultMemoryImpl>) -> T) -> T {
    STATE.with_borrow_mut(f)
}

fn is_gateway(caller: Principal) -> Result<()> {
    with_state(|state| state.gateways.check(caller, gateway_of_environment))
}

fn configure(args: Option<BlobStoreArgs>) {
    if let Some(gateways) = args.and_then(|args| args.gateways) {
        with_state(|state| state.gateways.replace(&gateways))
            .unwrap_or_else(|e| ic_cdk::trap(format!("the gateways were refused: {e}")));
    }
}

#[ic_cdk::init]
fn init(args: Option<BlobStoreArgs>) {
    configure(args);
}

#[ic_cdk::inspect_message]
fn inspect_message() {
    canister_common::inspection::inspect_ingress(is_gateway);
}

#[ic_cdk::post_upgrade]
fn post_upgrade(args: Option<BlobStoreArgs>) {
    configure(args);
}

method!(update for is_gateway: fn blob_open(key: BlobKey) -> Result<()> {
    check_own_funds("the blob store")?;
    with_state(|state| state.store.open_blob(msg_caller(), key))
});

method!(update for is_gateway: fn blob_release(key: BlobKey) -> Result<()> {
    with_state(|state| state.store.release(msg_caller(), key))
});

method!(update for is_gateway: fn blob_put_chunk(key: BlobKey, index: u32, bytes: &Bytes) -> Result<()> {
    check_own_funds("the blob store")?;
    with_state(|state| state.store.put(msg_caller(), key, index, bytes))
});

method!(update for is_gateway: fn blob_seal(key: BlobKey, chunk_count: u32, total_bytes: u64) -> Result<()> {
    with_state(|state| state.store.seal(msg_caller(), key, chunk_count, total_bytes))
});

method!(update for is_gateway: fn blob_digest(key: BlobKey) -> Result<DigestProgress> {
    with_state(|state| state.store.digest(msg_caller(), key, &slice(DIGEST_INSTRUCTIONS)))
});

method!(update for is_gateway: fn blob_delete(key: BlobKey) -> Result<DeleteProgress> {
    with_state(|state| state.store.delete(msg_caller(), key, &slice(DELETE_INSTRUCTIONS)))
});

method!(query for is_gateway: fn blob_meta(key: BlobKey) -> Result<StoredBlob> {
    with_state(|state| state.store.meta(key))
});

method!(query for is_gateway: fn blob_read_chunk(key: BlobKey, index: u32) -> Result<ByteBuf> {
    with_state(|state| state.store.read_chunk(key, index)).map(ByteBuf::from)
});

method!(update for check_canister_controller: fn gateways_register(gateway: Principal) -> Result<()> {
    with_state(|state| state.gateways.register(gateway))
});

method!(update for check_canister_controller: fn gateways_unregister(gateway: Principal) -> Result<()> {
    with_state(|state| state.gateways.unregister(gateway));
    Ok(())
});

method!(query for check_canister_controller: fn gateways_list() -> Result<Vec<Principal>> {
    Ok(with_state(|state| state.gateways.list()))
});

#[ic_cdk::query(hidden = true, decode_with = "std::convert::identity")]
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

fn slice(instructions: u64) -> Slice<'static> {
    Slice {
        used: &|| performance_counter(0),
        instructions,
        chunks: SLICE_CHUNKS,
    }
}

candid::export_service!();

/// The interface as Candid text, made from the code.
pub fn candid_interface() -> String {
    __export_service()
}
