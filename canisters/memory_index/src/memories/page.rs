//! Pages of ids: of a capsule's memories, of its trash, or of a store's memories.

use crate::ids::MemoryId;
use crate::index::ReversibleSet;
use capsule_shared::limits::MAX_PAGE;
use capsule_shared::{Error, Result};
use ic_stable_structures::{Memory, Storable};
use std::ops::Bound;

/// The order of the ids in a page, which is that of their uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// The ids behind `cursor` that a set has under `whose`, and the cursor of the next page.
///
/// [`limit_of`] says how `limit` counts. A cursor stays valid when the set loses the memory that it
/// names, and in the other order it goes back. `InvalidArgument` for a cursor that no page
/// returned.
pub fn page<K: Copy, M: Memory>(
    set: &ReversibleSet<(K, u64), M>,
    whose: K,
    cursor: Option<&str>,
    limit: Option<u32>,
    order: Order,
) -> Result<(Vec<MemoryId>, Option<String>)>
where
    (K, u64): Storable + Ord + Clone,
{
    let limit = limit_of(limit)?;
    let last = cursor_of(cursor)?;
    let own = |number| (whose, number);
    let (all, last) = ((own(0), own(u64::MAX)), last.map(|last| own(last.0)));
    // One id more than the page has tells whether there is another page.
    let ids: Vec<MemoryId> = match order {
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
    let (ids, next) = cut(ids, limit, |id| *id);
    Ok((ids, next.map(|id| id.to_string())))
}

/// The most entries of a page: never more than [`MAX_PAGE`], which is also the default.
/// `InvalidArgument` for 0.
pub fn limit_of(limit: Option<u32>) -> Result<usize> {
    match limit.unwrap_or(MAX_PAGE).min(MAX_PAGE) {
        0 => Err(Error::invalid(format!(
            "limit is 0, expected 1 to {MAX_PAGE}"
        ))),
        limit => Ok(limit as usize),
    }
}

/// The memory that a cursor names. `InvalidArgument` if it names none.
pub fn cursor_of(cursor: Option<&str>) -> Result<Option<MemoryId>> {
    cursor.map(MemoryId::parse).transpose().map_err(|_| {
        Error::invalid("cursor is not a memory id, expected the `next` of an earlier page")
    })
}

/// Cuts `entries`, which may have one more than `limit`. The cursor of the last one that stays is
/// there if another page follows.
pub fn cut<T, C>(
    mut entries: Vec<T>,
    limit: usize,
    cursor: impl Fn(&T) -> C,
) -> (Vec<T>, Option<C>) {
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(cursor);
    (entries, next)
}

fn memory<K>((_, number): (K, u64)) -> MemoryId {
    MemoryId(number)
}
