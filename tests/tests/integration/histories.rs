//! Random histories; `cargo xtask soak` runs more of them.

use tools::history::soak;

/// The same seed in each run, so that every change faces the same histories.
const FIRST_SEED: u64 = 1;
const HISTORIES: u64 = 500;

#[test]
fn histories_lose_nothing() {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let report = soak(FIRST_SEED, HISTORIES, cores, |_| ());
    if let Some(failure) = report.failure {
        panic!("{failure}");
    }
    assert_eq!(report.histories, HISTORIES);
}
