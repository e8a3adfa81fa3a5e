//! The bytes of all blobs: `STABLE_BLOB_STORE`, schema version 1. Its key and value types are
//! frozen.
//!
//! Only this module knows that a B-tree map holds the chunks. Another layout is schema version 2: a
//! new `MemoryId`, a migration, and the same functions here.

use capsule_shared::BlobKey;
use capsule_shared::limits::STORE_VALUE_BOUND_BYTES;
use ic_stable_structures::{Memory, StableBTreeMap};
use std::ops::RangeInclusive;

/// Schema version 1: `(pmid_session_hash32, chunk index)` to the bytes of the chunk.
type StableBlobStore<M> = StableBTreeMap<([u8; 32], u32), Vec<u8>, M>;

pub struct Chunks<M: Memory>(StableBlobStore<M>);

impl<M: Memory> Chunks<M> {
    pub fn open(region: M) -> Self {
        Self(StableBTreeMap::init(region))
    }

    pub fn get(&self, key: &BlobKey, index: u32) -> Option<Vec<u8>> {
        self.0.get(&(key.0, index))
    }

    /// The chunks of these indexes that are stored, in order, with one scan of the map.
    pub fn scan(
        &self,
        key: &BlobKey,
        indexes: RangeInclusive<u32>,
    ) -> impl Iterator<Item = (u32, Vec<u8>)> {
        let (first, last) = indexes.into_inner();
        let chunks = self.0.range((key.0, first)..=(key.0, last));
        chunks.map(|chunk| (chunk.key().1, chunk.value()))
    }

    /// Stores a chunk at a free index. It copies the bytes once, because the map owns its values.
    pub fn insert_new(&mut self, key: &BlobKey, index: u32, bytes: &[u8]) {
        assert!(
            bytes.len() <= STORE_VALUE_BOUND_BYTES,
            "BUG: a chunk is longer than the map's values may be"
        );
        let before = self.0.insert((key.0, index), bytes.to_vec());
        assert!(before.is_none(), "BUG: a stored chunk was overwritten");
    }

    /// Removes a chunk and returns its length in bytes.
    pub fn remove(&mut self, key: &BlobKey, index: u32) -> u64 {
        let bytes = self.0.remove(&(key.0, index));
        bytes.expect("BUG: a listed chunk isn't stored").len() as u64
    }

    #[cfg(test)]
    pub fn len(&self) -> u64 {
        self.0.len()
    }
}
