//! Noting that the bytes of a memory lie in another store.

use super::record::StoredPlace;
use crate::ids::MemoryId;
use crate::index::{Call, Index};
use capsule_shared::memory_index::BlobPlace;
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// Changes the store of a memory's place to that of `to`, if the memory lies at `from`. One
    /// that lies at `to` already stays. It may be in the trash or taken down: it still has bytes.
    ///
    /// `InvalidArgument` if the places differ in anything but the store: the key of a blob never
    /// changes. `NotFound` if the memory is deleted or never existed. `Conflict` unless the calling
    /// gateway owns it, and if it lies at neither place.
    pub fn memory_relocate(
        &mut self,
        call: Call,
        id: &str,
        from: BlobPlace,
        to: BlobPlace,
    ) -> Result<()> {
        check_same_blob(&from, &to)?;
        let id = MemoryId::parse(id)?;
        let mut memory = self.memories.get(&id.0).ok_or(Error::NotFound)?;
        self.check_owner(call, id, &memory)?;
        let (from, to) = (StoredPlace::from(from), StoredPlace::from(to));
        if memory.place == to {
            return Ok(());
        }
        if memory.place != from {
            let StoredPlace { store, blob_id, .. } = memory.place;
            return Err(Error::conflict(format!(
                "{id} is {blob_id} of {} bytes in store {store}, expected {} of {} bytes in store \
                 {} or {}",
                memory.place.size, from.blob_id, from.size, from.store, to.store
            )));
        }
        self.leave_store(id, &memory);
        memory.place = to;
        memory.relocated = Some(true);
        self.enter_store(id, &memory);
        self.memories.insert(id.0, memory);
        Ok(())
    }
}

/// `InvalidArgument` unless two places are those of one blob, in different stores or not.
fn check_same_blob(from: &BlobPlace, to: &BlobPlace) -> Result<()> {
    let wrong = |field: &str, is: &dyn std::fmt::Display, expected: &dyn std::fmt::Display| {
        Err(Error::invalid(format!(
            "to.{field} is {is}, expected {expected} as in from"
        )))
    };
    if to.blob_id != from.blob_id {
        return wrong("blob_id", &to.blob_id, &from.blob_id);
    }
    if to.key != from.key {
        return Err(Error::invalid(
            "to.key is another key, expected that of from",
        ));
    }
    if to.size != from.size {
        return wrong("size", &to.size, &from.size);
    }
    if to.chunk_count != from.chunk_count {
        return wrong("chunk_count", &to.chunk_count, &from.chunk_count);
    }
    Ok(())
}
