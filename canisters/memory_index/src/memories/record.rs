//! The stored record of a memory.

use crate::ids::{CapsuleId, MemoryId};
use candid::{CandidType, Principal};
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::{candid_record, storable};
use capsule_shared::asset::AssetMetadata;
use capsule_shared::memory_index::{BlobPlace, Memory, MemoryHeader, Trash};
use capsule_shared::{BlobId, BlobKey};
use serde::Deserialize;
use serde_bytes::ByteBuf;

/// A memory, version 1. Its id is its key. Times are nanoseconds since 1970.
///
/// [`AssetMetadata`] is stored as it is, because the interface freezes it. Every other public type
/// that may get fields has a stored twin, so that the interface can grow without the records.
///
/// # How to add a field
///
/// An installed canister holds records of every earlier release, and each must stay readable.
///
/// - Usually, add an `Option` field, here or in a stored twin. The version stays: Candid reads the
///   field as `None` from older records.
/// - Otherwise, for example to change a type, write a new version. Replace `candid_record!` by a
///   `Record` with `VERSION` 2 whose `read` has an arm for version 1, which reads the old struct
///   and converts it.
///
/// Either way `tests/layouts.rs` and `tests/stable_memory.rs` fail. Keep the golden bytes and check
/// them with `assert_readable`: they are what older releases wrote. Then add golden bytes for the
/// new layout.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq)]
pub struct MemoryRecord {
    /// Number of the capsule.
    pub capsule: u64,
    pub uploaded_by: Principal,
    pub uploaded_at: u64,
    pub metadata: AssetMetadata,
    pub place: StoredPlace,
    /// SHA-256 of the whole file.
    pub sha256: ByteBuf,
    /// The gateway that committed the memory. `Owners::owner_of` tells the one that owns it now.
    pub gateway: Principal,
    /// That gateway's upload session.
    pub session_id: u64,
    /// The bytes that its metadata count in the capsule; `None` is 0. It came after 0.1.0.
    pub metadata_bytes: Option<u64>,
    /// Whether it is in the trash, or taken down. It came after release 0.1.0.
    pub trash: Option<StoredTrash>,
    /// Whether it was moved to another store since its commit; `None` is `false`. It came after
    /// release 0.1.0.
    pub relocated: Option<bool>,
}

candid_record!(MemoryRecord, version = 1);

/// The stored twin of [`BlobPlace`], which may get fields.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct StoredPlace {
    /// The blob store.
    pub store: Principal,
    pub key: BlobKey,
    pub blob_id: BlobId,
    /// Bytes of the file.
    pub size: u64,
    pub chunk_count: u32,
}

/// The stored twin of [`Trash`], which may get fields.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct StoredTrash {
    pub trashed_at: u64,
    pub trashed_by: Principal,
    pub purge_at: u64,
    /// Whether a canister controller took it down, so that nobody can restore it; `None` is
    /// `false`.
    pub taken_down: Option<bool>,
}

/// The memories in a store. It is a binary record of a fixed size, because each commit changes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreTotals {
    pub memories: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

impl Record for StoreTotals {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        fields.u64(self.memories).u64(self.bytes)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        match version {
            1 => StoreTotals {
                memories: fields.u64(),
                bytes: fields.u64(),
            },
            other => unknown(other),
        }
    }
}

// A version byte and two integers.
storable!(StoreTotals, size = 17);

/// A takedown, version 1. The number of the memory is its key. Times are nanoseconds since 1970.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StoredTakedown {
    /// Number of the capsule.
    pub capsule: u64,
    pub uploaded_by: Principal,
    /// SHA-256 of the whole file.
    pub sha256: ByteBuf,
    pub gateway: Principal,
    pub session_id: u64,
    pub taken_down_at: u64,
    pub taken_down_by: Principal,
    /// When its owner took it out of the index.
    pub purged_at: Option<u64>,
}

candid_record!(StoredTakedown, version = 1);

impl From<StoredTrash> for Trash {
    fn from(stored: StoredTrash) -> Self {
        Trash {
            trashed_at: stored.trashed_at,
            trashed_by: stored.trashed_by,
            purge_at: stored.purge_at,
        }
    }
}

impl MemoryRecord {
    pub fn is_taken_down(&self) -> bool {
        let trash = self.trash.and_then(|trash| trash.taken_down);
        trash.unwrap_or(false)
    }

    /// The memory as callers see it.
    pub fn into_memory(self, id: MemoryId) -> Memory {
        Memory {
            id: id.to_string(),
            capsule_id: CapsuleId(self.capsule).to_string(),
            uploaded_by: self.uploaded_by,
            uploaded_at: self.uploaded_at,
            metadata: self.metadata,
            place: self.place.into(),
            sha256: self.sha256,
            gateway: self.gateway,
            session_id: self.session_id,
        }
    }

    /// The memory as it appears in a page.
    pub fn into_header(self, id: MemoryId) -> MemoryHeader {
        let base = self.metadata.base();
        MemoryHeader {
            id: id.to_string(),
            name: base.name.clone(),
            mime_type: base.mime_type.clone(),
            size: self.place.size,
            sha256: self.sha256,
            blob_id: self.place.blob_id.to_string(),
            uploaded_by: self.uploaded_by,
            uploaded_at: self.uploaded_at,
            asset_type: Some(base.asset_type),
            created_at: Some(base.created_at).filter(|time| *time != 0),
            path: base.storage_key.clone(),
            parent: base.parent(),
        }
    }
}

impl From<BlobPlace> for StoredPlace {
    fn from(place: BlobPlace) -> Self {
        // Destructured, so that a new field doesn't compile until someone decides how to store it.
        let BlobPlace {
            store,
            key,
            blob_id,
            size,
            chunk_count,
        } = place;
        StoredPlace {
            store,
            key,
            blob_id,
            size,
            chunk_count,
        }
    }
}

impl From<StoredPlace> for BlobPlace {
    fn from(stored: StoredPlace) -> Self {
        BlobPlace {
            store: stored.store,
            key: stored.key,
            blob_id: stored.blob_id,
            size: stored.size,
            chunk_count: stored.chunk_count,
        }
    }
}
