//! An upload's own types. The session types are re-exported: there is one of each.

pub use crate::session::begin::Begin;
pub use crate::session::chunks::ChunkAdmission;
pub use crate::session::reservations::{BeginReservation, ChunkReservation, FinishGuard};
pub use crate::session::types::{ByteSink, SessionId, SessionMeta, SessionSpec, SessionStatus};

use crate::failure::{Failure, Result};
use candid::{CandidType, Principal};
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::{candid_record, storable};
use capsule_shared::BlobKey;
use capsule_shared::asset::AssetMetadata;
use capsule_shared::keys::pmid_session_hash32;
use capsule_shared::upload::UploadFinishResult;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The arguments of `uploads_begin`.
pub struct BeginArgs {
    pub capsule_id: String,
    pub metadata: AssetMetadata,
    pub expected_chunks: u32,
    pub idem: String,
}

/// An upload's own data, from begin to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadMeta {
    pub capsule_id: String,
    /// Made once, at begin. Every key of the upload comes from this stored value.
    pub pmid_stem: String,
    /// The blob store that holds the chunks.
    pub store: Principal,
    /// The index that makes the memory. Records of release 0.1.0 name none; see
    /// `State::index_of`.
    pub index: Option<Principal>,
    /// The metadata as Candid: every chunk reads it, and only the finish decodes it.
    metadata: Vec<u8>,
}

impl UploadMeta {
    pub fn new(
        capsule_id: String,
        pmid_stem: String,
        store: Principal,
        index: Principal,
        metadata: &AssetMetadata,
    ) -> Self {
        UploadMeta {
            capsule_id,
            pmid_stem,
            store,
            index: Some(index),
            metadata: candid::encode_one(metadata).expect("BUG: Candid can't write metadata"),
        }
    }

    pub fn metadata(&self) -> AssetMetadata {
        candid::decode_one(&self.metadata).expect("BUG: Candid can't read stored metadata")
    }

    /// Where the upload's bytes are in its store.
    pub fn key(&self, id: SessionId) -> BlobKey {
        pmid_session_hash32(&self.pmid_stem, id.0)
    }
}

/// Layout, version 2: index, store, capsule id, stem, metadata as Candid. Version 1, of release
/// 0.1.0, lacks the index. The upload interface freezes the metadata's type, so it can't grow.
impl Record for UploadMeta {
    const VERSION: u8 = 2;

    fn write(&self, fields: Writer) -> Writer {
        let index = self.index.as_ref().map_or(&[][..], Principal::as_slice);
        fields
            .blob(index)
            .blob(self.store.as_slice())
            .blob(self.capsule_id.as_bytes())
            .blob(self.pmid_stem.as_bytes())
            .blob(&self.metadata)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        let index = match version {
            1 => None,
            // The empty principal is no canister: it stands for none.
            2 => Some(fields.principal()).filter(|index| !index.as_slice().is_empty()),
            other => unknown(other),
        };
        UploadMeta {
            index,
            store: fields.principal(),
            capsule_id: fields.text(),
            pmid_stem: fields.text(),
            metadata: fields.blob().to_vec(),
        }
    }
}

storable!(UploadMeta);

/// A job in the queue: when it is due (nanoseconds since 1970), and its sequence number.
pub type JobId = (u64, u64);

/// A finish that passed its checks, and its result once there is one. The upload interface freezes
/// the result's type, so it can't grow.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct FinishRecord {
    /// SHA-256 of the whole file: the caller's value, which the gateway verified.
    pub sha256: ByteBuf,
    /// Bytes of the whole file.
    pub total_len: u64,
    pub result: Option<UploadFinishResult>,
    /// The job that carries it on while there is no result. `None` in records of release 0.1.0,
    /// too, whose job finds nothing to do after the commit.
    pub job: Option<JobId>,
}

candid_record!(FinishRecord, version = 1);

impl FinishRecord {
    /// Fails unless a repeated finish has the same arguments.
    pub fn check_same(&self, sha256: &[u8], total_len: u64) -> Result<()> {
        if self.sha256 != sha256 {
            return Err(checksum_mismatch(&self.sha256, sha256));
        }
        if self.total_len != total_len {
            return Err(Failure::invalid(format!(
                "total_len is {total_len}, expected {} as received",
                self.total_len
            )));
        }
        Ok(())
    }
}

pub fn checksum_mismatch(received: &[u8], given: &[u8]) -> Failure {
    Failure::ChecksumMismatch {
        received: received.to_vec(),
        given: given.to_vec(),
    }
}

/// A memory that its owner wants deleted. The record stays for a day after the deletion, so that a
/// repeated call succeeds.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The caller who wants it. The index checks the right.
    pub who: Principal,
    pub session_id: u64,
    pub store: Principal,
    pub key: BlobKey,
    /// Whether the index has deleted the memory.
    pub done: bool,
    /// The index that has the memory. Records of release 0.1.0 name none; see
    /// `State::index_of`.
    pub index: Option<Principal>,
}

/// Layout, version 2: Candid. Version 1, of release 0.1.0, lacks the index.
impl Record for Deletion {
    const VERSION: u8 = 2;

    fn write(&self, fields: Writer) -> Writer {
        fields.candid(self)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        match version {
            1 | 2 => fields.candid(),
            other => unknown(other),
        }
    }
}

storable!(Deletion);

/// A memory that a caller wants in the trash. The index wasn't asked yet, or its answer is missing.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Trashing {
    /// The caller who wants it. The index checks the right.
    pub who: Principal,
    /// The index that has the memory.
    pub index: Principal,
    pub session_id: u64,
    pub store: Principal,
    pub key: BlobKey,
    /// Until when, in nanoseconds since 1970.
    pub purge_at: u64,
}

candid_record!(Trashing, version = 1);

/// Separates the memory id from the index in a deletion's key. Memory ids don't contain it.
pub const SEPARATOR: char = '@';

/// The memory that the deletion with this key deletes.
pub fn memory_of(key: &str) -> &str {
    key.split_once(SEPARATOR).map_or(key, |(memory, _)| memory)
}
