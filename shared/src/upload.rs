//! The frozen upload interface: what frontends send and get.

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
