//! The upload gateway: the only canister that frontends must know. This file has the endpoints,
//! and each of them delegates to the service.

mod config;
mod failure;
mod peers;
mod regions;
mod runtime;
mod session;
mod timer;
mod upload;
mod wire;

use crate::regions::StableMemory;
use crate::runtime::IcRuntime;
use crate::upload::admission::Ingress;
use crate::upload::service::UploadService;
use crate::upload::types::{BeginArgs, SessionId};
use crate::wire::PutChunk;
use candid::Principal;
use canister_common::args;
use canister_common::growth::{self, grow_at_install, make_room};
use canister_common::http::{self, HttpRequest, HttpResponse};
use canister_common::open_calls::refuse_upgrade_while_calling;
use canister_common::{check_canister_controller, method};
use capsule_shared::Result;
use capsule_shared::asset::AssetMetadata;
use capsule_shared::capsule::{Capsule, CapsuleHeader, CapsuleInfo, PersonRef};
use capsule_shared::gateway::{ConfigureReport, GatewayArgs, GatewayConfig};
use capsule_shared::memory_index::{Memory, MemoryHeader, MemoryPage, TrashPage};
use capsule_shared::principals::{PrincipalPage, SessionHolder};
use capsule_shared::stores::{StoreEntry, StoreState};
use capsule_shared::upload::{BlobMeta, UploadConfig, UploadFinishResult, UploadStatus};
use ic_cdk::api::{accept_message, is_controller, msg_arg_data, msg_caller, msg_method_name};
use ic_cdk::{init, inspect_message, post_upgrade, pre_upgrade, query, update};
use ic_stable_structures::DefaultMemoryImpl;
use serde_bytes::ByteBuf;
use std::marker::PhantomData;

thread_local! {
    static SERVICE: UploadService<StableMemory, IcRuntime> =
        UploadService::new(regions::Regions::open(DefaultMemoryImpl::default()), IcRuntime);
}

fn service() -> UploadService<StableMemory, IcRuntime> {
    SERVICE.with(Clone::clone)
}

/// `Unauthorized` if the caller is blocked, or anonymous where that isn't allowed.
fn check_updates(caller: Principal) -> Result<()> {
    Ok(service().check_updates(caller)?)
}

// ---- life of the canister -----------------------------------------------------------------------

#[init]
fn init(args: Option<GatewayArgs>) {
    start(service().installed(args.unwrap_or_default()));
    grow_at_install(regions::ROOM);
}

/// Refuses an upgrade while calls are open, because their callbacks would run on a new heap. It
/// saves nothing: all state is in stable memory.
#[pre_upgrade]
fn pre_upgrade() {
    let open = service().open_calls();
    if open > 0 {
        ic_cdk::api::trap(format!(
            "the upgrade is refused: {open} calls to other canisters are open, expected 0; \
             stop the canister, install, start it"
        ));
    }
    refuse_upgrade_while_calling();
}

#[inspect_message]
fn inspect_message() {
    let caller = msg_caller();
    let ingress = Ingress {
        caller,
        is_controller: is_controller(&caller),
        method: msg_method_name(),
        arg: msg_arg_data(),
    };
    if service().admits(ingress) {
        accept_message();
    }
}

#[post_upgrade]
fn post_upgrade(args: Option<GatewayArgs>) {
    start(service().configure(args.unwrap_or_default()));
}

/// Ends an install or an upgrade whose settings are wrong. Nothing has changed then.
fn start(configured: failure::Result<()>) {
    if let Err(error) = configured {
        ic_cdk::api::trap(error.to_string());
    }
}

#[unsafe(export_name = "canister_global_timer")]
extern "C" fn global_timer() {
    timer::run(async { service().tick().await });
}

/// Makes room for new uploads and chunks; see `growth`.
async fn room_for_uploads() -> Result<bool> {
    make_room("the gateway", regions::ROOM, 0).await
}

/// The canister calls itself; see `growth`.
#[update(hidden = true)]
fn grow_stable_memory() -> Result<()> {
    growth::grow(msg_caller(), regions::ROOM)
}

method!(update for check_canister_controller: fn configure(args: GatewayArgs) -> Result<()> {
    Ok(service().configure(args)?)
});

method!(query for check_canister_controller: fn configure_check(
    args: GatewayArgs
) -> Result<ConfigureReport> {
    Ok(service().configure_check(args)?)
});

method!(query for check_canister_controller: fn configuration() -> Result<GatewayConfig> {
    Ok(service().configuration())
});

// ---- stores -------------------------------------------------------------------------------------

method!(query for check_canister_controller: fn stores_list() -> Result<Vec<StoreEntry>> {
    Ok(service().stores())
});

method!(update for check_canister_controller: async fn stores_add(store: Principal) -> Result<()> {
    Ok(service().add_store(store).await?)
});

method!(update for check_canister_controller: fn stores_remove(store: Principal) -> Result<()> {
    service().remove_store(store);
    Ok(())
});

method!(update for check_canister_controller: fn stores_set_state(
    store: Principal,
    state: StoreState
) -> Result<()> {
    Ok(service().set_store_state(store, state)?)
});

method!(update for check_canister_controller: fn stores_set_capacity(
    store: Principal,
    capacity_bytes: Option<u64>
) -> Result<()> {
    Ok(service().set_store_capacity(store, capacity_bytes)?)
});

method!(update for check_canister_controller: async fn stores_retire(
    store: Principal
) -> Result<()> {
    Ok(service().retire_store(store).await?)
});

// ---- uploads (frozen) ---------------------------------------------------------------------------

#[query]
fn upload_config() -> UploadConfig {
    UploadConfig::default()
}

method!(update: async fn uploads_begin(
    capsule_id: String,
    metadata: AssetMetadata,
    expected_chunks: u32,
    idem: String
) -> Result<u64> {
    let args = BeginArgs {
        capsule_id,
        metadata,
        expected_chunks,
        idem,
    };
    let caller = msg_caller();
    room_for_uploads().await?;
    let id = service().begin(caller, args).await?;
    Ok(id.0)
});

/// Reads its message itself, with room in front, so that it never copies the chunk.
/// `uploads_put_chunk_type` declares its Candid type.
#[update(hidden = true)]
async fn uploads_put_chunk() -> Result<()> {
    let caller = msg_caller();
    let put = PutChunk::decode(args::message_behind(PutChunk::ROOM))?;
    room_for_uploads().await?;
    Ok(service().put_chunk(caller, put).await?)
}

#[cfg(test)]
#[candid::candid_method(update, rename = "uploads_put_chunk")]
#[expect(dead_code, reason = "it only declares a Candid type")]
fn uploads_put_chunk_type(_session_id: u64, _chunk_index: u32, _bytes: ByteBuf) -> Result<()> {
    unreachable!("BUG: it only declares a Candid type")
}

method!(update for check_updates: async fn uploads_finish(
    session_id: u64,
    sha256: ByteBuf,
    total_len: u64
) -> Result<UploadFinishResult> {
    let id = SessionId(session_id);
    Ok(service().finish(msg_caller(), id, &sha256, total_len).await?)
});

method!(update for check_updates: fn uploads_abort(session_id: u64) -> Result<()> {
    Ok(service().abort(msg_caller(), SessionId(session_id))?)
});

// ---- resuming -----------------------------------------------------------------------------------

method!(query: fn uploads_status(session_id: u64) -> Result<UploadStatus> {
    Ok(service().status(msg_caller(), SessionId(session_id))?)
});

method!(query: fn uploads_list() -> Result<Vec<UploadStatus>> {
    Ok(service().list(msg_caller())?)
});

// ---- blobs --------------------------------------------------------------------------------------

method!(composite_query: async fn blob_get_meta(locator: String) -> Result<BlobMeta> {
    Ok(service().blob_meta(msg_caller(), &locator).await?)
});

method!(composite_query in place: async fn blob_read(locator: String) -> Result<ByteBuf> {
    let reply = service().blob_whole(msg_caller(), &locator).await?;
    Ok(reply.into_message())
});

method!(composite_query in place: async fn blob_read_chunk(
    locator: String,
    chunk_index: u32
) -> Result<ByteBuf> {
    let reply = service().blob_chunk(msg_caller(), &locator, chunk_index).await?;
    Ok(reply.into_message())
});

method!(composite_query in place: async fn blob_read_range(
    locator: String,
    offset: u64,
    length: u64
) -> Result<ByteBuf> {
    let reply = service().blob_range(msg_caller(), &locator, offset, length).await?;
    Ok(reply.into_message())
});

// ---- metrics ------------------------------------------------------------------------------------

#[query(hidden = true, decode_with = "std::convert::identity")]
fn http_request(message: Vec<u8>) -> HttpResponse {
    #[candid::candid_method(query)]
    fn http_request(request: HttpRequest) -> HttpResponse {
        http::serve_metrics(&request, ic_cdk::api::time(), |encoder| {
            http::encode_platform(encoder, "upload_gateway")?;
            service().encode_metrics(encoder)
        })
    }
    http::answer(&message, http_request)
}

// ---- sessions -----------------------------------------------------------------------------------

method!(query: fn sessions_stats() -> Result<String> {
    Ok(service().sessions_stats())
});

method!(query: fn sessions_list() -> Result<String> {
    let caller = msg_caller();
    Ok(service().sessions_list(caller, is_controller(&caller)))
});

method!(update for check_canister_controller: fn sessions_cleanup_expired() -> Result<String> {
    Ok(service().cleanup_expired())
});

method!(query for check_canister_controller: fn sessions_holders() -> Result<Vec<SessionHolder>> {
    Ok(service().session_holders())
});

method!(update for check_canister_controller: fn sessions_end(
    session_ids: Vec<u64>
) -> Result<Vec<u64>> {
    Ok(service().end_sessions(&session_ids)?)
});

// ---- principals ---------------------------------------------------------------------------------

method!(update for check_canister_controller: fn principals_add(
    principals: Vec<Principal>
) -> Result<()> {
    Ok(service().list_principals(&principals, true)?)
});

method!(update for check_canister_controller: fn principals_remove(
    principals: Vec<Principal>
) -> Result<()> {
    Ok(service().list_principals(&principals, false)?)
});

method!(update for check_canister_controller: fn principals_block(
    principals: Vec<Principal>
) -> Result<u32> {
    Ok(service().block_principals(&principals)?)
});

method!(update for check_canister_controller: fn principals_unblock(
    principals: Vec<Principal>
) -> Result<()> {
    Ok(service().unblock_principals(&principals)?)
});

method!(query for check_canister_controller: fn principals_list(
    cursor: Option<Principal>
) -> Result<PrincipalPage> {
    Ok(service().principals(cursor))
});

/// Exists in debug builds only, and in no interface description.
#[cfg(debug_assertions)]
#[query(hidden = true)]
fn debug_session_stats() -> upload::status::DebugSessionStats {
    service().debug_session_stats()
}

// ---- capsules and memories ----------------------------------------------------------------------

method!(update for check_updates: async fn capsules_create(
    subject: Option<PersonRef>
) -> Result<Capsule> {
    Ok(service().create_capsule(msg_caller(), subject).await?)
});

method!(composite_query: async fn capsules_read_basic(
    capsule_id: Option<String>
) -> Result<CapsuleInfo> {
    Ok(service().read_capsule(msg_caller(), capsule_id).await?)
});

method!(update for check_updates: async fn capsules_add_controller(
    capsule_id: String,
    controller: Principal
) -> Result<Capsule> {
    Ok(service().add_controller(msg_caller(), &capsule_id, controller).await?)
});

method!(update for check_updates: async fn capsules_remove_controller(
    capsule_id: String,
    controller: Principal
) -> Result<Capsule> {
    Ok(service().remove_controller(msg_caller(), &capsule_id, controller).await?)
});

method!(update for check_updates: async fn capsules_leave(capsule_id: String) -> Result<()> {
    Ok(service().leave_capsule(msg_caller(), &capsule_id).await?)
});

/// Rejects the call if it fails, because the frozen result has no room for an error.
#[query(composite = true, manual_reply = true)]
async fn capsules_list() -> PhantomData<Vec<CapsuleHeader>> {
    match service().list_capsules(msg_caller()).await {
        Ok(list) => ic_cdk::api::msg_reply(candid::encode_one(list).expect("BUG: Candid")),
        Err(error) => ic_cdk::api::msg_reject(error.to_string()),
    }
    PhantomData
}

method!(composite_query: async fn memories_list(
    capsule_id: String,
    cursor: Option<String>,
    limit: Option<u32>,
    newest_first: Option<bool>
) -> Result<MemoryPage> {
    Ok(service()
        .list_memories(msg_caller(), &capsule_id, cursor, limit, newest_first)
        .await?)
});

method!(composite_query: async fn memories_find(
    capsule_id: String,
    sha256: ByteBuf
) -> Result<Vec<MemoryHeader>> {
    Ok(service().find_memories(msg_caller(), &capsule_id, &sha256).await?)
});

method!(composite_query: async fn memories_read(memory_id: String) -> Result<Memory> {
    Ok(service().read_memory(msg_caller(), &memory_id).await?)
});

method!(update for check_updates: async fn memories_read_certified(
    memory_id: String
) -> Result<Memory> {
    Ok(service().read_memory_certified(msg_caller(), &memory_id).await?)
});

method!(update for check_updates: async fn memories_delete(memory_id: String) -> Result<()> {
    Ok(service().delete_memory(msg_caller(), memory_id).await?)
});

method!(composite_query: async fn memories_trash(
    capsule_id: String,
    cursor: Option<String>,
    limit: Option<u32>
) -> Result<TrashPage> {
    Ok(service()
        .list_trash(msg_caller(), &capsule_id, cursor, limit)
        .await?)
});

method!(update for check_updates: async fn memories_restore(memory_id: String) -> Result<()> {
    Ok(service().restore_memory(msg_caller(), memory_id).await?)
});

method!(update for check_updates: async fn memories_purge(memory_id: String) -> Result<()> {
    Ok(service().purge_memory(msg_caller(), memory_id).await?)
});

// This macro knows only the methods above it.
#[cfg(test)]
candid::export_service!();
#[cfg(test)]
mod interface;
#[cfg(test)]
mod layering;
