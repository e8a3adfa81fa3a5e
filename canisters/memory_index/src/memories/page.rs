//! Pages of ids: of a capsule's memories, or of its trash.

use crate::ids::{CapsuleId, MemoryId};
use capsule_shared::limits::MAX_PAGE;
use capsule_shared::{Error, Result};
use ic_stable_structures::{Memory, StableBTreeSet};

/// The ids behind `cursor` in a set of capsules and memories, and the cursor of the next page.
///
/// There are at most `limit` ids, and never more than [`MAX_PAGE`], which is also the default. A
/// cursor stays valid when the set loses the memory that it names. `InvalidArgument` for a limit of
/// 0 and for a cursor that no page returned.
pub fn page<M: Memory>(
    set: &StableBTreeSet<(u64, u64), M>,
    capsule: CapsuleId,
    cursor: Option<&str>,
    limit: Option<u32>,
) -> Result<(Vec<MemoryId>, Option<String>)> {
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
    let mut rest = set
        .range((capsule.0, from)..=(capsule.0, u64::MAX))
        .map(|(_, number)| MemoryId(number));
    let ids: Vec<MemoryId> = rest.by_ref().take(limit).collect();
    let more = rest.next().is_some();
    let next = ids.last().filter(|_| more).map(|id| id.to_string());
    Ok((ids, next))
}
