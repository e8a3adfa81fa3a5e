//! What an upload has beyond its session. The session types are re-exported: there is one of each.

pub use crate::session::types::{ByteSink, SessionId, SessionMeta, SessionSpec, SessionStatus};

use crate::codec::{Reader, Writer, storable_binary, storable_candid};
use candid::{CandidType, Principal};
use capsule_shared::asset::AssetMetadata;
use capsule_shared::keys::pmid_session_hash32;
use capsule_shared::upload::UploadFinishResult;
use capsule_shared::{BlobKey, Error, Result};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// An upload's own data, from begin to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadMeta {
    pub capsule_id: String,
    /// Made once, at begin; every key comes from this stored value.
    pub pmid_stem: String,
    /// The blob store that holds the chunks.
    pub store: Principal,
    /// The metadata as Candid: read with every chunk, decoded only at finish.
    metadata: Vec<u8>,
}

impl UploadMeta {
    pub fn new(
        capsule_id: String,
        pmid_stem: String,
        store: Principal,
        metadata: &AssetMetadata,
    ) -> Self {
        UploadMeta {
            capsule_id,
            pmid_stem,
            store,
            metadata: candid::encode_one(metadata).expect("BUG: metadata that Candid can't write"),
        }
    }

    pub fn metadata(&self) -> AssetMetadata {
        candid::decode_one(&self.metadata).expect("BUG: metadata that Candid can't read")
    }

    pub fn key(&self, id: SessionId) -> BlobKey {
        pmid_session_hash32(&self.pmid_stem, id.0)
    }

    /// Layout, version 1: store, capsule id, stem, metadata as Candid.
    fn encode(&self) -> Vec<u8> {
        Writer::new(1)
            .blob(self.store.as_slice())
            .blob(self.capsule_id.as_bytes())
            .blob(self.pmid_stem.as_bytes())
            .blob(&self.metadata)
            .finish()
    }

    fn decode(bytes: &[u8]) -> Self {
        let mut r = Reader::new(bytes, 1);
        UploadMeta {
            store: r.principal(),
            capsule_id: r.text(),
            pmid_stem: r.text(),
            metadata: r.blob().to_vec(),
        }
    }
}

storable_binary!(UploadMeta);

/// A finish that has passed its checks, and its result once there is one.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct FinishRecord {
    /// SHA-256 of the whole file, as given and as verified.
    pub sha256: ByteBuf,
    pub total_len: u64,
    pub result: Option<UploadFinishResult>,
}

storable_candid!(FinishRecord, 1u8);

impl FinishRecord {
    /// Whether a repeated finish is the same one.
    pub fn check_same(&self, sha256: &[u8], total_len: u64) -> Result<()> {
        if self.sha256 != sha256 {
            return Err(checksum_mismatch(&self.sha256, sha256));
        }
        if self.total_len != total_len {
            return Err(Error::invalid(format!(
                "total_len is {total_len}, expected {} as received",
                self.total_len
            )));
        }
        Ok(())
    }
}

pub fn checksum_mismatch(received: &[u8], given: &[u8]) -> Error {
    Error::invalid(format!(
        "checksum_mismatch: the received bytes have SHA-256 {}, expected {} as given",
        hex(received),
        hex(given)
    ))
}

/// A memory that its owner wants deleted; kept some time after, so that a repeated call finds it done.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Who asked; the index checks the right.
    pub who: Principal,
    pub session_id: u64,
    pub store: Principal,
    pub key: BlobKey,
    /// Whether the index has deleted it.
    pub done: bool,
}

storable_candid!(Deletion, 1u8);

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
