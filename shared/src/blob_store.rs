//! The interface of `blob_store`, which only registered gateways (and, for administration, controllers) may call.
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
//! | `gateways_register`, `gateways_unregister` | update, controllers | `(principal)` | `Result<()>` |
//! | `gateways_list` | query, controllers | `()` | `Result<vec principal>` |
//!
//! Every update may be repeated: opening again what the same gateway opened and put nothing into, releasing what is empty or not there, putting the same bytes again, sealing
//! with the same numbers again, deleting what isn't there are all `Ok`. The first bytes of an index stay: other bytes
//! are `Conflict`, and nothing overwrites them.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The argument of install and upgrade; `null` changes nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct BlobStoreArgs {
    /// Who may call; given at an upgrade, it replaces the list.
    pub gateways: Option<Vec<Principal>>,
}

/// What the store knows of a blob without reading a chunk.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// The gateway that opened it, the only one that may write to it.
    pub gateway: Principal,
    /// Bytes of all chunks that are stored.
    pub bytes: u64,
    /// How many chunks are stored.
    pub chunk_count: u32,
    pub sealed: bool,
}

/// How far the hash of a blob is, in bytes; ask again until it is done.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum DigestProgress {
    Done(ByteBuf),
    Hashed { bytes: u64, of: u64 },
}

/// Deleting a large blob takes several calls.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteProgress {
    Done,
    /// Chunks that are still there; call again.
    Remaining(u32),
}
