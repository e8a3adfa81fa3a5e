//! The lists of free runs, compared with the blocks that no file has.

use super::record::Check;
use crate::blob::store::BlobStore;
use crate::extents::block::Run;
use capsule_shared::blob_store::FaultKind;
use ic_stable_structures::Memory;

/// Compares the first free run from `block` on with the list. Returns where to go on, or `None` at
/// the end.
pub fn by_place<M: Memory>(store: &mut BlobStore<M>, check: &mut Check, block: u32) -> Option<u32> {
    let space = store.totals().space;
    let claims = store.extents.claims.as_ref();
    let claims = claims.expect("BUG: the walk has begun");
    let free = claims.next_free(space, block);
    let listed = store.extents.free.listed_from(block);
    let fault = match (free, listed) {
        (None, None) => return None,
        (Some(free), Some((listed, true))) if free == listed => return Some(free.first + 1),
        (Some(free), Some((listed, false))) if free == listed => {
            format!("{} are listed by place only", blocks(free))
        }
        (free, Some((listed, _))) if free.is_none_or(|free| listed.first <= free.first) => {
            format!("{} are listed as free, and are no free run", blocks(listed))
        }
        (Some(free), _) => format!(
            "{} belong to no blob, and aren't listed as free",
            blocks(free)
        ),
        (None, Some(_)) => unreachable!("BUG: the arm before it has this case"),
    };
    check.found(FaultKind::Free, None, fault);
    let firsts = [free.map(|run| run.first), listed.map(|(run, _)| run.first)];
    if check.status.options.repair {
        mend(store, block, free);
        check.status.mended += 1;
    }
    Some(firsts.into_iter().flatten().min()? + 1)
}

/// Lists exactly this free run from `block` up to its end. It is done in one message: nobody takes
/// a block of which a wrong entry and a right one are listed.
fn mend<M: Memory>(store: &mut BlobStore<M>, block: u32, free: Option<Run>) {
    let lists = &mut store.extents.free;
    let end = free.map_or(u32::MAX, Run::end);
    while let Some((wrong, _)) = lists.listed_from(block)
        && wrong.first < end
    {
        lists.strike(wrong);
    }
    if let Some(free) = free {
        lists.insert(free);
    }
}

fn blocks(run: Run) -> String {
    format!("blocks {} to {}", run.first, run.end() - 1)
}

/// Looks whether the first run of the list by length from this entry on is listed by place, too.
pub fn by_length<M: Memory>(
    store: &mut BlobStore<M>,
    check: &mut Check,
    entry: (u32, u32),
) -> Option<(u32, u32)> {
    let (run, by_place) = store.extents.free.listed_by_length_from(entry)?;
    if !by_place {
        let text = format!("{} are listed by length only", blocks(run));
        check.found(FaultKind::Free, None, text);
        if check.status.options.repair {
            store.extents.free.strike(run);
            check.status.mended += 1;
        }
    }
    match run.first.checked_add(1) {
        Some(next) => Some((run.blocks, next)),
        None => Some((run.blocks.checked_add(1)?, 0)),
    }
}
