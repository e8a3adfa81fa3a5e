//! Listing and reading memories, and finding the blobs of memories.

use crate::ids::MemoryId;
use crate::index::{Call, Index};
use candid::Principal;
use capsule_shared::limits::MAX_PAGE;
use capsule_shared::memory_index::{BlobPlace, Memory, MemoryPage};
use capsule_shared::{BlobId, Error, Result};
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// A page of the capsule's memories behind `cursor`, oldest first.
    ///
    /// It has at most `limit` memories, and never more than [`MAX_PAGE`], which is also the
    /// default. A cursor stays valid when the memory that it names is deleted. `InvalidArgument`
    /// for a limit of 0 and for a cursor that no page returned.
    pub fn memory_list(
        &self,
        who: Principal,
        capsule_id: &str,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<MemoryPage> {
        let (capsule, _) = self.capsule(who, capsule_id)?;
        let limit = limit.unwrap_or(MAX_PAGE).min(MAX_PAGE) as usize;
        if limit == 0 {
            return Err(Error::invalid(format!(
                "limit is 0, expected 1 to {MAX_PAGE}"
            )));
        }
        let from = match cursor.map(MemoryId::parse) {
            None => 0,
            Some(Ok(last)) => last.0.saturating_add(1),
            Some(Err(_)) => {
                return Err(Error::invalid(
                    "cursor is not a memory id, expected the `next` of an earlier page",
                ));
            }
        };
        let mut rest = self
            .by_capsule
            .range((capsule.0, from)..=(capsule.0, u64::MAX))
            .map(|(_, number)| MemoryId(number));
        let ids: Vec<MemoryId> = rest.by_ref().take(limit).collect();
        let more = rest.next().is_some();
        let header = |id: &MemoryId| {
            let memory = self.memories.get(&id.0);
            let memory = memory.expect("BUG: a memory of a capsule has no record");
            memory.into_header(*id)
        };
        Ok(MemoryPage {
            memories: ids.iter().map(header).collect(),
            next: ids.last().filter(|_| more).map(|id| id.to_string()),
        })
    }

    /// A memory with all its metadata.
    pub fn memory_read(&self, who: Principal, id: &str) -> Result<Memory> {
        let (id, memory, _) = self.memory(who, id)?;
        Ok(memory.into_memory(id))
    }

    /// The place of a blob that `who` may read. `NotFound` if no memory has the blob,
    /// `Unauthorized` if only memories do that `who` may not read.
    ///
    /// Blob ids are unique within one blob store. If memories in several stores have the same id,
    /// the one of the calling gateway wins, or else the oldest that `who` may read.
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
        let own = found.iter().position(|m| m.gateway == call.gateway);
        match found.into_iter().nth(own.unwrap_or(0)) {
            Some(memory) => Ok(memory.place.into()),
            None if known => Err(Error::Unauthorized),
            None => Err(Error::NotFound),
        }
    }
}
