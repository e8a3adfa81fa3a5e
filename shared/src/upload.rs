//! The upload interface: what frontends send and get; all of it frozen but what `uploads_status` tells.

use crate::limits::MAX_CHUNK_BYTES;
use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// What `upload_config` advises. All in bytes.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct UploadConfig {
    pub inline_max: u32,
    pub chunk_size: u32,
    pub inline_budget_per_capsule: u32,
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self {
            inline_max: 32_768,
            chunk_size: MAX_CHUNK_BYTES as u32,
            inline_budget_per_capsule: 32_768,
        }
    }
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageBackend {
    S3,
    Icp,
    VercelBlob,
    Ipfs,
    Arweave,
}

/// The result of a finished upload. Times are nanoseconds since 1970, sizes bytes.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct UploadFinishResult {
    pub memory_id: String,
    pub blob_id: String,
    pub remote_id: Option<String>,
    pub size: u64,
    pub checksum_sha256: Option<ByteBuf>,
    pub storage_backend: StorageBackend,
    pub storage_location: String,
    pub uploaded_at: u64,
    pub expires_at: Option<u64>,
}

/// What `blob_get_meta` tells: bytes, and how many chunks to read.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobMeta {
    pub size: u64,
    pub chunk_count: u32,
}

/// Where an upload stands.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadState {
    /// Takes chunks, and waits for its finish.
    Pending,
    /// Its finish has passed the checks and goes on by itself.
    Finishing,
    Committed,
}

/// Chunk indexes from `first` to `last`, both included.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRange {
    pub first: u32,
    pub last: u32,
}

/// What `uploads_status` tells, and `uploads_list` of each: enough to go on with an upload. Times are nanoseconds since
/// 1970, sizes bytes.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    pub session_id: u64,
    pub capsule_id: String,
    pub name: String,
    pub idempotency_key: String,
    pub state: UploadState,
    /// 0: not declared.
    pub declared_bytes: u64,
    pub received_bytes: u64,
    /// The length of every chunk but the last; 0 while no chunk has fixed it.
    pub chunk_size: u32,
    pub expected_chunks: u32,
    /// What is to be sent; a chunk that is on its way just now is among them.
    pub missing_chunks: Vec<ChunkRange>,
    pub created_at: u64,
    pub last_activity_at: u64,
    /// When a pending upload expires unless its owner is heard of before, or the record of a committed one is
    /// dropped; `null` while it is finishing.
    pub expires_at: Option<u64>,
}
