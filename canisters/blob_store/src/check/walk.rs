//! The walk over all blobs and their runs.

use super::record::Check;
use crate::blob::layout::Layout;
use crate::blob::record::{BlobRecord, BlobState};
use crate::blob::store::BlobStore;
use crate::blob::successor::successor;
use crate::blob::sums::Sums;
use crate::extents::block::BLOCK_BYTES;
use crate::extents::claims::{Claims, Twice};
use capsule_shared::BlobKey;
use capsule_shared::blob_store::FaultKind;
use ic_stable_structures::Memory;

/// Begins the count. It takes all the heap that the count needs, so that no later message has to.
pub fn begin<M: Memory>(store: &mut BlobStore<M>) {
    let totals = store.totals();
    let capacity = u32::try_from(totals.capacity_bytes / BLOCK_BYTES).unwrap_or(u32::MAX);
    let first = capacity.max(totals.space.high_water);
    let second = store.extents.blocks.whole_second().blocks;
    store.extents.claims = Some(Claims::begin(first, second + 1));
    store.sums = Some(Sums::default());
}

pub fn end<M: Memory>(store: &mut BlobStore<M>) {
    store.extents.claims = None;
    store.sums = None;
}

fn claims<M: Memory>(store: &mut BlobStore<M>) -> &mut Claims {
    let claims = store.extents.claims.as_mut();
    claims.expect("BUG: the walk has begun")
}

/// Looks at the next record or run. Returns whether the walk is over.
pub fn step<M: Memory>(store: &mut BlobStore<M>, check: &mut Check) -> bool {
    let Some((key, block)) = claims(store).at() else {
        return true;
    };
    let next = match block {
        None => look_at_next_record(store, check, key).map(|key| (key, Some(0))),
        Some(block) => look_at_run(store, check, key, block),
    };
    claims(store).go_to(next);
    next.is_none()
}

/// Reports blocks that were found to belong to two files, also when a file took one meanwhile.
pub fn report_twice<M: Memory>(store: &mut BlobStore<M>, check: &mut Check) {
    let Some(claims) = store.extents.claims.as_mut() else {
        return;
    };
    while let Some(Twice { file, block }) = claims.next_twice() {
        claims.faulty = true;
        let text = format!("block {block} belongs to another blob, too, expected one owner");
        check.found(FaultKind::Twice, Some(file), text);
    }
}

/// A blob has a fault.
fn found<M: Memory>(
    store: &mut BlobStore<M>,
    check: &mut Check,
    kind: FaultKind,
    key: [u8; 32],
    text: String,
) {
    claims(store).faulty = true;
    check.found(kind, Some(key), text);
}

/// Looks at the record of the first blob or file from this key on, and returns its key.
fn look_at_next_record<M: Memory>(
    store: &mut BlobStore<M>,
    check: &mut Check,
    from: [u8; 32],
) -> Option<[u8; 32]> {
    let recorded = store.records.range(from..).next();
    let recorded = recorded.map(|entry| (*entry.key(), entry.value()));
    let file = store.extents.files.first_file(from);
    let key = match (&recorded, file) {
        (Some((key, _)), Some(file)) => file.min(*key),
        (Some((key, _)), None) => *key,
        (None, file) => file?,
    };
    match recorded.filter(|(recorded, _)| *recorded == key) {
        Some((_, record)) => {
            check.status.blobs += 1;
            let sums = store.sums.as_mut();
            sums.expect("BUG: the walk has begun").add(&record);
            let id = BlobKey(key).blob_id();
            if store.blob_ids.get(&id.0) != Some(key) {
                let text = format!("{id} isn't listed with this key, expected the one of its blob");
                check.found(FaultKind::BlobId, Some(key), text);
            }
        }
        None => {
            let text = "blocks belong to a blob without a record, expected one".into();
            found(store, check, FaultKind::Orphan, key, text);
        }
    }
    Some(key)
}

/// Looks at the next run of a file from `block` on, and returns the place behind it.
fn look_at_run<M: Memory>(
    store: &mut BlobStore<M>,
    check: &mut Check,
    key: [u8; 32],
    block: u32,
) -> Option<([u8; 32], Option<u32>)> {
    let run = store.extents.files.next_run(&key, block);
    let begin = run.map(|(begin, _)| begin);
    if begin != Some(block) {
        let record = store.records.get(&key);
        let missing = record.and_then(|record| missing(&record, block, begin));
        if let Some(byte) = missing {
            let text = format!("byte {byte} of the file has no block, expected one");
            found(store, check, FaultKind::Missing, key, text);
        }
    }
    let Some((begin, run)) = run else {
        return successor(key).map(|key| (key, None));
    };
    let behind = begin.checked_add(run.blocks.max(1));
    let files = &store.extents.files;
    let overlaps = match (begin.checked_add(1), behind) {
        (Some(second), Some(end)) => second + files.gap_behind(&key, second) < end,
        _ => false,
    };
    if run.blocks == 0 || overlaps {
        let text = format!(
            "the run of {} blocks at block {begin} of the file is empty or covers another run",
            run.blocks
        );
        found(store, check, FaultKind::Run, key, text);
    }
    if store.totals().space.has(run) {
        claims(store).claim(&key, run);
    } else {
        let text = format!(
            "{} blocks from block {} on lie outside of the store",
            run.blocks, run.first
        );
        found(store, check, FaultKind::Outside, key, text);
    }
    match behind {
        Some(behind) => Some((key, Some(behind))),
        None => successor(key).map(|key| (key, None)),
    }
}

/// A byte of a stored chunk in the blocks of the file from `from` on, up to `to` or the end. A blob
/// that is being deleted has lost some already, and one in the map has none yet.
fn missing(record: &BlobRecord, from: u32, to: Option<u32>) -> Option<u64> {
    let Layout::File(shape) = record.layout else {
        return None;
    };
    if record.state == BlobState::Deleting {
        return None;
    }
    let begin = u64::from(from) * BLOCK_BYTES;
    let end = to.map_or(u64::MAX, |block| u64::from(block) * BLOCK_BYTES);
    shape.stored_in(&record.chunks, begin, end)
}

/// Compares the sums with the totals, once the walk is over, and mends them if asked.
pub fn check_totals<M: Memory>(store: &mut BlobStore<M>, check: &mut Check) {
    let sums = store.sums.expect("BUG: the walk has begun");
    let mend = check.status.options.repair;
    let mut totals = store.totals();
    for ((name, stored), (_, counted)) in Sums::of(&totals).all().into_iter().zip(sums.all()) {
        if stored != counted {
            let text = format!("the total of {name} is {stored}, expected {counted}");
            check.found_wrong(FaultKind::Total, text, mend);
        }
    }
    if mend && Sums::of(&totals) != sums {
        sums.mend(&mut totals);
        store.set_totals(totals);
    }
    let ids = store.blob_ids.len();
    if ids != sums.blobs {
        let text = format!("{ids} blob ids are listed, expected {}", sums.blobs);
        check.found(FaultKind::BlobId, None, text);
    }
    let blocks = &store.extents.blocks;
    let space = totals.space;
    let second = blocks.whole_second().blocks;
    if u64::from(space.high_water) > blocks.len() || space.second > second {
        let text = format!(
            "the totals have {} and {} blocks, expected at most the {} and {second} of the regions",
            space.high_water,
            space.second,
            blocks.len()
        );
        check.found(FaultKind::Outside, None, text);
        claims(store).faulty = true;
    }
}

/// Compares the number of free blocks with the count, once the lists are right.
pub fn check_free_total<M: Memory>(store: &mut BlobStore<M>, check: &mut Check) {
    let claims = claims(store);
    let claimed = claims.blocks();
    let mend = check.status.options.repair && !claims.faulty;
    let mut totals = store.totals();
    let space = totals.space;
    let there = u64::from(space.high_water) + u64::from(space.second);
    let counted = u32::try_from(there.saturating_sub(claimed)).unwrap_or(u32::MAX);
    if space.free != counted {
        let text = format!(
            "the total of free blocks is {}, expected {counted}",
            space.free
        );
        check.found_wrong(FaultKind::Total, text, mend);
        if mend {
            totals.space.free = counted;
            store.set_totals(totals);
        }
    }
}
