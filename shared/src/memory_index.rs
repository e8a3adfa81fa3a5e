//! The interface of `memory_index`. [`crate::operators`] has the types of the methods for
//! operators.
//!
//! Only registered gateways and canister controllers may call it. A gateway passes on the principal
//! of its caller as `who`, and the rights of `who` decide.
//!
//! | method | kind | arguments | result |
//! | --- | --- | --- | --- |
//! | `capsule_create` | update | `(who, opt PersonRef, opt nat32)` | `Result<Capsule>` |
//! | `capsule_read` | query | `(who, opt text capsule_id)` | `Result<CapsuleInfo>` |
//! | `capsule_add_controller` | update | `(who, capsule_id, controller)` | `Result<Capsule>` |
//! | `capsule_remove_controller` | update | `(who, capsule_id, controller)` | `Result<Capsule>` |
//! | `capsule_list` | query | `(who)` | `Result<vec CapsuleHeader>` |
//! | `capsule_usage` | query | `(who, capsule_id)` | `Result<CapsuleUsage>` |
//! | `memory_commit` | update | `(MemoryCommit)` | `Result<Memory>` |
//! | `memory_list` | query | `(who, text, opt text, opt nat32, opt bool)` | `Result<MemoryPage>` |
//! | `memory_read` | query | `(who, memory_id)` | `Result<Memory>` |
//! | `memory_find` | query | `(who, memory_id)` | `Result<MemoryFound>` |
//! | `memory_find_sha256` | query | `(who, capsule_id, blob)` | `Result<vec MemoryHeader>` |
//! | `memory_delete` | update | `(who, memory_id)` | `Result<Memory>` |
//! | `memory_trash` | update | `(who, memory_id, nat64 purge_at)` | `Result<Trash>` |
//! | `memory_restore` | update | `(who, memory_id)` | `Result<()>` |
//! | `memory_expire` | update | `(memory_id, nat64 purge_at)` | `Result<MemoryHead>` |
//! | `memory_trash_list` | query | `(who, capsule_id, opt text, opt nat32)` | `Result<TrashPage>` |
//! | `blob_locate` | query | `(who, BlobId)` | `Result<BlobPlace>` |
//! | `memory_relocate` | update | `(memory_id, from, to)` | `Result<()>` |
//! | `memories_of_store` | query | `(store, opt text, opt nat32)` | `Result<StorePage>` |
//! | `stores_of_memories` | query | `(opt principal, opt nat32)` | `Result<StoreUsePage>` |
//! | `memories_due` | query | `(opt gateway, opt DueCursor, opt nat32)` | `Result<DuePage>` |
//! | `memory_takedown` | update, controllers | `(memory_id)` | `Result<Takedown>` |
//! | `takedowns_list` | query, controllers | `(opt text, opt nat32)` | `Result<TakedownPage>` |
//! | `gateways_transfer` | update, controllers | `(from, to)` | `Result<()>` |
//! | `gateways_transfers` | query, controllers | `()` | `Result<vec GatewayTransfer>` |
//! | `gateways_register` | update, controllers | `(principal)` | `Result<()>` |
//! | `gateways_unregister` | update, controllers | `(principal)` | `Result<()>` |
//! | `gateways_list` | query, controllers | `()` | `Result<vec principal>` |
//!
//! `who`, `controller`, `store`, `gateway`, `from` and `to` are principals unless another type is
//! named. `capsule_id` and `memory_id` are texts.
//!
//! - Each answer to a gateway has a second value, a `bool`: whether the index knows the gateway. So
//!   `Unauthorized` for the gateway can't be taken for a refusal of `who`.
//! - `capsule_create` takes the subject, and the most capsules that `who` may have made.
//! - `capsule_usage` checks the right to write and that there is room for one more memory.
//! - `blob_locate` checks the right to read.
//! - `memory_commit` returns the same memory again for the same gateway and session.
//! - `memory_list` takes a capsule, a cursor, the most memories of the page, and whether the newest
//!   come first.
//! - `memory_find_sha256` returns the memories of a file in a capsule, the newest first.
//! - `memory_read`, `memory_list`, `memory_find_sha256` and `blob_locate` know no memory in the
//!   trash.
//! - `memory_find` is `memory_read` that knows it.
//! - `memory_delete` deletes for good, in the trash or not, and returns the memory.
//! - `memory_trash` returns when the memory goes; a memory in the trash keeps its time.
//! - `memory_expire` deletes a memory whose time in the trash is over; nobody's right counts.
//! - Only the gateway that owns a memory changes it. It is the one that committed it, or the one to
//!   which `gateways_transfer` handed its memories over.
//! - `memory_relocate` notes that the bytes lie in the store `to` now, if they were in `from`.
//! - `memories_of_store` and `stores_of_memories` count the trash, because its bytes lie there.
//! - `memories_due` names memories that their owner has to purge with `memory_expire`: their time
//!   in the trash is over, or they were taken down. A gateway asks for itself only, with `null` or
//!   its id.
//! - `memory_takedown` hides a memory from everybody at once; its owner purges it.

use crate::asset::{AssetMetadata, AssetType};
use crate::keys::{BlobId, BlobKey};
use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The argument of install and upgrade; `null` changes nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct MemoryIndexArgs {
    /// Adds gateways that may call. `gateways_unregister` removes one.
    pub gateways: Option<Vec<Principal>>,
}

/// The use of a capsule; the gateway checks its limits against it.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapsuleUsage {
    /// Bytes of all its memories.
    pub stored_bytes: u64,
    pub memory_count: u64,
}

/// Where the bytes of a memory are.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct BlobPlace {
    /// The blob store that holds them.
    pub store: Principal,
    pub key: BlobKey,
    pub blob_id: BlobId,
    /// Bytes of the blob.
    pub size: u64,
    pub chunk_count: u32,
}

/// A finished upload on its way into the index.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct MemoryCommit {
    /// The uploader, whose right to write the index checks again.
    pub who: Principal,
    pub capsule_id: String,
    /// Identifies the upload, together with the calling gateway. The same pair returns the same
    /// memory.
    pub session_id: u64,
    pub metadata: AssetMetadata,
    pub place: BlobPlace,
    /// SHA-256 of the whole file, 32 bytes.
    pub sha256: ByteBuf,
}

/// One committed upload.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Memory {
    pub id: String,
    pub capsule_id: String,
    pub uploaded_by: Principal,
    /// Nanoseconds since 1970.
    pub uploaded_at: u64,
    pub metadata: AssetMetadata,
    pub place: BlobPlace,
    /// SHA-256 of the whole file, 32 bytes.
    pub sha256: ByteBuf,
    /// The gateway that committed the upload. This never changes, also if another one owns it.
    pub gateway: Principal,
    /// The session of that gateway.
    pub session_id: u64,
}

/// A memory as an entry of a list.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct MemoryHeader {
    pub id: String,
    pub name: String,
    pub mime_type: String,
    /// Bytes of the file.
    pub size: u64,
    /// SHA-256 of the whole file, 32 bytes.
    pub sha256: ByteBuf,
    /// `blob_{decimal}`, the locator for reading.
    pub blob_id: String,
    pub uploaded_by: Principal,
    /// Nanoseconds since 1970.
    pub uploaded_at: u64,
    /// From the metadata. This field and all below are `null` from an index of release 0.1.0.
    pub asset_type: Option<AssetType>,
    /// When the file was made, from the metadata, in nanoseconds since 1970; `null` if they say 0.
    pub created_at: Option<u64>,
    /// The `storage_key` of the metadata.
    pub path: Option<String>,
    /// SHA-256 of the file that this one comes from, in 64 hexadecimal digits. It is the rest of
    /// the first tag `parent:<64 digits>` in the metadata, in lower case.
    pub parent: Option<String>,
}

/// A page of memories.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct MemoryPage {
    pub memories: Vec<MemoryHeader>,
    /// The cursor of the next page; `null` on the last one.
    pub next: Option<String>,
    /// Whether the newest memories come first. `null` from an index or a gateway of release 0.1.0,
    /// which list the oldest first, whatever was asked for.
    pub newest_first: Option<bool>,
}

/// Since when a memory is in the trash, and until when.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trash {
    /// Nanoseconds since 1970.
    pub trashed_at: u64,
    pub trashed_by: Principal,
    /// When it is deleted for good, in nanoseconds since 1970. Only restoring it changes this.
    pub purge_at: u64,
}

/// The part of a [`Memory`] that a gateway works with. Candid reads it from a whole memory, too.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct MemoryHead {
    pub id: String,
    pub capsule_id: String,
    /// Nanoseconds since 1970.
    pub uploaded_at: u64,
    pub place: BlobPlace,
    /// SHA-256 of the whole file, 32 bytes.
    pub sha256: ByteBuf,
    /// The gateway that committed the memory. This never changes.
    pub gateway: Principal,
    /// That gateway's upload session.
    pub session_id: u64,
    /// The gateway that owns the memory now, the only one that can change it. `null` in a whole
    /// memory and from an older index, which doesn't tell it.
    pub owner: Option<Principal>,
}

impl From<Memory> for MemoryHead {
    fn from(memory: Memory) -> Self {
        MemoryHead {
            id: memory.id,
            capsule_id: memory.capsule_id,
            uploaded_at: memory.uploaded_at,
            place: memory.place,
            sha256: memory.sha256,
            gateway: memory.gateway,
            session_id: memory.session_id,
            owner: None,
        }
    }
}

/// A memory, in the trash or not.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct MemoryFound {
    pub memory: MemoryHead,
    /// `null` unless it is in the trash.
    pub trash: Option<Trash>,
}

/// A memory in the trash as an entry of a list.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct TrashedMemory {
    pub memory: MemoryHeader,
    pub trash: Trash,
}

/// A page of the trash, in the order of upload.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct TrashPage {
    pub memories: Vec<TrashedMemory>,
    /// The cursor of the next page; `null` on the last one.
    pub next: Option<String>,
}
