//! How the calls of the people went: how many succeeded, and after how many rounds.

use super::run::{Asked, Flight};
use candid::{Reserved, decode_one};
use capsule_shared::Error;
use std::ops::AddAssign;

/// Counts of begins, chunks and finishes that were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub answered: u64,
    /// The answers that were Ok.
    pub ok: u64,
    /// The sum of the rounds that these took.
    pub rounds: u64,
}

impl Tally {
    /// Counts the answer to a call that arrived in this round.
    pub(super) fn count(&mut self, flight: &Flight, reply: &[u8], round: u64) {
        if !matches!(
            flight.asked,
            Asked::Begin { .. } | Asked::Put { .. } | Asked::Finish { .. }
        ) {
            return;
        }
        self.answered += 1;
        if let Ok(Ok(_)) = decode_one::<Result<Reserved, Error>>(reply) {
            self.ok += 1;
            self.rounds += round - flight.round;
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
    }
}
