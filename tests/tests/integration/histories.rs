//! Random histories; `cargo xtask soak` runs more of them.

use tools::history::soak;

/// The same seed in each run, so that every change faces the same histories.
const FIRST_SEED: u64 = 1;
const HISTORIES: u64 = 500;

#[test]
fn histories_lose_nothing() {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let report = soak(FIRST_SEED, HISTORIES, cores, false, |_| ());
    if let Some(failure) = report.failure {
        panic!("{failure}");
    }
    assert_eq!(report.histories, HISTORIES);
    // Many begin with release 0.1.0, and go on while the store copies.
    let begun = report.without;
    assert!(begun.old > 100 && begun.while_copying > 50, "{begun:?}");
}

/// Flooded histories, each played a second time without the strangers. They take longer.
const FLOODED: u64 = 30;

#[test]
fn a_flood_of_strangers_locks_nobody_out() {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let report = soak(FIRST_SEED, FLOODED, cores, true, |_| ());
    if let Some(failure) = report.failure {
        panic!("{failure}");
    }
    let (without, flooded) = (report.without, report.flooded);
    assert!(flooded.ok > 0, "{flooded:?}");
    assert!(
        2.0 * flooded.success() >= without.success(),
        "{without:?} {flooded:?}"
    );
    assert!(
        flooded.latency() <= 2.0 * without.latency(),
        "{without:?} {flooded:?}"
    );
}
