//! The memories of each store, the trash included: their bytes lie there. This file alone changes
//! the set and the totals, so they always agree.

use super::page::{Order, cut, limit_of, page};
use super::record::{MemoryRecord, StoreTotals};
use crate::ids::MemoryId;
use crate::index::Index;
use candid::Principal;
use capsule_shared::operators::{StoreMemory, StorePage, StoreUse, StoreUsePage};
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory as StableMemory;
use std::ops::Bound;

impl<M: StableMemory> Index<M> {
    /// A page of the memories whose blobs lie in `store`, behind the memory `after`, oldest first.
    ///
    /// `page` says how `after` and `limit` work, and when they are an `InvalidArgument`. Temporary
    /// while older memories are missing in the set.
    pub fn memories_of_store(
        &self,
        store: Principal,
        after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<StorePage> {
        self.check_placed()?;
        let (ids, next) = page(&self.by_store, store, after, limit, Order::OldestFirst)?;
        let memories = ids.into_iter().filter_map(|id| self.in_store(id)).collect();
        Ok(StorePage { memories, next })
    }

    /// A page of the stores that have memories, behind the store `after`.
    ///
    /// `InvalidArgument` for a limit of 0. Temporary while older memories are missing.
    pub fn stores_of_memories(
        &self,
        after: Option<Principal>,
        limit: Option<u32>,
    ) -> Result<StoreUsePage> {
        self.check_placed()?;
        let limit = limit_of(limit)?;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let stores = self.stores.range((from, Bound::Unbounded));
        let stores = stores.take(limit + 1).map(|entry| {
            let (store, StoreTotals { memories, bytes }) = entry.into_pair();
            StoreUse {
                store,
                memories,
                bytes,
            }
        });
        let (stores, next) = cut(stores.collect(), limit, |last| last.store);
        Ok(StoreUsePage { stores, next })
    }

    /// Temporary while memories are missing in this set and in that of `due`.
    pub(super) fn check_placed(&self) -> Result<()> {
        match self.unplaced() {
            0 => Ok(()),
            left => Err(Error::temporary(format!(
                "the index is still entering memories by their store after an upgrade, up to {}, \
                 expected all to be there",
                MemoryId(left)
            ))),
        }
    }

    /// Enters a memory under the store of its place. One that is there stays.
    pub(super) fn enter_store(&mut self, id: MemoryId, memory: &MemoryRecord) {
        let store = memory.place.store;
        if self.by_store.insert((store, id.0), ()).is_none() {
            let totals = self.stores.get(&store).unwrap_or_default();
            let totals = StoreTotals {
                memories: totals.memories + 1,
                bytes: totals.bytes + memory.place.size,
            };
            self.stores.insert(store, totals);
        }
    }

    /// Takes a memory away from the store of its place. One that isn't entered yet changes nothing.
    pub(super) fn leave_store(&mut self, id: MemoryId, memory: &MemoryRecord) {
        let store = memory.place.store;
        if self.by_store.remove(&(store, id.0)).is_some() {
            let totals = self.stores.get(&store);
            let totals = totals.expect("BUG: a store with memories has no totals");
            let left = StoreTotals {
                memories: totals.memories - 1,
                bytes: totals.bytes - memory.place.size,
            };
            match left.memories {
                0 => self.stores.remove(&store),
                _ => self.stores.insert(store, left),
            };
        }
    }

    fn in_store(&self, id: MemoryId) -> Option<StoreMemory> {
        let memory = self.memories.get(&id.0)?;
        let taken_down = memory.is_taken_down();
        Some(StoreMemory {
            id: id.to_string(),
            gateway: memory.gateway,
            session_id: memory.session_id,
            owner: self.owners.owner_of(memory.gateway),
            place: memory.place.into(),
            sha256: memory.sha256,
            in_trash: memory.trash.is_some() && !taken_down,
            taken_down,
        })
    }
}
