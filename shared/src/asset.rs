//! Metadata of an asset, as frontends send it (frozen).

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum AssetMetadata {
    Note(NoteAssetMetadata),
    Image(ImageAssetMetadata),
    Document(DocumentAssetMetadata),
    Audio(AudioAssetMetadata),
    Video(VideoAssetMetadata),
}

impl AssetMetadata {
    pub fn base(&self) -> &AssetMetadataBase {
        match self {
            AssetMetadata::Note(m) => &m.base,
            AssetMetadata::Image(m) => &m.base,
            AssetMetadata::Document(m) => &m.base,
            AssetMetadata::Audio(m) => &m.base,
            AssetMetadata::Video(m) => &m.base,
        }
    }
}

/// Metadata of a file of which only this is known; the MIME type decides the kind of asset, a document where it tells none.
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

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssetType {
    Original,
    Preview,
    Thumbnail,
    Derivative,
    Metadata,
}

/// What every asset has. `bytes` 0 means "not declared"; times are the client's.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct AssetMetadataBase {
    pub name: String,
    pub mime_type: String,
    pub bytes: u64,
    pub asset_type: AssetType,
    pub tags: Vec<String>,
    pub created_at: u64,
    pub updated_at: u64,
    pub description: Option<String>,
    pub sha256: Option<ByteBuf>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub url: Option<String>,
    pub storage_key: Option<String>,
    pub bucket: Option<String>,
    pub asset_location: Option<String>,
    pub processing_status: Option<String>,
    pub processing_error: Option<String>,
    pub deleted_at: Option<u64>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct NoteAssetMetadata {
    pub base: AssetMetadataBase,
    pub language: Option<String>,
    pub word_count: Option<u32>,
    pub format: Option<String>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ImageAssetMetadata {
    pub base: AssetMetadataBase,
    pub color_space: Option<String>,
    pub exif_data: Option<String>,
    pub compression_ratio: Option<f32>,
    pub dpi: Option<u32>,
    pub orientation: Option<u8>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct DocumentAssetMetadata {
    pub base: AssetMetadataBase,
    pub page_count: Option<u32>,
    pub document_type: Option<String>,
    pub language: Option<String>,
    pub word_count: Option<u32>,
}

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
