//! Answers to operators and their jobs: which memories lie in which store, which have to be purged,
//! which were taken down, and which gateways handed over.

use crate::memory_index::BlobPlace;
use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// A memory whose blob lies in a store.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StoreMemory {
    pub id: String,
    /// The gateway that committed it. This never changes.
    pub gateway: Principal,
    /// That gateway's upload session.
    pub session_id: u64,
    /// The gateway that owns it now, the only one that can relocate it.
    pub owner: Principal,
    pub place: BlobPlace,
    /// SHA-256 of the whole file, 32 bytes.
    pub sha256: ByteBuf,
    /// Whether it is in the trash, from where it may come back.
    pub in_trash: bool,
    /// Whether it was taken down. Its owner purges it soon.
    pub taken_down: bool,
}

/// A page of the memories in a store, in the order of upload.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StorePage {
    pub memories: Vec<StoreMemory>,
    /// The cursor of the next page; `null` on the last one.
    pub next: Option<String>,
}

/// The memories in a store, the trash included.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreUse {
    pub store: Principal,
    pub memories: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

/// A page of the stores that have memories. A store that isn't in any page has none.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StoreUsePage {
    pub stores: Vec<StoreUse>,
    /// The cursor of the next page; `null` on the last one.
    pub next: Option<Principal>,
}

/// A memory that its owner has to purge.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct MemoryDue {
    /// The gateway that committed it.
    pub gateway: Principal,
    /// Since when it is due, in nanoseconds since 1970. `memory_expire` takes it.
    pub purge_at: u64,
    pub memory_id: String,
    pub place: BlobPlace,
}

/// The place behind a memory that was due, whether it is still there or not.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct DueCursor {
    pub gateway: Principal,
    pub purge_at: u64,
    pub memory_id: String,
}

/// A page of memories that are due. Those of one committing gateway come together, the longest due
/// first.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct DuePage {
    pub memories: Vec<MemoryDue>,
    /// The cursor of the next page; `null` on the last one.
    pub next: Option<DueCursor>,
}

/// A memory that a canister controller took down. The entry stays when the memory is purged.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Takedown {
    pub memory_id: String,
    pub capsule_id: String,
    pub uploaded_by: Principal,
    /// SHA-256 of the whole file, 32 bytes.
    pub sha256: ByteBuf,
    /// The gateway that committed it.
    pub gateway: Principal,
    /// That gateway's upload session.
    pub session_id: u64,
    /// The gateway that owns it now and has to delete its bytes.
    pub owner: Principal,
    /// Nanoseconds since 1970. The memory is due since then.
    pub taken_down_at: u64,
    /// The canister controller who did it.
    pub taken_down_by: Principal,
    /// When its owner took it out of the index, in nanoseconds since 1970; `null` before. The bytes
    /// in the store are deleted next.
    pub purged_at: Option<u64>,
}

/// A page of takedowns, in the order of upload.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct TakedownPage {
    pub takedowns: Vec<Takedown>,
    /// The cursor of the next page; `null` on the last one.
    pub next: Option<String>,
}

/// A gateway that handed over to another one, in the index or in a store.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayTransfer {
    /// The gateway that stored the memories or blobs, or still does.
    pub from: Principal,
    /// The gateway that owns them.
    pub to: Principal,
}
