//! Checks who owns each block, against a map of all blocks.

use crate::blob::layout::Layout;
use crate::blob::record::BlobState;
use crate::blob::store::BlobStore;
use crate::extents::block::{Run, SECOND_REGION, blocks_of};
use crate::extents::space::Space;
use ic_stable_structures::Memory;
use std::collections::BTreeSet;

/// Every block is in one file or in one free run, free runs are merged and listed twice, and the
/// sums are right. A sealed file has no block more than it needs.
pub fn check_blocks<M: Memory>(store: &BlobStore<M>) {
    let space = store.totals().space;
    let mut owned = BTreeSet::new();
    let mut own = |run: Run| {
        for block in run.first..run.end() {
            assert!(is_there(space, block), "block {block} isn't there");
            assert!(owned.insert(block), "block {block} has two owners");
        }
    };
    let mut allocated = 0;
    for entry in store.records.iter() {
        let (key, record) = (entry.key(), entry.value());
        let runs: Vec<(u32, Run)> = store.extents.files.of(key).collect();
        for pair in runs.windows(2) {
            let [(begin, run), (next, _)] = pair else {
                unreachable!("BUG: windows of 2 have 2")
            };
            assert!(begin + run.blocks <= *next, "runs of a file overlap");
        }
        let blocks: u32 = runs.iter().map(|(_, run)| run.blocks).sum();
        runs.into_iter().for_each(|(_, run)| own(run));
        allocated += u64::from(blocks);
        if let Layout::File(shape) = record.layout
            && record.state == BlobState::Sealed
        {
            // A chunk that lies apart shares no block with those beside it.
            let more = if shape.apart.is_some() { 2 } else { 0 };
            let needed = blocks_of(record.bytes);
            assert!(
                (needed..=needed + more).contains(&blocks),
                "{blocks} blocks for {needed}"
            );
        }
    }
    let free: Vec<Run> = store.extents.free.iter().collect();
    for pair in free.windows(2) {
        assert!(pair[0].end() < pair[1].first, "{pair:?} aren't merged");
    }
    free.iter().for_each(|run| own(*run));
    let blocks: u32 = free.iter().map(|run| run.blocks).sum();
    let count = free.len() as u64;
    assert_eq!(
        (store.extents.free.counts(), space.free),
        ((count, count), blocks)
    );
    assert_eq!(space.allocated(), allocated);
    assert_eq!(owned.len() as u64, allocated + u64::from(blocks));
    assert_eq!(
        owned.len() as u64,
        u64::from(space.high_water) + u64::from(space.second)
    );
}

fn is_there(space: Space, block: u32) -> bool {
    match block.checked_sub(SECOND_REGION) {
        None => block < space.high_water,
        // The first block is the fence.
        Some(block) => (1..=space.second).contains(&block),
    }
}
