//! Memories that their owning gateway has to purge: their time in the trash is over, or they were
//! taken down.
//!
//! A gateway has a job of its own for each memory that it put into the trash. It learns here of
//! those that it can't know: memories that were taken down, and the trash of a gateway whose
//! memories it owns now.

use super::page::{cursor_of, cut, limit_of};
use crate::ids::MemoryId;
use crate::index::Index;
use candid::Principal;
use capsule_shared::Result;
use capsule_shared::operators::{DueCursor, DuePage, MemoryDue};
use ic_stable_structures::Memory as StableMemory;
use std::ops::Bound;

impl<M: StableMemory> Index<M> {
    /// A page of the memories of `owner` that are due at `now`, behind `after`, in the order of the
    /// committing gateway and the time. A memory leaves when it is purged.
    ///
    /// It reads all transfers, and looks once for each gateway whose memories `owner` has:
    /// [`MAX_TRANSFERS`](canister_common::owners::MAX_TRANSFERS) bounds both.
    ///
    /// `page::limit_of` says how `limit` counts. `InvalidArgument` for a cursor without a memory.
    /// Temporary while older memories are missing in the set.
    pub fn memories_due(
        &self,
        owner: Principal,
        now: u64,
        after: Option<DueCursor>,
        limit: Option<u32>,
    ) -> Result<DuePage> {
        self.check_placed()?;
        let limit = limit_of(limit)?;
        let id = cursor_of(after.as_ref().map(|last| last.memory_id.as_str()))?;
        let after = after
            .zip(id)
            .map(|(last, id)| (last.gateway, last.purge_at, id.0));
        let mut due = Vec::new();
        for gateway in self.owners.gateways_of(owner) {
            let from = match after {
                Some(last) if gateway < last.0 => continue,
                Some(last) if gateway == last.0 => Bound::Excluded(last),
                _ => Bound::Included((gateway, 0, 0)),
            };
            let to = Bound::Included((gateway, now, u64::MAX));
            // A cursor may lie behind the range, if the time was another one.
            let more = self.purges.keys_range((from, to));
            due.extend(more.take(limit + 1 - due.len()));
            if due.len() > limit {
                break;
            }
        }
        let (due, next) = cut(due, limit, |&(gateway, purge_at, number)| DueCursor {
            gateway,
            purge_at,
            memory_id: MemoryId(number).to_string(),
        });
        let memory = |(gateway, purge_at, number)| {
            Some(MemoryDue {
                gateway,
                purge_at,
                memory_id: MemoryId(number).to_string(),
                place: self.memories.get(&number)?.place.into(),
            })
        };
        let memories = due.into_iter().filter_map(memory).collect();
        Ok(DuePage { memories, next })
    }
}
