//! Metadata of each kind of asset, with every field filled in.

use capsule_shared::asset::{
    AssetMetadata, AssetMetadataBase, AssetType, AudioAssetMetadata, DocumentAssetMetadata,
    ImageAssetMetadata, NoteAssetMetadata, VideoAssetMetadata,
};
use serde_bytes::ByteBuf;

fn base(name: &str, mime_type: &str, bytes: u64, asset_type: AssetType) -> AssetMetadataBase {
    AssetMetadataBase {
        name: name.into(),
        mime_type: mime_type.into(),
        bytes,
        asset_type,
        tags: vec!["family".into(), "größe".into()],
        created_at: 1,
        updated_at: 2,
        description: Some("a description".into()),
        sha256: Some(ByteBuf::from(vec![7; 32])),
        width: Some(640),
        height: Some(480),
        url: Some("https://example.org/file".into()),
        storage_key: Some("key".into()),
        bucket: Some("bucket".into()),
        asset_location: Some("location".into()),
        processing_status: Some("done".into()),
        processing_error: Some("none".into()),
        deleted_at: Some(3),
    }
}

/// One asset of each kind: a name of its own, and metadata. The note declares no size.
pub fn all_kinds(bytes: u64) -> [AssetMetadata; 5] {
    let text = || Some("text".to_string());
    [
        AssetMetadata::Note(NoteAssetMetadata {
            base: base("a note", "text/plain", 0, AssetType::Metadata),
            language: text(),
            word_count: Some(4),
            format: text(),
        }),
        AssetMetadata::Image(ImageAssetMetadata {
            base: base("an image", "image/png", bytes, AssetType::Original),
            color_space: text(),
            exif_data: text(),
            compression_ratio: Some(0.5),
            dpi: Some(300),
            orientation: Some(1),
        }),
        AssetMetadata::Document(DocumentAssetMetadata {
            base: base("a document", "application/pdf", bytes, AssetType::Preview),
            page_count: Some(9),
            document_type: text(),
            language: text(),
            word_count: Some(4_000),
        }),
        AssetMetadata::Audio(AudioAssetMetadata {
            base: base("a sound", "audio/ogg", bytes, AssetType::Thumbnail),
            duration: Some(60),
            sample_rate: Some(48_000),
            channels: Some(2),
            bitrate: Some(128_000),
            codec: text(),
            bit_depth: Some(16),
        }),
        AssetMetadata::Video(VideoAssetMetadata {
            base: base("a video", "video/mp4", bytes, AssetType::Derivative),
            duration: Some(60),
            frame_rate: Some(29.97),
            resolution: text(),
            codec: text(),
            bitrate: Some(8_000_000),
            aspect_ratio: Some(1.78),
        }),
    ]
}
