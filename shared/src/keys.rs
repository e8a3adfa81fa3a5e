//! Keys and ids (frozen): how an upload is named in the blob store.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The stem of every key of one upload: `"{capsule_id}#{name}"`.
///
/// Called once, when the upload begins; readers use the stored value.
pub fn pmid_stem(capsule_id: &str, name: &str) -> String {
    format!("{capsule_id}#{name}")
}

/// `SHA-256(utf8(pmid) || "#" || session_id as 8 bytes little-endian)`.
pub fn pmid_session_hash32(pmid: &str, session_id: u64) -> BlobKey {
    let mut hasher = Sha256::new();
    hasher.update(pmid.as_bytes());
    hasher.update(b"#");
    hasher.update(session_id.to_le_bytes());
    BlobKey(hasher.finalize().into())
}

/// Names one blob in the blob store: the first half of every chunk's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(pub [u8; 32]);

impl BlobKey {
    /// The first 8 bytes of the key, big-endian.
    pub fn blob_id(&self) -> BlobId {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0[..8]);
        BlobId(u64::from_be_bytes(first))
    }
}

impl CandidType for BlobKey {
    fn _ty() -> candid::types::Type {
        serde_bytes::ByteBuf::ty()
    }
    fn idl_serialize<S: candid::types::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<(), S::Error> {
        serializer.serialize_blob(&self.0)
    }
}

impl Serialize for BlobKey {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for BlobKey {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?;
        <[u8; 32]>::try_from(bytes.as_slice())
            .map(BlobKey)
            .map_err(|_| {
                serde::de::Error::custom(format!(
                    "a blob key has 32 bytes, this has {}",
                    bytes.len()
                ))
            })
    }
}

/// The short name of a blob. 64 bits can collide, so the blob store refuses to open a second blob of the same id.
#[derive(
    CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
pub struct BlobId(pub u64);

impl BlobId {
    /// `icp://blob/blob_{decimal}`, as `UploadFinishResult::storage_location` has it.
    pub fn storage_location(&self) -> String {
        format!("icp://blob/{self}")
    }

    /// Reads a locator: `blob_{decimal}` or the storage location. Only the canonical decimal form is one.
    pub fn from_locator(locator: &str) -> Option<Self> {
        let text = locator.strip_prefix("icp://blob/").unwrap_or(locator);
        let id = BlobId(text.strip_prefix("blob_")?.parse().ok()?);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blob_{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frozen_vectors() {
        for (pmid, session, hash, id) in [
            (
                "capsule-1#photo.jpg",
                1,
                "227a91b9befdc9385261796701fcf7e6290f39fbeb7c7b2fb871692b7d14fb4d",
                2484458371407530296,
            ),
            (
                "capsule-1#photo.jpg",
                2,
                "e69c7d0447d945d2edba61cc4403e7efe6bb3a3e523fdccb27a60c9f337ef1de",
                16617294182429050322,
            ),
            (
                "",
                0,
                "95297b6a5c01e24fb87a65d2960de4bd129941c0426fabc2ebcba2b216d1f941",
                10748257682436776527,
            ),
            (
                "Größe#a#b",
                u64::MAX,
                "25fd333d49c6a02b3f37da305643e75225a1cdee4a41755bd19c589c4d693a46",
                2737400486834905131,
            ),
        ] {
            let key = pmid_session_hash32(pmid, session);
            assert_eq!(hex::encode(key.0), hash);
            assert_eq!(key.blob_id(), BlobId(id));
        }
        assert_eq!(pmid_stem("capsule-1", "photo.jpg"), "capsule-1#photo.jpg");
    }

    #[test]
    fn locators() {
        let id = BlobId(42);
        assert_eq!(BlobId::from_locator("blob_42"), Some(id));
        assert_eq!(BlobId::from_locator("icp://blob/blob_42"), Some(id));
        assert_eq!(BlobId::from_locator(&id.storage_location()), Some(id));
        for bad in [
            "",
            "42",
            "blob_",
            "blob_-1",
            "blob_042",
            "blob_+42",
            "icp://blob_42",
            "blob_18446744073709551616",
        ] {
            assert_eq!(BlobId::from_locator(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_is_a_blob_of_32_bytes() {
        let key = BlobKey([7; 32]);
        let bytes = candid::encode_one(key).unwrap();
        assert_eq!(candid::decode_one::<BlobKey>(&bytes).unwrap(), key);
        let short = candid::encode_one(serde_bytes::ByteBuf::from(vec![7; 31])).unwrap();
        assert!(candid::decode_one::<BlobKey>(&short).is_err());
    }
}
