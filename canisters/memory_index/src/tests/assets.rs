//! One metadata of each kind, with a value in every field.

use capsule_shared::asset::{
    AssetMetadata, AssetMetadataBase, AssetType, AudioAssetMetadata, DocumentAssetMetadata,
    ImageAssetMetadata, NoteAssetMetadata, VideoAssetMetadata,
};
use serde_bytes::ByteBuf;

fn base() -> AssetMetadataBase {
    AssetMetadataBase {
        name: "name".into(),
        mime_type: "mime/type".into(),
        bytes: 10,
        asset_type: AssetType::Thumbnail,
        tags: vec!["a".into(), "b".into()],
        created_at: 11,
        updated_at: 12,
        description: Some("d".into()),
        sha256: Some(ByteBuf::from([13])),
        width: Some(14),
        height: Some(15),
        url: Some("u".into()),
        storage_key: Some("k".into()),
        bucket: Some("b".into()),
        asset_location: Some("l".into()),
        processing_status: Some("s".into()),
        processing_error: Some("e".into()),
        deleted_at: Some(16),
    }
}

pub fn note() -> AssetMetadata {
    AssetMetadata::Note(NoteAssetMetadata {
        base: base(),
        language: Some("en".into()),
        word_count: Some(20),
        format: Some("md".into()),
    })
}

pub fn image() -> AssetMetadata {
    AssetMetadata::Image(ImageAssetMetadata {
        base: base(),
        color_space: Some("sRGB".into()),
        exif_data: Some("x".into()),
        compression_ratio: Some(0.5),
        dpi: Some(21),
        orientation: Some(1),
    })
}

pub fn document() -> AssetMetadata {
    AssetMetadata::Document(DocumentAssetMetadata {
        base: base(),
        page_count: Some(22),
        document_type: Some("pdf".into()),
        language: Some("en".into()),
        word_count: Some(23),
    })
}

pub fn audio() -> AssetMetadata {
    AssetMetadata::Audio(AudioAssetMetadata {
        base: base(),
        duration: Some(24),
        sample_rate: Some(25),
        channels: Some(2),
        bitrate: Some(26),
        codec: Some("opus".into()),
        bit_depth: Some(16),
    })
}

pub fn video() -> AssetMetadata {
    AssetMetadata::Video(VideoAssetMetadata {
        base: base(),
        duration: Some(27),
        frame_rate: Some(29.5),
        resolution: Some("4k".into()),
        codec: Some("av1".into()),
        bitrate: Some(28),
        aspect_ratio: Some(1.5),
    })
}
