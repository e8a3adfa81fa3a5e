//! The interface of `memory_index`. Only registered gateways and controllers may call it; a gateway passes on the
//! principal of its caller (`who` below), whose rights decide.
//!
//! | method | kind | arguments | result |
//! | --- | --- | --- | --- |
//! | `capsule_create` | update | `(principal who, opt PersonRef subject)` | `Result<Capsule>` |
//! | `capsule_read` | query | `(principal who, opt text capsule_id)` | `Result<CapsuleInfo>` |
//! | `capsule_add_controller`, `capsule_remove_controller` | update | `(principal who, text capsule_id, principal controller)` | `Result<Capsule>` |
//! | `capsule_list` | query | `(principal who)` | `Result<vec CapsuleHeader>` |
//! | `capsule_usage` | query | `(principal who, text capsule_id)` | `Result<CapsuleUsage>`: the right to write, checked |
//! | `memory_commit` | update | `(MemoryCommit)` | `Result<Memory>`; the same again for the same gateway and session |
//! | `memory_list` | query | `(principal who, text capsule_id, opt text cursor, opt nat32 limit)` | `Result<MemoryPage>` |
//! | `memory_read` | query | `(principal who, text memory_id)` | `Result<Memory>` |
//! | `memory_delete` | update | `(principal who, text memory_id)` | `Result<Memory>`: what was deleted |
//! | `blob_locate` | query | `(principal who, BlobId)` | `Result<BlobPlace>`: the right to read, checked |
//! | `gateways_register`, `gateways_unregister` | update, controllers | `(principal)` | `Result<()>` |
//! | `gateways_list` | query, controllers | `()` | `Result<vec principal>` |

use crate::asset::AssetMetadata;
use crate::keys::{BlobId, BlobKey};
use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The argument of install and upgrade; `null` changes nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct MemoryIndexArgs {
    /// Who may call; given at an upgrade, it replaces the list.
    pub gateways: Option<Vec<Principal>>,
}

/// What a capsule holds, for the limits that the gateway keeps.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapsuleUsage {
    pub stored_bytes: u64,
    pub memory_count: u64,
}

/// Where the bytes of a memory lie.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct BlobPlace {
    /// The blob store.
    pub store: Principal,
    pub key: BlobKey,
    pub blob_id: BlobId,
    pub size: u64,
    pub chunk_count: u32,
}

/// A finished upload, on its way into the index.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct MemoryCommit {
    /// Who uploaded it; the right to write is checked again.
    pub who: Principal,
    pub capsule_id: String,
    /// With the calling gateway's principal it names the upload: the same again returns the same memory.
    pub session_id: u64,
    pub metadata: AssetMetadata,
    pub place: BlobPlace,
    /// SHA-256 of the whole file.
    pub sha256: ByteBuf,
}

/// One committed upload. Times are nanoseconds since 1970.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Memory {
    pub id: String,
    pub capsule_id: String,
    pub uploaded_by: Principal,
    pub uploaded_at: u64,
    pub metadata: AssetMetadata,
    pub place: BlobPlace,
    pub sha256: ByteBuf,
    /// The gateway that committed it, and its session: the only gateway that can delete the blob.
    pub gateway: Principal,
    pub session_id: u64,
}

/// A memory in a list.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct MemoryHeader {
    pub id: String,
    pub name: String,
    pub mime_type: String,
    pub size: u64,
    pub sha256: ByteBuf,
    pub blob_id: String,
    pub uploaded_by: Principal,
    pub uploaded_at: u64,
}

/// A page of memories, oldest first. `next` is the cursor of the following page, if there is one.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct MemoryPage {
    pub memories: Vec<MemoryHeader>,
    pub next: Option<String>,
}
