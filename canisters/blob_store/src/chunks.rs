//! The bytes of all blobs: `STABLE_BLOB_STORE`, schema version 1. Its key and value types are
//! frozen.
//!
//! Only this module knows that a B-tree map holds the chunks. Another layout is schema version 2: a
//! new `MemoryId`, a migration, and the same functions here.

use canister_common::manager::PAGE_BYTES;
use capsule_shared::BlobKey;
use capsule_shared::limits::STORE_VALUE_BOUND_BYTES;
use ic_stable_structures::{Memory, StableBTreeMap};
use std::ops::RangeInclusive;

/// Schema version 1: `(pmid_session_hash32, chunk index)` to the bytes of the chunk.
type StableBlobStore<M> = StableBTreeMap<([u8; 32], u32), Vec<u8>, M>;

pub struct Chunks<M: Memory> {
    map: StableBlobStore<M>,
    /// The region of the map.
    region: M,
}

/// Where the header of the map's allocator has the length of a page in bytes and the number of
/// pages in use, each as a little-endian u64.
///
/// Source: version 2 of the map's layout in ic-stable-structures, which golden bytes pin in
/// `tests/stable_memory.rs`.
const PAGE_LEN_AT: u64 = 60;
const PAGES_BEGIN_AT: u64 = 100;
const PAGE_HEADER_BYTES: u64 = 16;

impl<M: Memory> Chunks<M> {
    /// Opens the map in a region, which comes twice.
    pub fn open(region: M, again: M) -> Self {
        let map = StableBTreeMap::init(region);
        Self { map, region: again }
    }

    /// Bytes that the map can still take without growing its region: at its end, and in pages that
    /// deletions freed.
    pub fn free_bytes(&self) -> u64 {
        let mut header = [0; 16];
        self.region.read(PAGE_LEN_AT, &mut header);
        let number = |at: usize| {
            let bytes = header[at..at + 8].try_into();
            u64::from_le_bytes(bytes.expect("BUG: a u64 has 8 bytes"))
        };
        let (page, used) = (number(0) + PAGE_HEADER_BYTES, number(8));
        // The allocator always keeps one free page.
        let taken = PAGES_BEGIN_AT + (used + 1) * page;
        (self.region.size() * PAGE_BYTES).saturating_sub(taken)
    }

    pub fn get(&self, key: &BlobKey, index: u32) -> Option<Vec<u8>> {
        self.map.get(&(key.0, index))
    }

    /// The chunks of these indexes that are stored, in order, with one scan of the map.
    pub fn scan(
        &self,
        key: &BlobKey,
        indexes: RangeInclusive<u32>,
    ) -> impl Iterator<Item = (u32, Vec<u8>)> {
        let (first, last) = indexes.into_inner();
        let chunks = self.map.range((key.0, first)..=(key.0, last));
        chunks.map(|chunk| (chunk.key().1, chunk.value()))
    }

    /// Stores a chunk at a free index. It copies the bytes once, because the map owns its values.
    pub fn insert_new(&mut self, key: &BlobKey, index: u32, bytes: &[u8]) {
        assert!(
            bytes.len() <= STORE_VALUE_BOUND_BYTES,
            "BUG: a chunk is longer than the map's values may be"
        );
        let before = self.map.insert((key.0, index), bytes.to_vec());
        assert!(before.is_none(), "BUG: a stored chunk was overwritten");
    }

    /// Removes a chunk and returns its length in bytes.
    pub fn remove(&mut self, key: &BlobKey, index: u32) -> u64 {
        let bytes = self.map.remove(&(key.0, index));
        bytes.expect("BUG: a listed chunk isn't stored").len() as u64
    }

    #[cfg(test)]
    pub fn len(&self) -> u64 {
        self.map.len()
    }
}
