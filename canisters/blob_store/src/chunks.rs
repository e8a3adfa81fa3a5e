//! Schema version 1 of the bytes: `STABLE_BLOB_STORE`, a B-tree map with a value for each chunk.
//! Its key and value types are frozen.
//!
//! New blobs are files (see `extents`). The map is read, and takes the rest of blobs that were open
//! when the store got schema version 2. Chunks of deleted and copied blobs stay in it: taking one
//! out rewrites those beside it, and the whole region goes to files in the end.

use capsule_shared::BlobKey;
use capsule_shared::limits::STORE_VALUE_BOUND_BYTES;
use ic_stable_structures::{Memory, StableBTreeMap};
use std::ops::RangeInclusive;

/// `(pmid_session_hash32, chunk index)` to the bytes of the chunk.
type StableBlobStore<M> = StableBTreeMap<([u8; 32], u32), Vec<u8>, Fenced<M>>;

pub struct Chunks<M: Memory> {
    map: StableBlobStore<M>,
}

impl<M: Memory> Chunks<M> {
    /// Opens the map of a region, which has one.
    pub fn open(region: M) -> Self {
        fence(&region);
        Self {
            map: StableBTreeMap::init(Fenced(region)),
        }
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
}

/// The first bytes of a map's region: its magic number, and the version of its layout.
///
/// Source: version 2 of the map's layout in ic-stable-structures, which golden bytes pin in
/// `tests/stable_memory.rs`.
const MAGIC: &[u8; 3] = b"BTR";
const VERSION_AT: u64 = 3;
const VERSION: u8 = 2;

/// A version that no map has. Release 0.1.0, put back by mistake, stops at it and changes nothing.
/// Without it, that release would find other maps than it knows, or make its map anew over files.
const FENCE: u8 = 255;

/// Sets up the fence, also in a region that never had a map.
pub fn fence(region: &impl Memory) {
    if region.size() == 0 {
        let grown = region.grow(1);
        assert!(grown >= 0, "BUG: no room was made for the fence");
        region.write(0, MAGIC);
    }
    let mut version = [0];
    region.read(VERSION_AT, &mut version);
    if version != [FENCE] {
        region.write(VERSION_AT, &[FENCE]);
    }
}

/// The region as the map sees it, without the fence.
struct Fenced<M: Memory>(M);

impl<M: Memory> Memory for Fenced<M> {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn grow(&self, pages: u64) -> i64 {
        self.0.grow(pages)
    }

    fn read(&self, offset: u64, out: &mut [u8]) {
        self.0.read(offset, out);
        if let Some(version) = version_in(offset, out.len()) {
            out[version] = VERSION;
        }
    }

    fn write(&self, offset: u64, bytes: &[u8]) {
        match version_in(offset, bytes.len()) {
            None => self.0.write(offset, bytes),
            Some(version) => {
                let mut fenced = bytes.to_vec();
                fenced[version] = FENCE;
                self.0.write(offset, &fenced);
            }
        }
    }
}

/// Where among so many bytes from `offset` on the version lies.
fn version_in(offset: u64, len: usize) -> Option<usize> {
    let at = VERSION_AT.checked_sub(offset)? as usize;
    (at < len).then_some(at)
}
