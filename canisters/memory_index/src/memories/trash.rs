//! The trash: a memory in it is neither listed nor read, but it counts and can be restored.
//!
//! A memory that was taken down is not in the trash, although it is due to be purged as one that
//! is; see `takedown`.

use super::page::{Order, page};
use super::record::StoredTrash;
use crate::ids::MemoryId;
use crate::index::{Call, Index};
use candid::Principal;
use capsule_shared::Result;
use capsule_shared::memory_index::{MemoryFound, Trash, TrashPage, TrashedMemory};
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// A memory, in the trash or not. Errors are those of `memory_read`.
    pub fn memory_find(&self, who: Principal, id: &str) -> Result<MemoryFound> {
        let (id, memory, _) = self.memory(who, id)?;
        let trash = memory.trash.map(Trash::from);
        let memory = self.head(id, memory);
        Ok(MemoryFound { memory, trash })
    }

    /// Puts a memory into the trash until `purge_at` (nanoseconds since 1970). A memory that is
    /// there keeps its time, and the answer tells it.
    ///
    /// Errors are those of `memory_delete`.
    pub fn memory_trash(
        &mut self,
        call: Call,
        who: Principal,
        id: &str,
        purge_at: u64,
    ) -> Result<Trash> {
        let (id, memory, mut capsule) = self.own_memory(call, who, id)?;
        if let Some(trash) = memory.trash {
            return Ok(trash.into());
        }
        let trash = StoredTrash {
            trashed_at: call.now,
            trashed_by: who,
            purge_at,
            taken_down: None,
        };
        capsule.touch(who, call.now);
        self.set_trash(id, memory, capsule, Some(trash));
        Ok(trash.into())
    }

    /// Takes a memory out of the trash. One that isn't there stays as it is.
    ///
    /// Errors are those of `memory_delete`.
    pub fn memory_restore(&mut self, call: Call, who: Principal, id: &str) -> Result<()> {
        let (id, memory, mut capsule) = self.own_memory(call, who, id)?;
        if memory.trash.is_some() {
            capsule.touch(who, call.now);
            self.set_trash(id, memory, capsule, None);
        }
        Ok(())
    }

    /// A page of the capsule's trash behind `cursor`, in the order of upload. Limits, cursors and
    /// errors are those of `memory_list`.
    pub fn memory_trash_list(
        &self,
        who: Principal,
        capsule_id: &str,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<TrashPage> {
        let (capsule, _) = self.capsule(who, capsule_id)?;
        let (ids, next) = page(&self.trash, capsule.0, cursor, limit, Order::OldestFirst)?;
        let entry = |id: MemoryId| {
            let memory = self.memories.get(&id.0)?;
            let trash = memory.trash?.into();
            let memory = memory.into_header(id);
            Some(TrashedMemory { memory, trash })
        };
        let memories = ids.into_iter().filter_map(entry).collect();
        Ok(TrashPage { memories, next })
    }
}
