//! One measurement: the costs of a piece of work, for each chunk and each byte.

use crate::deployment::Part;
use crate::statistics::Statistics;
use std::time::Duration;

/// The costs of a piece of work.
#[derive(Clone, Debug)]
pub struct Row {
    /// The name of the work, and the key when two tables are compared.
    pub name: String,
    /// Chunks that the work sends or deletes.
    pub chunks: u64,
    /// Bytes of data in these chunks.
    pub bytes: u64,
    pub time: Duration,
    /// The costs by canister, in the order of [`Part::ALL`].
    pub parts: [Statistics; 3],
}

impl Row {
    fn sum(&self) -> Statistics {
        let mut sum = Statistics::default();
        for part in &self.parts {
            sum += part;
        }
        sum
    }

    /// Millions of cycles for each chunk.
    fn per_chunk(&self, cycles: u128) -> f64 {
        cycles as f64 / 1e6 / self.chunks as f64
    }

    fn per_byte(&self, count: u64) -> f64 {
        count as f64 / self.bytes as f64
    }

    /// The cells that do not depend on the machine, in the order of [`COLUMNS`].
    pub fn cells(&self) -> [f64; COLUMNS.len()] {
        let sum = self.sum();
        let [gateway, store, index] =
            [0, 1, 2].map(|part: usize| self.per_chunk(self.parts[part].cycles()));
        const { assert!(matches!(Part::ALL[0], Part::Gateway)) };
        [
            gateway,
            store,
            index,
            self.per_chunk(sum.ingress_cycles),
            self.per_chunk(sum.relay_cycles()),
            self.per_chunk(sum.computing_cycles()),
            self.per_byte(sum.instructions),
            self.per_byte(sum.stable_read_bytes),
            self.per_byte(sum.stable_written_bytes),
            sum.largest_execution as f64 / 1e6,
        ]
    }

    /// Megabytes a second; depends on the machine.
    pub fn speed(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.time.as_secs_f64().max(1e-9)
    }

    /// Millions of cycles for each chunk beside ingress and relay.
    pub fn computing(&self) -> f64 {
        self.per_chunk(self.sum().computing_cycles())
    }
}

/// A column of the table.
pub struct Column {
    pub title: &'static str,
    pub is_cycles: bool,
}

const fn column(title: &'static str, is_cycles: bool) -> Column {
    Column { title, is_cycles }
}

pub const COLUMNS: [Column; 10] = [
    column("gateway", true),
    column("store", true),
    column("index", true),
    column("ingress", true),
    column("relay", true),
    column("computing", true),
    column("instr/B", false),
    column("read/B", false),
    column("written/B", false),
    column("largest", false),
];
