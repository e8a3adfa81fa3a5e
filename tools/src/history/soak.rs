//! Plays many histories, several at once. A failing history is shrunk to the steps that matter.

use super::generate::history;
use super::plan::History;
use super::play::play;
use super::strangers::Strangers;
use super::tally::Tally;
use crate::engine::network;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The most histories that shrinking plays.
const MAX_SHRINKS: u32 = 400;

/// A history that failed.
#[derive(Debug)]
pub struct Failure {
    pub seed: u64,
    pub reason: String,
    /// The shrunk history, and the reason why that one fails.
    pub smallest: History,
    pub smallest_reason: String,
}

#[derive(Debug)]
pub struct Report {
    pub histories: u64,
    pub failure: Option<Box<Failure>>,
    /// How the people's calls went without strangers, and with them if there was a flood.
    pub without: Tally,
    pub flooded: Tally,
}

/// Plays the histories of the seeds from `first` on, in `threads` threads.
///
/// With `flood`, plays each history a second time while strangers flood the gateway. Calls `done`
/// after each with their number so far, and ends with the first failure.
pub fn soak(
    first: u64,
    histories: u64,
    threads: usize,
    flood: bool,
    done: impl Fn(u64) + Sync,
) -> Report {
    let next = AtomicU64::new(0);
    let count = AtomicU64::new(0);
    let failed = AtomicBool::new(false);
    let failure = Mutex::new(None);
    let tallies = Mutex::new([Tally::default(); 2]);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= histories {
                        return;
                    }
                    let seed = first.wrapping_add(number);
                    match one(seed, flood, &failed) {
                        Ok(played) => {
                            let mut sums = tallies.lock().unwrap_or_else(|e| e.into_inner());
                            (0..2).for_each(|which| sums[which] += played[which]);
                        }
                        Err(None) => return,
                        Err(Some(found)) => {
                            let mut failure = failure.lock().unwrap_or_else(|e| e.into_inner());
                            failure.get_or_insert(found);
                            return;
                        }
                    }
                    done(count.fetch_add(1, Ordering::Relaxed) + 1);
                }
            });
        }
    });
    let [without, flooded] = tallies.into_inner().unwrap_or_else(|e| e.into_inner());
    Report {
        without,
        flooded,
        histories: count.into_inner(),
        failure: failure.into_inner().unwrap_or_else(|e| e.into_inner()),
    }
}

/// Plays the history of one seed. Shrinks a failure, unless another thread already shrinks one:
/// then the failure is `None`.
fn one(seed: u64, flood: bool, failed: &AtomicBool) -> Result<[Tally; 2], Option<Box<Failure>>> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut tree = history()
        .new_tree(&mut runner)
        .expect("BUG: a history can always be made");
    let reason = match attempt(&tree.current(), flood) {
        Ok(tallies) => return Ok(tallies),
        Err(reason) => reason,
    };
    if failed.swap(true, Ordering::Relaxed) {
        return Err(None);
    }
    let mut smallest = (tree.current(), reason.clone());
    let mut shrinks = 0;
    let mut simpler = tree.simplify();
    while simpler && shrinks < MAX_SHRINKS {
        shrinks += 1;
        let current = tree.current();
        simpler = match attempt(&current, flood) {
            Err(reason) => {
                smallest = (current, reason);
                tree.simplify()
            }
            Ok(_) => tree.complicate(),
        };
    }
    let (smallest, smallest_reason) = smallest;
    Err(Some(Box::new(Failure {
        seed,
        reason,
        smallest,
        smallest_reason,
    })))
}

/// Plays a history. A panic of the harness fails it, too.
fn attempt(history: &History, flood: bool) -> Result<[Tally; 2], String> {
    let both = || {
        let one = |strangers| play(network(), history, strangers);
        match flood {
            false => Ok([one(Strangers::None)?, Tally::default()]),
            true => Ok([one(Strangers::Absent)?, one(Strangers::Flood)?]),
        }
    };
    catch_unwind(AssertUnwindSafe(both)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
        Err(text.unwrap_or_else(|| "a panic without a text".into()))
    })
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "the history of seed {} fails: {}",
            self.seed, self.reason
        )?;
        writeln!(f, "shrunk, it fails with: {}", self.smallest_reason)?;
        if let Some(beginning) = &self.smallest.beginning {
            writeln!(f, "  begins with release 0.1.0: {beginning:?}")?;
        }
        for (number, file) in self.smallest.files.iter().enumerate() {
            writeln!(f, "  file {number}: {file:?}")?;
        }
        for (number, step) in self.smallest.steps.iter().enumerate() {
            writeln!(f, "  step {number}: {step:?}")?;
        }
        Ok(())
    }
}
