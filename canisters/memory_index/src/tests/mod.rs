//! Tests of the index: its rules, random histories against a model, the stored bytes, and the
//! committed interface.

mod assets;
mod beginnings;
mod capacity;
mod capsules;
mod commit_order;
mod declarations;
mod due;
mod grants;
mod interface;
mod layouts;
mod layouts_newest;
mod memories;
mod model;
mod places;
mod relocate;
mod sha256;
mod stable_memory;
mod takedown;
mod transfer;
mod trash;

use crate::index::Call;
use crate::state::State;
use candid::Principal;
use capsule_shared::Error;
use capsule_shared::asset::{AssetMetadata, AssetMetadataBase, AssetType, ImageAssetMetadata};
use capsule_shared::keys::{pmid_session_hash32, pmid_stem};
use capsule_shared::memory_index::{BlobPlace, CapsuleUsage, MemoryCommit};
use ic_stable_structures::VectorMemory;
use serde_bytes::ByteBuf;

fn state() -> State<VectorMemory> {
    State::open(VectorMemory::default())
}

fn person(n: u8) -> Principal {
    Principal::from_slice(&[n; 20])
}

fn gateway(n: u8) -> Principal {
    Principal::from_slice(&[n; 10])
}

/// A call of gateway `n`.
fn call(n: u8, now: u64) -> Call {
    Call {
        gateway: gateway(n),
        now,
    }
}

/// The first capsule. Person 1 makes it in the tests that name it.
const CAPSULE: &str = "capsule-1";

/// The stored bytes and the memories of [`CAPSULE`].
fn usage(state: &State<VectorMemory>) -> (u64, u64) {
    let CapsuleUsage {
        stored_bytes,
        memory_count,
    } = state.index.capsule_usage(person(1), CAPSULE).unwrap();
    (stored_bytes, memory_count)
}

fn is_conflict<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Conflict(_)))
}

/// Two errors are the same if their variants are; texts may differ.
#[track_caller]
fn same_error<T: std::fmt::Debug>(result: Result<T, Error>, expected: Error) {
    let variant = std::mem::discriminant::<Error>;
    let error = result.unwrap_err();
    assert_eq!(
        variant(&error),
        variant(&expected),
        "{error} for {expected}"
    );
}

fn is_invalid<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::InvalidArgument(_)))
}

fn metadata(name: &str) -> AssetMetadata {
    AssetMetadata::Image(ImageAssetMetadata {
        base: AssetMetadataBase {
            name: name.into(),
            mime_type: "image/jpeg".into(),
            bytes: 0,
            asset_type: AssetType::Original,
            tags: vec!["summer".into()],
            created_at: 1,
            updated_at: 2,
            description: None,
            sha256: None,
            width: Some(4),
            height: None,
            url: None,
            storage_key: None,
            bucket: None,
            asset_location: None,
            processing_status: None,
            processing_error: None,
            deleted_at: None,
        },
        color_space: None,
        exif_data: None,
        // NaN differs from itself, but a repeated commit must not.
        compression_ratio: Some(f32::NAN),
        dpi: None,
        orientation: None,
    })
}

/// The metadata of [`metadata`], to change them.
fn base_mut(metadata: &mut AssetMetadata) -> &mut AssetMetadataBase {
    match metadata {
        AssetMetadata::Image(image) => &mut image.base,
        other => panic!("{other:?} is no image"),
    }
}

/// A commit of this session: `size` bytes in one chunk.
fn commit(who: Principal, capsule: &str, session: u64, size: u64) -> MemoryCommit {
    let name = format!("photo-{session}.jpg");
    let key = pmid_session_hash32(&pmid_stem(capsule, &name), session);
    MemoryCommit {
        who,
        capsule_id: capsule.into(),
        session_id: session,
        metadata: metadata(&name),
        place: BlobPlace {
            store: Principal::from_slice(&[99; 10]),
            key,
            blob_id: key.blob_id(),
            size,
            chunk_count: 1,
        },
        sha256: ByteBuf::from(vec![session as u8; 32]),
    }
}
