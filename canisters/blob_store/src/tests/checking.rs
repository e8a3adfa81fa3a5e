//! A check finds the faults of a damaged store, and mends some of them.

use super::blocks::check_blocks;
use super::{chunks, gateway, key, state};
use crate::extents::block::Run;
use crate::state::State;
use capsule_shared::Error;
use capsule_shared::blob_store::{CheckOptions, CheckStage, CheckStatus, FaultKind};
use ic_stable_structures::VectorMemory;
use sha2::{Digest, Sha256};

const MEND: CheckOptions = CheckOptions {
    repair: true,
    contents: false,
};
const HASH: CheckOptions = CheckOptions {
    repair: false,
    contents: true,
};

const BLOB_ID: FaultKind = FaultKind::BlobId;
const FREE: FaultKind = FaultKind::Free;
const MISSING: FaultKind = FaultKind::Missing;
const ORPHAN: FaultKind = FaultKind::Orphan;
const OUTSIDE: FaultKind = FaultKind::Outside;
const RUN: FaultKind = FaultKind::Run;
const TOTAL: FaultKind = FaultKind::Total;
const TWICE: FaultKind = FaultKind::Twice;

/// Blobs 1 to 4 of three blocks each; blob 2 is deleted.
fn filled() -> State<VectorMemory> {
    let mut state = state();
    for n in 1..=4 {
        store(&mut state, n);
    }
    let deleted = state.store.delete(gateway(1), key(2), &chunks(9));
    deleted.unwrap();
    state
}

fn store(state: &mut State<VectorMemory>, n: u8) {
    let bytes = vec![n; 3 * 4_096];
    let sha256 = Sha256::digest(&bytes).into();
    let store = &mut state.store;
    store.open_blob(gateway(1), key(n), None).unwrap();
    store.put(gateway(1), key(n), 0, &bytes).unwrap();
    store
        .seal(gateway(1), key(n), 1, bytes.len() as u64, Some(sha256))
        .unwrap();
}

/// Runs a whole check, a few steps at a time.
fn check(state: &mut State<VectorMemory>, options: CheckOptions) -> CheckStatus {
    state.check_begin(options, 7).unwrap();
    while state.check_slice(&chunks(2)) {}
    let status = state.check_status().unwrap();
    assert_eq!((status.stage, status.begun_at), (CheckStage::Done, 7));
    status
}

/// Damages a store, and expects these kinds of faults. A check that mends leaves the `lasting`
/// ones; without those, the store is whole again.
#[track_caller]
fn finds(kinds: &[FaultKind], lasting: &[FaultKind], damage: impl Fn(&mut State<VectorMemory>)) {
    let found = |status: &CheckStatus| {
        let mut found: Vec<_> = status.first_faults.iter().map(|fault| fault.kind).collect();
        found.dedup();
        found
    };
    let mut state = filled();
    damage(&mut state);
    let told = check(&mut state, CheckOptions::default());
    assert_eq!((&found(&told)[..], told.mended), (kinds, 0), "{told:?}");
    let mended = check(&mut state, MEND);
    assert_eq!(found(&mended), kinds, "{mended:?}");
    let left = check(&mut state, CheckOptions::default());
    assert_eq!(found(&left), lasting, "{left:?}");
    // Whatever is damaged, hashing ends.
    check(&mut state, HASH);
    assert_eq!(mended.faults - mended.mended, left.faults, "{mended:?}");
    if lasting.is_empty() {
        assert_eq!(check(&mut state, HASH).faults, 0);
        check_blocks(&state.store);
        store(&mut state, 9);
        check_blocks(&state.store);
    }
}

#[test]
fn a_whole_store_has_no_faults() {
    let mut state = filled();
    let status = check(&mut state, HASH);
    assert_eq!(
        (status.faults, status.blobs, status.hashed_blobs),
        (0, 3, 3)
    );
    assert_eq!((status.hashed_bytes, status.without_sha256), (36_864, 0));
}

#[test]
fn wrong_totals_are_found_and_mended() {
    for damage in [
        |totals: &mut crate::totals::Totals| totals.blobs += 1,
        |totals: &mut crate::totals::Totals| totals.chunks -= 1,
        |totals: &mut crate::totals::Totals| totals.bytes = 0,
        |totals: &mut crate::totals::Totals| totals.promised.known = 5,
        |totals: &mut crate::totals::Totals| totals.promised.others = 5,
        |totals: &mut crate::totals::Totals| totals.space.free -= 1,
    ] {
        finds(&[TOTAL], &[], |state| {
            state.store.change_totals(damage);
        });
    }
}

#[test]
fn wrong_lists_of_free_blocks_are_found_and_mended() {
    let free = Run {
        first: 3,
        blocks: 3,
    };
    let part = |first, blocks| Run { first, blocks };
    // One that is free is missing; one that isn't is listed; one is listed in pieces; both lists
    // differ.
    finds(&[FREE], &[], |state| {
        state.store.extents.free.strike(free);
    });
    for wrong in [
        part(0, 2),
        part(1, 4),
        part(4, 1),
        part(20, 3),
        part(u32::MAX, 9),
    ] {
        finds(&[FREE], &[], |state| {
            state.store.extents.free.insert(wrong);
        });
    }
    finds(&[FREE], &[], |state| {
        let lists = &mut state.store.extents.free;
        lists.strike(free);
        lists.insert(part(3, 1));
        lists.insert(part(5, 1));
    });
    finds(&[FREE], &[], |state| {
        state.store.extents.free.by_start.insert(8, 2);
    });
    finds(&[FREE], &[], |state| {
        state.store.extents.free.by_length.insert((2, 8));
    });
}

#[test]
fn faults_of_blobs_are_told_and_nothing_of_them_is_changed() {
    // Two blobs have a block.
    finds(&[TWICE], &[TWICE], |state| {
        let files = &mut state.store.extents.files;
        let (_, run) = files.pop(&key(4).0).unwrap();
        files.add(&key(4).0, 0, Run { first: 0, ..run });
        // Its own blocks are free now.
        state.store.extents.free.insert(run);
        state.store.change_totals(|totals| totals.space.free += 3);
    });
    // Blocks without a blob.
    finds(&[ORPHAN, TOTAL], &[ORPHAN], |state| {
        state.store.records.remove(&key(3).0);
        state.store.blob_ids.remove(&key(3).blob_id().0);
    });
    // A blob whose id isn't listed, and an id without a blob.
    finds(&[BLOB_ID], &[BLOB_ID], |state| {
        state.store.blob_ids.remove(&key(3).blob_id().0);
    });
    finds(&[BLOB_ID], &[BLOB_ID], |state| {
        state.store.blob_ids.insert(5, key(3).0);
    });
}

/// Blocks that seem to be nobody's may have bytes of the blob.
#[test]
fn lists_stay_as_they_are_while_a_blob_has_a_fault() {
    // A blob lost its last block.
    let all = [MISSING, FREE, TOTAL];
    finds(&all, &all, |state| {
        state.store.extents.files.cut(&key(3).0, 2, 3);
    });
    let instead = |state: &mut State<VectorMemory>, runs: &[(u32, Run)]| {
        let files = &mut state.store.extents.files;
        files.pop(&key(4).0).unwrap();
        for (block, run) in runs {
            files.add(&key(4).0, *block, *run);
        }
    };
    let run = |first, blocks| Run { first, blocks };
    // Blocks that the store doesn't have, at all or in part.
    for outside in [run(u32::MAX - 1, u32::MAX), run(10, 3)] {
        let all = [OUTSIDE, FREE, TOTAL];
        finds(&all, &all, |state| instead(state, &[(0, outside)]));
    }
    // A run that covers another one, and an empty one.
    let all = [RUN, FREE];
    finds(&all, &all, |state| {
        instead(state, &[(0, run(3, 3)), (1, run(10, 1))]);
        state.store.change_totals(|totals| totals.space.free = 3);
        state.store.extents.free.strike(run(3, 3));
    });
    let all = [RUN, FREE, TOTAL];
    finds(&all, &all, |state| {
        instead(state, &[(0, run(10, 0)), (1, run(10, 2))]);
    });
    // More blocks than the region has.
    let all = [OUTSIDE, FREE, TOTAL];
    finds(&all, &all, |state| {
        state
            .store
            .change_totals(|totals| totals.space.high_water = 1 << 20);
    });
}

#[test]
fn changed_bytes_are_found() {
    let mut state = filled();
    let place = crate::extents::region::Place {
        block: 7,
        offset: 10,
    };
    state.store.extents.blocks.write(place, &[77]);
    assert_eq!(check(&mut state, CheckOptions::default()).faults, 0);
    let status = check(&mut state, HASH);
    assert_eq!((status.faults, status.hashed_blobs), (1, 3));
    let fault = &status.first_faults[0];
    assert_eq!(fault.kind, FaultKind::Sha256);
    assert!(fault.key.as_ref().is_some_and(|of| of[..] == key(3).0));
    assert!(fault.text.contains("expected"), "{}", fault.text);
}

/// Hashed blobs stay hashed; the count of blocks begins anew.
#[test]
fn an_upgrade_and_an_end_lose_nothing() {
    let memory = VectorMemory::default();
    let mut state = State::open(memory.clone());
    (1..=4).for_each(|n| store(&mut state, n));
    state.check_begin(HASH, 7).unwrap();
    let conflict = state.check_begin(HASH, 8);
    assert!(matches!(conflict, Err(Error::Conflict(_))), "{conflict:?}");
    let mut hashed = 0;
    while state.check_slice(&chunks(3)) {
        let status = state.check_status().unwrap();
        assert!(status.hashed_blobs >= hashed);
        hashed = status.hashed_blobs;
        if status.stage == CheckStage::Contents {
            state = State::open(memory.clone());
        }
    }
    let status = state.check_status().unwrap();
    assert_eq!((status.hashed_blobs, status.faults), (4, 0));

    state.check_begin(HASH, 9).unwrap();
    state.check_slice(&chunks(1));
    state = State::open(memory.clone());
    assert!(state.is_checking());
    state.check_end();
    assert!(!state.is_checking() && !state.check_slice(&chunks(1)));
    assert_eq!(state.check_status().unwrap().stage, CheckStage::Ended);
    state.check_end();
    assert_eq!(check(&mut state, HASH).faults, 0);
}

/// The count begins anew, and the report keeps what was mended.
#[test]
fn an_upgrade_forgets_no_fault() {
    let memory = VectorMemory::default();
    let mut state = State::open(memory.clone());
    (1..=4).for_each(|n| store(&mut state, n));
    state.store.change_totals(|totals| totals.bytes = 0);
    state.check_begin(MEND, 7).unwrap();
    while state.check_status().unwrap().faults == 0 {
        state.check_slice(&chunks(1));
    }
    assert_eq!(state.check_status().unwrap().stage, CheckStage::Space);
    state = State::open(memory.clone());
    while state.check_slice(&chunks(1)) {}
    let status = state.check_status().unwrap();
    assert_eq!((status.faults, status.mended, status.blobs), (1, 1, 4));
    assert!(status.first_faults[0].mended);
}

/// A file that takes a block of another one, because it was listed as free, is found although the
/// walk has passed both.
#[test]
fn a_block_that_gets_two_owners_meanwhile_is_found() {
    let mut state = filled();
    let listed = Run {
        first: 0,
        blocks: 3,
    };
    let lists = &mut state.store.extents.free;
    lists.strike(Run {
        first: 3,
        blocks: 3,
    });
    lists.insert(listed);
    state.check_begin(CheckOptions::default(), 7).unwrap();
    while state.check_status().unwrap().faults == 0 {
        state.check_slice(&chunks(1));
    }
    store(&mut state, 9);
    while state.check_slice(&chunks(1)) {}
    let status = state.check_status().unwrap();
    let twice = status
        .first_faults
        .iter()
        .filter(|fault| fault.kind == TWICE);
    assert_eq!(twice.count(), 1, "{status:?}");
}
