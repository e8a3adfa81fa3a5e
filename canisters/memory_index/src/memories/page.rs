//! Pages of ids: of a capsule's memories, or of its trash.

use crate::ids::{CapsuleId, MemoryId};
use crate::index::ReversibleSet;
use capsule_shared::limits::MAX_PAGE;
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory;
use std::ops::Bound;

/// The order of the ids in a page, which is that of their uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// The ids behind `cursor` in a set of capsules and memories, and the cursor of the next page.
///
/// There are at most `limit` ids, and never more than [`MAX_PAGE`], which is also the default. A
/// cursor stays valid when the set loses the memory that it names, and in the other order it goes
/// back. `InvalidArgument` for a limit of 0 and for a cursor that no page returned.
pub fn page<M: Memory>(
    set: &ReversibleSet<(u64, u64), M>,
    capsule: CapsuleId,
    cursor: Option<&str>,
    limit: Option<u32>,
    order: Order,
) -> Result<(Vec<MemoryId>, Option<String>)> {
    let limit = limit.unwrap_or(MAX_PAGE).min(MAX_PAGE) as usize;
    if limit == 0 {
        return Err(Error::invalid(format!(
            "limit is 0, expected 1 to {MAX_PAGE}"
        )));
    }
    let last = cursor.map(MemoryId::parse).transpose().map_err(|_| {
        Error::invalid("cursor is not a memory id, expected the `next` of an earlier page")
    })?;
    let own = |number| (capsule.0, number);
    let (all, last) = ((own(0), own(u64::MAX)), last.map(|last| own(last.0)));
    // One id more than the page has tells whether there is another page.
    let mut ids: Vec<MemoryId> = match order {
        Order::OldestFirst => {
            let from = last.map_or(Bound::Included(all.0), Bound::Excluded);
            let ids = set.keys_range((from, Bound::Included(all.1)));
            ids.take(limit + 1).map(memory).collect()
        }
        Order::NewestFirst => {
            let to = last.map_or(Bound::Included(all.1), Bound::Excluded);
            let ids = set.keys_range((Bound::Included(all.0), to)).rev();
            ids.take(limit + 1).map(memory).collect()
        }
    };
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next = ids.last().filter(|_| more).map(|id| id.to_string());
    Ok((ids, next))
}

fn memory((_, number): (u64, u64)) -> MemoryId {
    MemoryId(number)
}
