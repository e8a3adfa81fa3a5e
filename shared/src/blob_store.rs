//! The interface of `blob_store`.
//!
//! Only registered gateways may call it, and canister controllers for administration.
//!
//! | method | kind | arguments | result |
//! | --- | --- | --- | --- |
//! | `blob_open` | update | `(BlobKey)` | `Result<()>` |
//! | `blob_release` | update | `(BlobKey)` | `Result<()>` |
//! | `blob_put_chunk` | update | `(BlobKey, nat32 index, blob bytes)` | `Result<()>` |
//! | `blob_seal` | update | `(BlobKey, nat32 chunk_count, nat64 total_bytes)` | `Result<()>` |
//! | `blob_digest` | update | `(BlobKey)` | `Result<DigestProgress>` |
//! | `blob_delete` | update | `(BlobKey)` | `Result<DeleteProgress>` |
//! | `blob_meta` | query | `(BlobKey)` | `Result<StoredBlob>` |
//! | `blob_read_chunk` | query | `(BlobKey, nat32 index)` | `Result<blob>` |
//! | `blob_read_range` | query | `(BlobKey, nat64 offset, nat64 length)` | `Result<blob>` |
//! | `gateways_register` | update, controllers | `(principal)` | `Result<()>` |
//! | `gateways_unregister` | update, controllers | `(principal)` | `Result<()>` |
//! | `gateways_list` | query, controllers | `()` | `Result<vec principal>` |
//!
//! Every update is idempotent. These calls are `Ok`:
//!
//! - `blob_open` by the same gateway, while the blob is open and empty;
//! - `blob_release` for a blob that doesn't exist, holds chunks or is another gateway's (it stays);
//! - `blob_put_chunk` with the same bytes;
//! - `blob_seal` with the same numbers;
//! - `blob_delete` for a blob that doesn't exist.
//!
//! The first bytes of an index stay. Other bytes are `Conflict`, and nothing overwrites them.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The argument of install and upgrade; `null` changes nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct BlobStoreArgs {
    /// Adds gateways that may call. `gateways_unregister` removes one.
    pub gateways: Option<Vec<Principal>>,
}

/// Facts about a blob that the store has without reading a chunk.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// The gateway that opened the blob, the only one that may write to it.
    pub gateway: Principal,
    /// Bytes of all stored chunks.
    pub bytes: u64,
    /// The number of stored chunks.
    pub chunk_count: u32,
    /// Whether the blob is complete and takes no further chunk.
    pub sealed: bool,
}

/// The progress of hashing a blob; repeat the call until it is done.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum DigestProgress {
    /// The SHA-256 of the whole blob, 32 bytes.
    Done(ByteBuf),
    /// `bytes` of the `of` stored bytes are hashed.
    Hashed { bytes: u64, of: u64 },
}

/// The progress of deleting a blob. A large blob takes several calls.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteProgress {
    /// Nothing of the blob is left.
    Done,
    /// The number of chunks that are still there; repeat the call.
    Remaining(u32),
}
