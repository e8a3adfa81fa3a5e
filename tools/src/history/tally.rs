//! How the calls of the people went: how many succeeded, and after how many rounds.

use std::ops::AddAssign;

/// Counts of begins, chunks and finishes that were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub answered: u64,
    /// The answers that were Ok.
    pub ok: u64,
    /// The sum of the rounds that these took.
    pub rounds: u64,
    /// The histories that began with release 0.1.0.
    pub old: u64,
    /// Those of them in which people got answers while the store was copying.
    pub while_copying: u64,
}

impl Tally {
    /// Counts an answer, and the rounds that it took if it is Ok.
    pub(super) fn count(&mut self, rounds: Option<u64>) {
        self.answered += 1;
        if let Some(rounds) = rounds {
            self.ok += 1;
            self.rounds += rounds;
        }
    }

    /// The share of the answers that were Ok.
    pub fn success(&self) -> f64 {
        self.ok as f64 / self.answered.max(1) as f64
    }

    /// The mean number of rounds until an Ok.
    pub fn latency(&self) -> f64 {
        self.rounds as f64 / self.ok.max(1) as f64
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.answered += other.answered;
        self.ok += other.ok;
        self.rounds += other.rounds;
        self.old += other.old;
        self.while_copying += other.while_copying;
    }
}
