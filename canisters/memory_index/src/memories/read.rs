//! Listing and reading memories, and finding the blobs of memories.

use super::page::{Order, page};
use super::record::MemoryRecord;
use crate::ids::MemoryId;
use crate::index::{Call, Index};
use candid::Principal;
use capsule_shared::memory_index::{BlobPlace, Memory, MemoryHead, MemoryHeader, MemoryPage};
use capsule_shared::{BlobId, Error, Result};
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// A page of the capsule's memories behind `cursor`, oldest first or newest first.
    ///
    /// `page` says how `cursor` and `limit` work, and when they are an `InvalidArgument`. Memories
    /// in the trash aren't listed.
    pub fn memory_list(
        &self,
        who: Principal,
        capsule_id: &str,
        cursor: Option<&str>,
        limit: Option<u32>,
        order: Order,
    ) -> Result<MemoryPage> {
        let (capsule, _) = self.capsule(who, capsule_id)?;
        let (ids, next) = page(&self.by_capsule, capsule.0, cursor, limit, order)?;
        Ok(MemoryPage {
            memories: ids.into_iter().filter_map(|id| self.header(id)).collect(),
            next,
            newest_first: Some(order == Order::NewestFirst),
        })
    }

    /// A memory that a list names, as an entry of that list. `None` if it is gone: release 0.1.0,
    /// put back by mistake, deletes memories and leaves newer lists as they are.
    pub(super) fn header(&self, id: MemoryId) -> Option<MemoryHeader> {
        let memory = self.memories.get(&id.0)?;
        Some(memory.into_header(id))
    }

    /// A memory as a gateway works with it.
    pub(super) fn head(&self, id: MemoryId, memory: MemoryRecord) -> MemoryHead {
        MemoryHead {
            owner: Some(self.owners.owner_of(memory.gateway)),
            ..memory.into_memory(id).into()
        }
    }

    /// A memory with all its metadata. `NotFound` for a memory in the trash.
    pub fn memory_read(&self, who: Principal, id: &str) -> Result<Memory> {
        let (id, memory, _) = self.memory(who, id)?;
        if memory.trash.is_some() {
            return Err(Error::NotFound);
        }
        Ok(memory.into_memory(id))
    }

    /// The place of a blob that `who` may read. `NotFound` if no memory has the blob,
    /// `Unauthorized` if only memories do that `who` may not read.
    ///
    /// Blob ids are unique within one blob store. If memories in several stores have the same id,
    /// the one that the calling gateway committed wins, then one that it owns. Otherwise it is the
    /// oldest that `who` may read.
    pub fn blob_locate(&self, call: Call, who: Principal, blob_id: BlobId) -> Result<BlobPlace> {
        let mut found = Vec::new();
        let mut known = false;
        for (_, number) in self.by_blob.range((blob_id.0, 0)..=(blob_id.0, u64::MAX)) {
            known = true;
            let memory = self.memories.get(&number);
            let memory = memory.expect("BUG: a blob has no memory");
            if self.capsule_of(&memory).has_right(who) {
                found.push(memory);
            }
        }
        let committed = found.iter().position(|m| m.gateway == call.gateway);
        let own = committed.or_else(|| {
            let mut found = found.iter();
            found.position(|m| self.owners.owner_of(m.gateway) == call.gateway)
        });
        match found.into_iter().nth(own.unwrap_or(0)) {
            Some(memory) => Ok(memory.place.into()),
            None if known => Err(Error::Unauthorized),
            None => Err(Error::NotFound),
        }
    }
}
