//! The upload interface: what frontends send and receive.
//!
//! Everything here is frozen, except the answer of `uploads_status` and `uploads_list`.

use crate::limits::MAX_CHUNK_BYTES;
use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The sizes that `upload_config` advises, all in bytes.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct UploadConfig {
    /// The largest file that a client may send inline.
    pub inline_max: u32,
    /// The length of each chunk but the last.
    pub chunk_size: u32,
    /// The most inline bytes of one capsule.
    pub inline_budget_per_capsule: u32,
}

/// The advice of the frozen interface.
impl Default for UploadConfig {
    fn default() -> Self {
        Self {
            inline_max: 32_768,
            chunk_size: MAX_CHUNK_BYTES as u32,
            inline_budget_per_capsule: 32_768,
        }
    }
}

/// The storage that holds a file. The gateway always answers `Icp`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageBackend {
    S3,
    Icp,
    VercelBlob,
    Ipfs,
    Arweave,
}

/// The result of a finished upload.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct UploadFinishResult {
    pub memory_id: String,
    /// `blob_{decimal}`, the locator for reading.
    pub blob_id: String,
    /// Always `null`: no other storage has the file.
    pub remote_id: Option<String>,
    /// Bytes of the file.
    pub size: u64,
    /// SHA-256 of the whole file, 32 bytes.
    pub checksum_sha256: Option<ByteBuf>,
    pub storage_backend: StorageBackend,
    /// `icp://blob/blob_{decimal}`.
    pub storage_location: String,
    /// Nanoseconds since 1970.
    pub uploaded_at: u64,
    /// Always `null`: a memory stays until it is deleted.
    pub expires_at: Option<u64>,
}

/// The answer of `blob_get_meta`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobMeta {
    /// Bytes of the blob.
    pub size: u64,
    /// The number of chunks to read.
    pub chunk_count: u32,
}

/// The state of an upload.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadState {
    /// The upload takes chunks and waits for its finish.
    Pending,
    /// The finish has passed the checks, and the gateway carries it on by itself.
    Finishing,
    /// The upload is a memory.
    Committed,
}

/// Chunk indexes from `first` to `last`, both included.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRange {
    pub first: u32,
    pub last: u32,
}

/// Everything that a client needs to resume an upload: the answer of `uploads_status`, and one
/// entry of `uploads_list`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    pub session_id: u64,
    pub capsule_id: String,
    pub name: String,
    pub idempotency_key: String,
    pub state: UploadState,
    /// The declared size in bytes; 0 means not declared.
    pub declared_bytes: u64,
    /// Bytes of all chunks that arrived.
    pub received_bytes: u64,
    /// Bytes of each chunk but the last; 0 while no chunk has fixed it.
    pub chunk_size: u32,
    pub expected_chunks: u32,
    /// The chunks to send. A chunk in flight is still among them.
    pub missing_chunks: Vec<ChunkRange>,
    /// Nanoseconds since 1970.
    pub created_at: u64,
    /// Nanoseconds since 1970.
    pub last_activity_at: u64,
    /// Nanoseconds since 1970. A pending upload without further activity expires then, and the
    /// record of a committed one is dropped. `null` while the upload is finishing.
    pub expires_at: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frontends were built for these numbers.
    #[test]
    fn the_frozen_advice() {
        let advice = UploadConfig {
            inline_max: 32_768,
            chunk_size: 1_800_000,
            inline_budget_per_capsule: 32_768,
        };
        assert_eq!(UploadConfig::default(), advice);
    }
}
