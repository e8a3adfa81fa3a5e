//! Takedowns: a canister controller hides a memory from everybody, without its gateway.
//!
//! A memory that was taken down is due to be purged at once. Only the gateway that owns it can
//! delete the bytes, so the record stays until then. The list of takedowns keeps its entry.

use super::page::{cursor_of, cut, limit_of};
use super::record::{MemoryRecord, StoredTakedown, StoredTrash};
use crate::ids::{CapsuleId, MemoryId};
use crate::index::{Call, Index};
use capsule_shared::Result;
use capsule_shared::operators::{Takedown, TakedownPage};
use ic_stable_structures::Memory as StableMemory;
use std::ops::Bound;

impl<M: StableMemory> Index<M> {
    /// Takes a memory down, in the trash or not. From then on it is `NotFound` for everybody, and
    /// nobody can restore it. It counts in its capsule until it is purged. Repeating it changes
    /// nothing, also after that.
    ///
    /// `NotFound` if the memory was deleted before, or never existed.
    pub fn memory_takedown(&mut self, call: Call, id: &str) -> Result<Takedown> {
        let id = MemoryId::parse(id)?;
        if let Some(takedown) = self.takedowns.get(&id.0) {
            return Ok(self.takedown(id, takedown));
        }
        let memory = self.present(id)?;
        let mut capsule = self.capsule_of(&memory);
        capsule.updated_at = call.now;
        let trash = StoredTrash {
            trashed_at: call.now,
            trashed_by: call.gateway,
            purge_at: call.now,
            taken_down: Some(true),
        };
        let takedown = StoredTakedown {
            capsule: memory.capsule,
            uploaded_by: memory.uploaded_by,
            sha256: memory.sha256.clone(),
            gateway: memory.gateway,
            session_id: memory.session_id,
            taken_down_at: call.now,
            taken_down_by: call.gateway,
            purged_at: None,
        };
        self.takedowns.insert(id.0, takedown.clone());
        self.set_trash(id, memory, capsule, Some(trash));
        Ok(self.takedown(id, takedown))
    }

    /// A page of all takedowns behind the memory `after`, in the order of upload, those of purged
    /// memories included.
    ///
    /// `page` says how `limit` counts, and when the arguments are an `InvalidArgument`.
    pub fn takedowns_list(&self, after: Option<&str>, limit: Option<u32>) -> Result<TakedownPage> {
        let limit = limit_of(limit)?;
        let from = cursor_of(after)?.map_or(Bound::Unbounded, |id| Bound::Excluded(id.0));
        let entries = self.takedowns.range((from, Bound::Unbounded));
        let takedowns = entries.take(limit + 1).map(|entry| {
            let (number, takedown) = entry.into_pair();
            self.takedown(MemoryId(number), takedown)
        });
        let id = |last: &Takedown| last.memory_id.clone();
        let (takedowns, next) = cut(takedowns.collect(), limit, id);
        Ok(TakedownPage { takedowns, next })
    }

    /// The memories that were taken down and aren't purged yet: those with a record that are
    /// neither listed nor in the trash. Both sets are whole from the first start on.
    pub fn taken_down(&self) -> u64 {
        let others = self.by_capsule.len() + self.trash.len();
        self.memories.len().saturating_sub(others)
    }

    /// Notes that a memory leaves the index, if it was taken down.
    pub(super) fn note_purged(&mut self, id: MemoryId, memory: &MemoryRecord, now: u64) {
        if memory.is_taken_down() {
            let takedown = self.takedowns.get(&id.0);
            let takedown = takedown.expect("BUG: a memory was taken down without an entry");
            let purged_at = Some(now);
            let takedown = StoredTakedown {
                purged_at,
                ..takedown
            };
            self.takedowns.insert(id.0, takedown);
        }
    }

    fn takedown(&self, id: MemoryId, stored: StoredTakedown) -> Takedown {
        Takedown {
            memory_id: id.to_string(),
            capsule_id: CapsuleId(stored.capsule).to_string(),
            uploaded_by: stored.uploaded_by,
            sha256: stored.sha256,
            gateway: stored.gateway,
            session_id: stored.session_id,
            owner: self.owners.owner_of(stored.gateway),
            taken_down_at: stored.taken_down_at,
            taken_down_by: stored.taken_down_by,
            purged_at: stored.purged_at,
        }
    }
}
