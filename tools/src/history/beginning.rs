//! Generates the beginning of a history with canisters of release 0.1.0, and the steps around the
//! upgrade of its store.
//!
//! From that upgrade on, the store copies its blobs while the history goes on.

use super::plan::{Beginning, File, Outage, Place, Progress, Step};
use proptest::prelude::*;

/// The chunks of a film. The store copies it in two turns.
const FILM_CHUNKS: u32 = 12;
const FILM_CHUNK_BYTES: usize = 1_800_000;

/// A beginning, and which of the files are films.
pub(super) fn beginning(files: usize) -> impl Strategy<Value = (Beginning, Vec<bool>)> {
    let progress = prop_oneof![
        1 => Just(Progress::Nothing),
        3 => (1..5u32).prop_map(Progress::Open),
        4 => Just(Progress::Committed),
    ];
    (
        any::<bool>(),
        any::<bool>(),
        prop::collection::vec(progress, files),
        prop::collection::vec(prop::bool::weighted(0.1), files),
    )
        .prop_map(|(gateway, index, uploads, films)| {
            let beginning = Beginning {
                gateway,
                index,
                uploads,
            };
            (beginning, films)
        })
}

/// Makes a file a film. Its last chunk stays as long as it is.
pub(super) fn film(file: File) -> File {
    File {
        chunks: FILM_CHUNKS,
        len: FILM_CHUNK_BYTES,
        ..file
    }
}

/// Steps around the upgrade of the store: what may meet it, the upgrade, and what may meet copying.
pub(super) fn upgrade_of_the_store(files: usize) -> impl Strategy<Value = Vec<Step>> {
    let around = || {
        prop_oneof![
            4 => Just(Step::Round),
            3 => (0..files).prop_map(Step::Delete),
            3 => (0..files).prop_map(Step::Purge),
            2 => (0..files).prop_map(Step::Next),
            1 => (0..files).prop_map(Step::Abort),
            2 => outage_of_the_store(),
            1 => any::<bool>().prop_map(upgrade),
        ]
    };
    (
        prop::collection::vec(around(), 0..6),
        any::<bool>(),
        prop::collection::vec(around(), 0..10),
    )
        .prop_map(|(mut steps, rudely, after)| {
            steps.push(upgrade(rudely));
            steps.extend(after);
            steps
        })
}

fn upgrade(rudely: bool) -> Step {
    match rudely {
        true => Step::Rudely(Place::Store),
        false => Step::Upgrade(Place::Store),
    }
}

fn outage_of_the_store() -> impl Strategy<Value = Step> {
    let outage = prop_oneof![
        Just(Outage::Stopped(Place::Store)),
        Just(Outage::Frozen(Place::Store)),
        Just(Outage::OldStore),
    ];
    (outage, 1..6usize).prop_map(|(outage, steps)| Step::Outage(outage, steps))
}
