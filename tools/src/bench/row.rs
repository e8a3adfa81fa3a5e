//! One measurement: the costs of a piece of work, for each chunk or query and for each byte.

use crate::deployment::Part;
use crate::statistics::Statistics;
use std::time::Duration;

/// A kind of work. Some bounds belong to some kinds only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Uploads whose chunks come in order.
    InOrder,
    /// An upload that the store has to hash.
    OutOfOrder,
    Deletion,
    Read,
}

/// The costs of a piece of work.
#[derive(Clone, Debug)]
pub struct Row {
    /// The name of the work, and the key when two tables are compared.
    pub name: String,
    pub kind: Kind,
    /// Chunks that the work sends or deletes, or queries that it reads with.
    pub pieces: u64,
    /// Bytes of data in these chunks or replies.
    pub bytes: u64,
    pub time: Duration,
    /// The costs by canister, in the order of [`Part::ALL`].
    pub parts: [Statistics; 3],
    /// Bytes by which the store's allocated space grew; below zero after a deletion.
    pub allocated: f64,
}

impl Row {
    pub fn part(&self, part: Part) -> &Statistics {
        let place = Part::ALL.iter().position(|other| *other == part);
        &self.parts[place.expect("BUG: all canisters are in the list")]
    }

    /// The costs of all canisters.
    pub fn sum(&self) -> Statistics {
        let mut sum = Statistics::default();
        for part in &self.parts {
            sum += part;
        }
        sum
    }

    /// Millions for each chunk or query.
    pub fn mega_per_piece(&self, count: u128) -> f64 {
        count as f64 / 1e6 / self.pieces as f64
    }

    pub fn per_byte(&self, count: u64) -> f64 {
        count as f64 / self.bytes as f64
    }

    /// Megabytes a second; depends on the machine.
    pub fn speed(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.time.as_secs_f64().max(1e-9)
    }

    /// Millions of cycles for each chunk beside ingress and relay.
    pub fn computing(&self) -> f64 {
        self.mega_per_piece(self.sum().computing_cycles())
    }

    /// Millions of cycles of one canister for each chunk.
    pub fn cycles(&self, part: Part) -> f64 {
        self.mega_per_piece(self.part(part).cycles())
    }

    /// Bytes of pages that one canister writes, for each byte of data.
    pub fn dirtied(&self, part: Part) -> f64 {
        self.per_byte(self.part(part).dirtied_bytes)
    }

    /// Bytes of stable memory that all canisters read, for each byte of data.
    pub fn read(&self) -> f64 {
        self.per_byte(self.sum().stable_read_bytes)
    }

    /// Bytes of stable memory that all canisters write, for each byte of data.
    pub fn written(&self) -> f64 {
        self.per_byte(self.sum().stable_written_bytes)
    }

    /// Bytes by which the store's allocated space grew, for each byte of data.
    pub fn grown(&self) -> f64 {
        self.allocated / self.bytes as f64
    }

    /// Chunks that the store takes in each round, by the memory that it may write.
    pub fn chunks_per_round(&self) -> f64 {
        let dirtied = self.part(Part::BlobStore).dirtied_bytes;
        (DIRTIED_PER_ROUND * self.pieces) as f64 / dirtied as f64
    }
}

/// Bytes of memory pages that a canister may write in a round.
///
/// Source: the replica's configuration (`heap_delta_rate_limit`).
const DIRTIED_PER_ROUND: u64 = 75 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_takes_as_many_chunks_a_round_as_their_pages_allow() {
        let writes = |dirtied_bytes| {
            let store = Statistics {
                dirtied_bytes,
                ..Statistics::default()
            };
            let row = Row {
                name: "row".into(),
                kind: Kind::InOrder,
                pieces: 3,
                bytes: 3,
                time: Duration::ZERO,
                parts: [Statistics::default(), store, Statistics::default()],
                allocated: 0.0,
            };
            row.chunks_per_round()
        };
        assert_eq!(writes(3 * (30 << 20)), 2.5);
    }
}
