//! One measured call of a stranger.

use crate::statistics::Statistics;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The canister refused the message before it ran.
    Rejected,
    /// The method answered with an error.
    Refused,
    /// The method did its work. A chunk on its way to a store counts in the budgets, also if the
    /// store refuses it.
    Taken,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Rejected => "rejected",
            Outcome::Refused => "refused",
            Outcome::Taken => "taken",
        }
    }
}

/// The costs of one call to all canisters together, with the jobs that it makes.
#[derive(Clone, Debug)]
pub struct HostileRow {
    /// Method and situation: the key when two tables are compared.
    pub name: String,
    pub outcome: Outcome,
    pub costs: Statistics,
}

impl HostileRow {
    /// The cells in the order of [`COLUMNS`].
    pub fn cells(&self) -> [f64; COLUMNS.len()] {
        [
            self.costs.ingress_cycles as f64 / 1e6,
            self.beyond_ingress(),
            self.costs.stable_written_bytes as f64,
        ]
    }

    /// Millions of cycles beside the price of the message itself.
    pub fn beyond_ingress(&self) -> f64 {
        (self.costs.relay_cycles() + self.costs.computing_cycles()) as f64 / 1e6
    }
}

/// The titles of the cells: millions of cycles, millions of cycles, bytes.
pub const COLUMNS: [&str; 3] = ["ingress", "beyond it", "stable bytes written"];
