//! Keys and ids of uploads in the blob store (frozen).

use candid::CandidType;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The stem of every key of one upload: `"{capsule_id}#{name}"`.
///
/// Only the beginning of an upload computes it; readers use the stored value.
pub fn pmid_stem(capsule_id: &str, name: &str) -> String {
    format!("{capsule_id}#{name}")
}

/// The key of an upload's blob:
/// `SHA-256(utf8(pmid) || "#" || session_id as 8 bytes little-endian)`.
pub fn pmid_session_hash32(pmid: &str, session_id: u64) -> BlobKey {
    let mut hasher = Sha256::new();
    hasher.update(pmid.as_bytes());
    hasher.update(b"#");
    hasher.update(session_id.to_le_bytes());
    BlobKey(hasher.finalize().into())
}

/// The key of one blob in the blob store, and the first half of the key of each of its chunks.
///
/// On the wire it is a Candid `blob` of 32 bytes; decoding fails for any other length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(pub [u8; 32]);

impl BlobKey {
    /// The short name of the blob: the first 8 bytes of the key, big-endian.
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
                    "a blob key has {} bytes, expected 32",
                    bytes.len()
                ))
            })
    }
}

/// The short name of a blob, a `nat64` on the wire.
///
/// 64 bits can collide, so the blob store refuses to open a second blob with the same id.
#[derive(
    CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
pub struct BlobId(pub u64);

impl BlobId {
    /// The URL of the blob, `icp://blob/blob_{decimal}`, as in `UploadFinishResult`.
    pub fn storage_location(&self) -> String {
        format!("icp://blob/{self}")
    }

    /// Parses a locator: `blob_{decimal}` or the storage location.
    ///
    /// Returns `None` for any other text, also for a number that isn't in its canonical form.
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

    /// Source: the frozen vectors of the system's design; other implementations check the same.
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
    fn the_frozen_text_forms_of_a_blob_id() {
        let id = pmid_session_hash32("capsule-1#photo.jpg", 1).blob_id();
        assert_eq!(id.to_string(), "blob_2484458371407530296");
        assert_eq!(id.storage_location(), "icp://blob/blob_2484458371407530296");
        assert_eq!(BlobId(0).to_string(), "blob_0");
        assert_eq!(
            BlobId(u64::MAX).storage_location(),
            "icp://blob/blob_18446744073709551615"
        );
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

    /// Golden bytes: one table entry, `vec nat8`, then the length and the bytes of the key.
    #[test]
    fn a_key_is_a_blob_of_32_bytes() {
        let key = BlobKey([7; 32]);
        let bytes = candid::encode_one(key).unwrap();
        let golden = [b"DIDL\x01\x6d\x7b\x01\x00\x20".as_slice(), &[7; 32]].concat();
        assert_eq!(bytes, golden);
        assert_eq!(candid::decode_one::<BlobKey>(&bytes).unwrap(), key);
        let short = candid::encode_one(serde_bytes::ByteBuf::from(vec![7; 31])).unwrap();
        assert!(candid::decode_one::<BlobKey>(&short).is_err());
    }

    /// Golden bytes: no table, one `nat64`, its 8 bytes little-endian.
    #[test]
    fn an_id_is_a_nat64() {
        let id = BlobId(0x0102_0304_0506_0708);
        let bytes = candid::encode_one(id).unwrap();
        assert_eq!(bytes, b"DIDL\x00\x01\x78\x08\x07\x06\x05\x04\x03\x02\x01");
        assert_eq!(candid::decode_one::<BlobId>(&bytes).unwrap(), id);
    }
}
