//! The lists of free runs, compared with the blocks that no file has.

use super::record::Check;
use crate::blob::store::BlobStore;
use crate::extents::block::Run;
use capsule_shared::blob_store::FaultKind;
use ic_stable_structures::Memory;

/// A step strikes so many wrong entries at most.
const MAX_STRUCK: usize = 1_000;

/// Compares the first free run from `block` on with the list. Returns where to go on, or `None` at
/// the end.
pub fn by_place<M: Memory>(store: &mut BlobStore<M>, check: &mut Check, block: u32) -> Option<u32> {
    let space = store.totals().space;
    let claims = store.extents.claims.as_ref();
    let claims = claims.expect("BUG: the walk has begun");
    let mend = check.status.options.repair && !claims.faulty;
    let free = claims.next_free(space, block);
    let listed = store.extents.free.listed_from(block);
    let fault = match (free, listed) {
        (None, None) => return None,
        (Some(free), Some((listed, true))) if free == listed => return free.first.checked_add(1),
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
    check.found_wrong(FaultKind::Free, fault, mend);
    if mend && !list_exactly(store, block, free) {
        return Some(block);
    }
    let firsts = [free.map(|run| run.first), listed.map(|(run, _)| run.first)];
    firsts.into_iter().flatten().min()?.checked_add(1)
}

/// Lists this free run, and no other from `block` up to its end. It is done in one message: nobody
/// takes a block of which a wrong entry and a right one are listed. Returns `false` if so many
/// entries are wrong that another step has to go on.
fn list_exactly<M: Memory>(store: &mut BlobStore<M>, block: u32, free: Option<Run>) -> bool {
    let lists = &mut store.extents.free;
    for _ in 0..MAX_STRUCK {
        let wrong = lists.listed_from(block).map(|(wrong, _)| wrong);
        match wrong.filter(|wrong| free.is_none_or(|free| wrong.first < free.end())) {
            Some(wrong) => lists.strike(wrong),
            None => {
                free.into_iter().for_each(|free| lists.insert(free));
                return true;
            }
        }
    }
    false
}

fn blocks(run: Run) -> String {
    format!("{} blocks from block {} on", run.blocks, run.first)
}

/// Looks whether the first run of the list by length from this entry on is listed by place, too.
/// Returns where to go on, or `None` at the end.
pub fn by_length<M: Memory>(
    store: &mut BlobStore<M>,
    check: &mut Check,
    entry: (u32, u32),
) -> Option<(u32, u32)> {
    let (run, by_place) = store.extents.free.listed_by_length_from(entry)?;
    if !by_place {
        let claims = store.extents.claims.as_ref();
        let faulty = claims.is_none_or(|claims| claims.faulty);
        let mend = check.status.options.repair && !faulty;
        let text = format!("{} are listed by length only", blocks(run));
        check.found_wrong(FaultKind::Free, text, mend);
        if mend {
            store.extents.free.strike(run);
        }
    }
    match run.first.checked_add(1) {
        Some(next) => Some((run.blocks, next)),
        None => Some((run.blocks.checked_add(1)?, 0)),
    }
}
