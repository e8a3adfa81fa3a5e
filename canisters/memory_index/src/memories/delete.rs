//! Deleting memories.

use crate::index::{Call, Index};
use candid::Principal;
use capsule_shared::memory_index::Memory;
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// Deletes a memory and returns it as it was.
    ///
    /// `Conflict` unless the calling gateway committed it, because no other gateway can delete its
    /// blob. `NotFound` if it is deleted already or never existed, `Unauthorized` if `who` has no
    /// right in its capsule.
    pub fn memory_delete(&mut self, call: Call, who: Principal, id: &str) -> Result<Memory> {
        let (id, memory, mut capsule) = self.memory(who, id)?;
        if memory.gateway != call.gateway {
            return Err(Error::conflict(format!(
                "gateway is {}, expected {}, which committed {id}",
                call.gateway, memory.gateway
            )));
        }
        capsule.stored_bytes -= memory.place.size;
        capsule.memory_count -= 1;
        capsule.touch(who, call.now);
        self.capsules.insert(memory.capsule, capsule);
        self.by_capsule.remove(&(memory.capsule, id.0));
        self.by_blob.remove(&(memory.place.blob_id.0, id.0));
        self.memories.remove(&id.0);
        Ok(memory.into_memory(id))
    }
}
