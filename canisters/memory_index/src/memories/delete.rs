//! Deleting memories for good.

use super::record::MemoryRecord;
use crate::capsules::record::CapsuleRecord;
use crate::ids::MemoryId;
use crate::index::{Call, Index};
use candid::Principal;
use capsule_shared::memory_index::{Memory, MemoryHead};
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// Deletes a memory, in the trash or not, and returns it as it was.
    ///
    /// `Conflict` unless the calling gateway owns it, because no other gateway can delete its blob.
    /// `NotFound` if it is deleted already, was taken down or never existed. `Unauthorized` if
    /// `who` has no right in its capsule.
    pub fn memory_delete(&mut self, call: Call, who: Principal, id: &str) -> Result<Memory> {
        let (id, memory, mut capsule) = self.own_memory(call, who, id)?;
        capsule.touch(who, call.now);
        Ok(self.remove(id, memory, capsule).into_memory(id))
    }

    /// Deletes a memory whose time in the trash is over, or that was taken down, and returns it as
    /// it was. Nobody's right counts: somebody had it when the memory was trashed.
    ///
    /// `Conflict` unless the memory is purged at `purge_at`, and unless the calling gateway owns
    /// it. `NotFound` if it is deleted already. Temporary before `purge_at`, because clocks of two
    /// canisters may differ.
    pub fn memory_expire(&mut self, call: Call, id: &str, purge_at: u64) -> Result<MemoryHead> {
        let id = MemoryId::parse(id)?;
        let memory = self.present(id)?;
        self.check_owner(call, id, &memory)?;
        let Some(trash) = memory.trash else {
            return Err(Error::conflict(format!(
                "{id} is listed, expected it in the trash until {purge_at}"
            )));
        };
        if trash.purge_at != purge_at {
            return Err(Error::conflict(format!(
                "purge_at is {purge_at}, expected {}, when {id} is due",
                trash.purge_at
            )));
        }
        if call.now < purge_at {
            return Err(Error::temporary(format!(
                "the time is {}, expected at least {purge_at}",
                call.now
            )));
        }
        let mut capsule = self.capsule_of(&memory);
        capsule.updated_at = call.now;
        self.note_purged(id, &memory, call.now);
        let removed = self.remove(id, memory, capsule);
        Ok(self.head(id, removed))
    }

    /// Takes a memory out of the index, and returns it as it was.
    fn remove(
        &mut self,
        id: MemoryId,
        memory: MemoryRecord,
        capsule: CapsuleRecord,
    ) -> MemoryRecord {
        let metadata = memory.metadata_bytes.unwrap_or(0);
        let mut capsule = CapsuleRecord {
            stored_bytes: capsule.stored_bytes - memory.place.size,
            memory_count: capsule.memory_count - 1,
            metadata_bytes: capsule
                .metadata_bytes
                .map(|bytes| bytes.saturating_sub(metadata)),
            ..capsule
        };
        capsule.uncount_trash(memory.trash.is_some());
        self.capsules.insert(memory.capsule, capsule);
        self.leave_lists(id, &memory);
        self.leave_store(id, &memory);
        self.memories.remove(&id.0);
        memory
    }
}
