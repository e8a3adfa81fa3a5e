//! The interface of `blob_store`.
//!
//! Only registered gateways may call it, and canister controllers for administration.
//!
//! | method | kind | arguments | result |
//! | --- | --- | --- | --- |
//! | `blob_open` | update | `(BlobKey, opt Declared)` | `Result<()>` |
//! | `blob_release` | update | `(BlobKey)` | `Result<()>` |
//! | `blob_put_chunk` | update | `(BlobKey, nat32 index, blob bytes)` | `Result<()>` |
//! | `blob_seal` | update | `(BlobKey, nat32 chunks, nat64 bytes, opt blob)` | `Result<()>` |
//! | `blob_digest` | update | `(BlobKey)` | `Result<DigestProgress>` |
//! | `blob_delete` | update | `(BlobKey)` | `Result<DeleteProgress>` |
//! | `blob_share` | update | `(BlobKey, principal with)` | `Result<SharedBlob>` |
//! | `blob_pull` | update | `(BlobKey, principal source, SharedBlob)` | `Result<PullProgress>` |
//! | `blob_meta` | query | `(BlobKey)` | `Result<StoredBlob>` |
//! | `blob_read_chunk` | query | `(BlobKey, nat32 index)` | `Result<blob>` |
//! | `blob_read_range` | query | `(BlobKey, nat64 offset, nat64 length)` | `Result<blob>` |
//! | `blob_read_shared` | query, stores | `(BlobKey, nat64, nat64)` | `Result<blob>` |
//! | `store_status` | update | `()` | `Result<StoreStatus>` |
//! | `configure` | update, controllers | `(BlobStoreArgs)` | `Result<()>` |
//! | `check_begin` | update, controllers | `(CheckOptions)` | `Result<()>` |
//! | `check_end` | update, controllers | `()` | `Result<()>` |
//! | `check_status` | query, controllers | `()` | `Result<opt CheckStatus>` |
//! | `gateways_register` | update, controllers | `(principal)` | `Result<()>` |
//! | `gateways_unregister` | update, controllers | `(principal)` | `Result<()>` |
//! | `gateways_list` | query, controllers | `()` | `Result<vec principal>` |
//! | `gateways_transfer` | update, controllers | `(from, to)` | `Result<()>` |
//! | `gateways_transfers` | query, controllers | `()` | `Result<vec GatewayTransfer>` |
//!
//! Every update is idempotent. These calls are `Ok`:
//!
//! - `blob_open` by the same gateway, while the blob is open and empty;
//! - `blob_release` for a blob that doesn't exist, holds chunks or is another gateway's (it stays);
//! - `blob_put_chunk` with the same bytes;
//! - `blob_seal` with the same numbers;
//! - `blob_share` with the same store, any number of times;
//! - `blob_pull` for a blob whose chunks are all here, sealed or not;
//! - `blob_delete` for a blob that doesn't exist.
//!
//! A blob belongs to the gateway that opened it, or to the one that `gateways_transfer` handed that
//! gateway's blobs over to. The others may read it, and can't change it.
//!
//! A gateway that moves a blob opens it in the new store, shares it from the old one, and calls
//! `blob_pull` of the new one until it is done. Then it seals the copy, compares its digest, and
//! deletes the original.
//!
//! The first bytes of an index stay. Other bytes are `Conflict`, and nothing overwrites them.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The argument of install and upgrade; `null` changes nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct BlobStoreArgs {
    /// Adds gateways that may call. `gateways_unregister` removes one.
    pub gateways: Option<Vec<Principal>>,
    /// The most bytes that blobs may take; see [`LEAST_CAPACITY_BYTES`] and
    /// [`MOST_CAPACITY_BYTES`]. A store that holds more already takes nothing new.
    pub capacity_bytes: Option<u64>,
}

/// The capacity of a store that was given none: 150 GiB.
pub const DEFAULT_CAPACITY_BYTES: u64 = 150 << 30;

/// The least capacity that a store can be given: 64 MiB.
pub const LEAST_CAPACITY_BYTES: u64 = 64 << 20;

/// The most capacity that a store can be given: 450 GiB. It is the 500 GiB of stable memory that
/// the platform gives a canister, less a tenth for records.
pub const MOST_CAPACITY_BYTES: u64 = 450 << 30;

/// The version of the layout that new blobs get, `StoreStatus::schema`. Gateways of this release
/// know no newer one.
pub const STORE_SCHEMA: u32 = 2;

/// The facts that a gateway knows about a blob before its first chunk.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The bytes that the uploader announced. More or fewer may come.
    pub bytes: u64,
    /// Whether the gateway knows the uploader. Promises to the others are together at most a
    /// hundredth of the free space.
    pub known: bool,
}

/// The contents of a store, and the room in it.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    /// The version of the layout that new blobs get.
    pub schema: u32,
    pub blobs: u64,
    pub chunks: u64,
    /// Bytes of all stored chunks.
    pub bytes: u64,
    /// Bytes that they take, in whole blocks.
    pub allocated_bytes: u64,
    /// Bytes that open blobs announced and that are kept free for them.
    pub promised_bytes: u64,
    /// Bytes that a new blob can have.
    pub free_bytes: u64,
    pub capacity_bytes: u64,
    pub migration: MigrationStatus,
    /// Cycles, including those below the freezing threshold.
    pub cycles: u128,
    /// `null` until the store asked the platform.
    pub reserve: Option<StoreReserve>,
}

/// Cycles that the platform keeps for storage.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StoreReserve {
    pub cycles: u128,
    /// Growth that would need more is refused.
    pub limit_cycles: u128,
}

/// How far blobs of schema version 1 are copied.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum MigrationStatus {
    /// The store never had schema version 1.
    Nothing,
    /// These are left in it.
    Copying {
        chunks: u64,
        bytes: u64,
        /// Blobs that can't be copied, because a chunk is missing or has another length than it
        /// should. They stay readable where they are.
        kept: u32,
        /// The key of the first of them.
        first_kept: Option<ByteBuf>,
        /// The last attempt found no room for the copies, or too few cycles to begin.
        no_room: bool,
    },
    /// All are copied.
    Done,
}

/// Facts about a blob that the store has without reading a chunk.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// The gateway that opened the blob. This never changes.
    pub gateway: Principal,
    /// The gateway that owns it now, the only one that may change it. `null` in answers of stores
    /// of release 0.1.0, where it is the same.
    pub owner: Option<Principal>,
    /// Bytes of all stored chunks.
    pub bytes: u64,
    /// The number of stored chunks.
    pub chunk_count: u32,
    /// Whether the blob is complete and takes no further chunk.
    pub sealed: bool,
}

/// A sealed blob that its store shares with another store, as `blob_share` answers it.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedBlob {
    /// Bytes of all chunks.
    pub bytes: u64,
    pub chunk_count: u32,
    /// Bytes of each chunk but the last, which has as many or fewer.
    pub chunk_bytes: u32,
}

/// The progress of pulling a blob from another store; repeat the call until it is done.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullProgress {
    /// The bytes from the first missing chunk on, which are still to come.
    Remaining(u64),
    /// All chunks are here. The pull doesn't seal them.
    Done,
    /// The source doesn't share the blob with this store. It forgets its shares in an upgrade, and
    /// the oldest beyond [`MAX_SHARES`]. Share the blob again, then go on.
    NotShared,
}

/// The most shares that a store remembers.
pub const MAX_SHARES: usize = 1_000;

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

/// Work of a check beside looking at the store's records.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// Mends totals, and lists of free blocks if every blob is whole. Records and bytes of blobs
    /// are never changed.
    pub repair: bool,
    /// Hashes all sealed blobs as well. It takes about 76 cycles a byte, 8 T for 100 GB.
    pub contents: bool,
}

/// A check that runs, or the last one. It takes many messages, while the store serves.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CheckStatus {
    pub options: CheckOptions,
    /// When it began, in nanoseconds since 1970.
    pub begun_at: u64,
    pub stage: CheckStage,
    /// Blobs whose blocks were looked at.
    pub blobs: u64,
    /// Blobs that were hashed, and their bytes.
    pub hashed_blobs: u64,
    pub hashed_bytes: u64,
    /// Sealed blobs whose record has no SHA-256 to compare with.
    pub without_sha256: u64,
    /// Faults, including those that were mended.
    pub faults: u64,
    /// Those that were mended.
    pub mended: u64,
    /// The first [`MAX_FAULTS_TOLD`] faults.
    pub first_faults: Vec<StoreFault>,
}

/// The most faults that a check tells one by one.
pub const MAX_FAULTS_TOLD: usize = 50;

/// How far a check is.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckStage {
    /// Counts the blocks of all blobs, and compares lists of free blocks and totals with them.
    Space,
    /// Hashes sealed blobs.
    Contents,
    /// Nothing is left to look at.
    Done,
    /// A controller ended it.
    Ended,
}

/// A fault that a check found.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StoreFault {
    pub kind: FaultKind,
    /// Whether the check mended it.
    pub mended: bool,
    /// The key of the blob, 32 bytes, if it is the fault of one.
    pub key: Option<ByteBuf>,
    /// The fault that was found, and what was expected.
    pub text: String,
}

/// The kinds of faults. Those of blobs are never mended.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Blocks belong to a file that no blob has.
    Orphan,
    /// A block belongs to two files.
    Twice,
    /// Blocks lie outside of the store's regions.
    Outside,
    /// A run of blocks is empty, or covers blocks of its file that another run has.
    Run,
    /// A stored chunk has no block.
    Missing,
    /// The blob id of a blob isn't listed.
    BlobId,
    /// The lists of free blocks are wrong.
    Free,
    /// A total is wrong.
    Total,
    /// The bytes of a sealed blob have another SHA-256 than its record, or can't be read.
    Sha256,
}
