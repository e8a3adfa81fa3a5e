//! The memories outside the trash, by capsule, by blob and by SHA-256. This file alone changes
//! these sets, so they always agree.

use super::record::MemoryRecord;
use crate::ids::MemoryId;
use crate::index::Index;
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// Lists a memory that is outside the trash. One that is listed stays as it is.
    pub(super) fn list(&mut self, id: MemoryId, memory: &MemoryRecord) {
        self.by_capsule.insert((memory.capsule, id.0), ());
        self.by_blob.insert((memory.place.blob_id.0, id.0));
        self.by_sha256.insert(sha256_key(id, memory), ());
    }

    /// Enters a listed memory of release 0.1.0, which had no set by SHA-256.
    pub(super) fn enter_sha256(&mut self, id: MemoryId, memory: &MemoryRecord) {
        self.by_sha256.insert(sha256_key(id, memory), ());
    }

    /// Takes a memory off all lists. One that isn't listed stays as it is.
    pub(super) fn unlist(&mut self, id: MemoryId, memory: &MemoryRecord) {
        self.by_capsule.remove(&(memory.capsule, id.0));
        self.by_blob.remove(&(memory.place.blob_id.0, id.0));
        self.by_sha256.remove(&sha256_key(id, memory));
    }
}

fn sha256_key(id: MemoryId, memory: &MemoryRecord) -> (u64, [u8; 32], u64) {
    let sha256 = memory.sha256[..].try_into();
    let sha256 = sha256.expect("BUG: a memory has a SHA-256 of another length");
    (memory.capsule, sha256, id.0)
}
