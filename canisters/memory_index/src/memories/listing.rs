//! The lists of memories by their state. A memory outside the trash is listed by capsule, by blob
//! and by SHA-256. One in the trash is on the list of its capsule's trash, and on that of purges.
//! One that was taken down is on that of purges alone. This file alone changes these sets, so they
//! always agree.

use super::record::{MemoryRecord, StoredTrash};
use crate::capsules::record::CapsuleRecord;
use crate::ids::MemoryId;
use crate::index::Index;
use candid::Principal;
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// Changes the state of a memory, moves it to the lists of its new one, and counts it in its
    /// capsule. Stores both records, the caller's changes included.
    pub(super) fn set_trash(
        &mut self,
        id: MemoryId,
        mut memory: MemoryRecord,
        mut capsule: CapsuleRecord,
        trash: Option<StoredTrash>,
    ) {
        capsule.uncount_trash(memory.trash.is_some());
        capsule.count_trash(trash.is_some());
        self.leave_lists(id, &memory);
        memory.trash = trash;
        self.enter_lists(id, &memory);
        self.capsules.insert(memory.capsule, capsule);
        self.memories.insert(id.0, memory);
    }

    /// Puts a memory on the lists of its state.
    pub(super) fn enter_lists(&mut self, id: MemoryId, memory: &MemoryRecord) {
        if memory.trash.is_none() {
            self.by_capsule.insert((memory.capsule, id.0), ());
            self.by_blob.insert((memory.place.blob_id.0, id.0));
        } else if !memory.is_taken_down() {
            self.trash.insert((memory.capsule, id.0), ());
        }
        self.enter_newer_lists(id, memory);
    }

    /// The same for a memory of release 0.1.0, which is missing only on lists that it had not.
    pub(super) fn enter_newer_lists(&mut self, id: MemoryId, memory: &MemoryRecord) {
        match memory.trash {
            None => self.by_sha256.insert(sha256_key(id, memory), ()),
            Some(trash) => self.purges.insert(purge_key(id, memory, trash), ()),
        };
    }

    /// Takes a memory off the lists of its state. It may be missing on those that release 0.1.0 had
    /// not.
    pub(super) fn leave_lists(&mut self, id: MemoryId, memory: &MemoryRecord) {
        if let Some(trash) = memory.trash {
            self.trash.remove(&(memory.capsule, id.0));
            self.purges.remove(&purge_key(id, memory, trash));
        } else {
            self.by_capsule.remove(&(memory.capsule, id.0));
            self.by_blob.remove(&(memory.place.blob_id.0, id.0));
            self.by_sha256.remove(&sha256_key(id, memory));
        }
    }
}

fn sha256_key(id: MemoryId, memory: &MemoryRecord) -> (u64, [u8; 32], u64) {
    let sha256 = memory.sha256[..].try_into();
    let sha256 = sha256.expect("BUG: a memory has a SHA-256 of another length");
    (memory.capsule, sha256, id.0)
}

fn purge_key(id: MemoryId, memory: &MemoryRecord, trash: StoredTrash) -> (Principal, u64, u64) {
    (memory.gateway, trash.purge_at, id.0)
}
