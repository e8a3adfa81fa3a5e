//! Metadata of an asset, as frontends send it (frozen).
//!
//! The canisters check only `name`, `mime_type` and `bytes`, and store every other field as it
//! came. Lists of memories also show `asset_type`, `created_at`, `storage_key` and a tag that names
//! a parent. The interface fixes no unit for the others: they mean what the client means.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The metadata of one asset, by the kind of asset.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum AssetMetadata {
    Note(NoteAssetMetadata),
    Image(ImageAssetMetadata),
    Document(DocumentAssetMetadata),
    Audio(AudioAssetMetadata),
    Video(VideoAssetMetadata),
}

impl AssetMetadata {
    /// The fields that every kind of asset has.
    pub fn base(&self) -> &AssetMetadataBase {
        match self {
            AssetMetadata::Note(m) => &m.base,
            AssetMetadata::Image(m) => &m.base,
            AssetMetadata::Document(m) => &m.base,
            AssetMetadata::Audio(m) => &m.base,
            AssetMetadata::Video(m) => &m.base,
        }
    }

    /// The same fields, to change them.
    pub fn base_mut(&mut self) -> &mut AssetMetadataBase {
        match self {
            AssetMetadata::Note(m) => &mut m.base,
            AssetMetadata::Image(m) => &mut m.base,
            AssetMetadata::Document(m) => &mut m.base,
            AssetMetadata::Audio(m) => &mut m.base,
            AssetMetadata::Video(m) => &mut m.base,
        }
    }
}

/// Metadata of a file whose name, MIME type and length in bytes are all that is known.
///
/// The MIME type decides the kind of asset: image, audio or video, and a document for all others.
pub fn of_file(name: &str, mime_type: &str, bytes: u64) -> AssetMetadata {
    let base = AssetMetadataBase {
        name: name.to_string(),
        mime_type: mime_type.to_string(),
        bytes,
        asset_type: AssetType::Original,
        tags: Vec::new(),
        created_at: 0,
        updated_at: 0,
        description: None,
        sha256: None,
        width: None,
        height: None,
        url: None,
        storage_key: None,
        bucket: None,
        asset_location: None,
        processing_status: None,
        processing_error: None,
        deleted_at: None,
    };
    match mime_type.split('/').next() {
        Some("image") => AssetMetadata::Image(ImageAssetMetadata {
            base,
            color_space: None,
            exif_data: None,
            compression_ratio: None,
            dpi: None,
            orientation: None,
        }),
        Some("audio") => AssetMetadata::Audio(AudioAssetMetadata {
            base,
            duration: None,
            sample_rate: None,
            channels: None,
            bitrate: None,
            codec: None,
            bit_depth: None,
        }),
        Some("video") => AssetMetadata::Video(VideoAssetMetadata {
            base,
            duration: None,
            frame_rate: None,
            resolution: None,
            codec: None,
            bitrate: None,
            aspect_ratio: None,
        }),
        _ => AssetMetadata::Document(DocumentAssetMetadata {
            base,
            page_count: None,
            document_type: None,
            language: None,
            word_count: None,
        }),
    }
}

/// The relation of an asset to its original.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssetType {
    Original,
    Preview,
    Thumbnail,
    Derivative,
    Metadata,
}

/// The fields that every kind of asset has.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct AssetMetadataBase {
    /// 1 to 1,024 bytes of UTF-8; it becomes a part of the blob's key.
    pub name: String,
    pub mime_type: String,
    /// The declared size in bytes; 0 means not declared.
    pub bytes: u64,
    pub asset_type: AssetType,
    pub tags: Vec<String>,
    /// A time of the client's clock.
    pub created_at: u64,
    /// A time of the client's clock.
    pub updated_at: u64,
    pub description: Option<String>,
    /// For the client only: the finish of an upload names the SHA-256 that the gateway checks.
    pub sha256: Option<ByteBuf>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub url: Option<String>,
    pub storage_key: Option<String>,
    pub bucket: Option<String>,
    pub asset_location: Option<String>,
    pub processing_status: Option<String>,
    pub processing_error: Option<String>,
    /// A time of the client's clock.
    pub deleted_at: Option<u64>,
}

/// How a tag begins that names the file from which this one comes, for example the original of a
/// thumbnail. The file's SHA-256 follows in hexadecimal digits.
const PARENT_TAG: &str = "parent:";

impl AssetMetadataBase {
    /// The SHA-256 in the first tag `parent:<64 hexadecimal digits>`, as digits in lower case.
    pub fn parent(&self) -> Option<String> {
        let digits = self.tags.iter().find_map(|tag| {
            let digits = tag.strip_prefix(PARENT_TAG)?;
            let is_sha256 = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            is_sha256.then_some(digits)
        });
        digits.map(str::to_ascii_lowercase)
    }
}

/// A note.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct NoteAssetMetadata {
    pub base: AssetMetadataBase,
    pub language: Option<String>,
    pub word_count: Option<u32>,
    pub format: Option<String>,
}

/// An image.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ImageAssetMetadata {
    pub base: AssetMetadataBase,
    pub color_space: Option<String>,
    pub exif_data: Option<String>,
    pub compression_ratio: Option<f32>,
    pub dpi: Option<u32>,
    pub orientation: Option<u8>,
}

/// A document, and every file of another kind.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct DocumentAssetMetadata {
    pub base: AssetMetadataBase,
    pub page_count: Option<u32>,
    pub document_type: Option<String>,
    pub language: Option<String>,
    pub word_count: Option<u32>,
}

/// A recording of sound.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct AudioAssetMetadata {
    pub base: AssetMetadataBase,
    pub duration: Option<u64>,
    pub sample_rate: Option<u32>,
    pub channels: Option<u8>,
    pub bitrate: Option<u64>,
    pub codec: Option<String>,
    pub bit_depth: Option<u8>,
}

/// A video.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct VideoAssetMetadata {
    pub base: AssetMetadataBase,
    pub duration: Option<u64>,
    pub frame_rate: Option<f32>,
    pub resolution: Option<String>,
    pub codec: Option<String>,
    pub bitrate: Option<u64>,
    pub aspect_ratio: Option<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mime_type_decides_the_kind() {
        let kind = |mime_type: &str| match of_file("a", mime_type, 7) {
            AssetMetadata::Note(_) => "note",
            AssetMetadata::Image(_) => "image",
            AssetMetadata::Document(_) => "document",
            AssetMetadata::Audio(_) => "audio",
            AssetMetadata::Video(_) => "video",
        };
        assert_eq!(kind("image/jpeg"), "image");
        assert_eq!(kind("audio/mpeg"), "audio");
        assert_eq!(kind("video/mp4"), "video");
        for other in ["application/pdf", "text/plain", "imagery/x", ""] {
            assert_eq!(kind(other), "document", "{other}");
        }
    }

    #[test]
    fn only_a_tag_with_a_sha256_names_a_parent() {
        let parent = |tags: &[&str]| {
            let metadata = of_file("a", "image/png", 7);
            let tags = tags.iter().map(ToString::to_string).collect();
            let base = metadata.base().clone();
            AssetMetadataBase { tags, ..base }.parent()
        };
        let (digits, upper) = ("0f".repeat(32), "0F".repeat(32));
        for tag in [format!("parent:{digits}"), format!("parent:{upper}")] {
            assert_eq!(parent(&["summer", &tag]).as_ref(), Some(&digits), "{tag}");
        }
        let first = format!("parent:{}", "a".repeat(64));
        let second = format!("parent:{digits}");
        assert_eq!(parent(&[&first, &second]), Some("a".repeat(64)));
        for other in [
            "parent:".to_string(),
            digits.clone(),
            format!("Parent:{digits}"),
            format!("parent: {digits}"),
            format!("parent:{digits}0"),
            format!("parent:{}", &digits[1..]),
            format!("parent:{}g", &digits[1..]),
            // As many bytes as 64 digits, but not as many characters.
            format!("parent:{}", "é".repeat(32)),
        ] {
            assert_eq!(parent(&[&other]), None, "{other}");
        }
    }

    #[test]
    fn a_file_declares_its_name_and_its_bytes() {
        let metadata = of_file("a.png", "image/png", 7);
        let base = metadata.base();
        assert_eq!(
            (base.name.as_str(), base.mime_type.as_str(), base.bytes),
            ("a.png", "image/png", 7)
        );
    }
}
