//! Noting that the bytes of a memory lie in another store.

use crate::ids::MemoryId;
use crate::index::{Call, Index};
use candid::Principal;
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// Changes the store of a memory's place to `to`, if the memory lies in `from`. One that lies
    /// in `to` already stays. It may be in the trash or taken down: it still has bytes.
    ///
    /// `NotFound` if the memory is deleted or never existed. `Conflict` unless the calling gateway
    /// owns it, and if it lies in neither store; the error names the present one.
    pub fn memory_relocate(
        &mut self,
        call: Call,
        id: &str,
        from: Principal,
        to: Principal,
    ) -> Result<()> {
        let id = MemoryId::parse(id)?;
        let mut memory = self.present(id)?;
        self.check_owner(call, id, &memory)?;
        let store = memory.place.store;
        if store == to {
            return Ok(());
        }
        if store != from {
            return Err(Error::conflict(format!(
                "store of {id} is {store}, expected {from} or {to}"
            )));
        }
        self.leave_store(id, &memory);
        memory.place.store = to;
        memory.relocated = Some(true);
        self.enter_store(id, &memory);
        self.memories.insert(id.0, memory);
        Ok(())
    }
}
