//! The committed tables: which columns they have, and which of them must not grow.

use super::row::Row;
use crate::deployment::Part::{self, BlobStore, Gateway, MemoryIndex};

/// A table: the title of its names, and its columns of figures.
pub struct Form {
    pub names: &'static str,
    pub columns: &'static [Column],
}

/// A column of figures that don't depend on the machine.
pub struct Column {
    pub title: &'static str,
    pub decimals: usize,
    /// The unit in a complaint about a figure that grew. `None` if the figure may grow.
    pub bounded: Option<&'static str>,
    pub figure: fn(&Row) -> f64,
}

impl Form {
    pub fn cells(&self, row: &Row) -> Vec<f64> {
        let columns = self.columns.iter();
        columns.map(|column| (column.figure)(row)).collect()
    }
}

const fn bounded(unit: &'static str, title: &'static str, figure: fn(&Row) -> f64) -> Column {
    Column {
        title,
        decimals: 2,
        bounded: Some(unit),
        figure,
    }
}

const fn free(title: &'static str, figure: fn(&Row) -> f64) -> Column {
    Column {
        title,
        decimals: 2,
        bounded: None,
        figure,
    }
}

const CYCLES: &str = "M cycles a chunk";
const BYTES: &str = "bytes for each byte";
const INSTRUCTIONS: &str = "M instructions a query";

/// The costs of uploads and deletions.
pub const COSTS: Form = Form {
    names: "per chunk",
    columns: &[
        bounded(CYCLES, "gateway", |row| row.cycles(Gateway)),
        bounded(CYCLES, "store", |row| row.cycles(BlobStore)),
        bounded(CYCLES, "index", |row| row.cycles(MemoryIndex)),
        bounded(CYCLES, "ingress", |row| {
            row.mega_per_piece(row.sum().ingress_cycles)
        }),
        bounded(CYCLES, "relay", |row| {
            row.mega_per_piece(row.sum().relay_cycles())
        }),
        bounded(CYCLES, "computing", |row| row.computing()),
        free("st instr", |row| {
            row.mega_per_piece(row.part(BlobStore).instructions.into())
        }),
        free("instr/B", |row| row.per_byte(row.sum().instructions)),
        free("largest", |row| row.sum().largest_execution as f64 / 1e6),
    ],
};

/// The effects of uploads and deletions on memory.
pub const MEMORY: Form = Form {
    names: "per byte",
    columns: &[
        free("read/B", Row::read),
        free("written/B", Row::written),
        bounded(BYTES, "dirty gw/B", |row| row.dirtied(Gateway)),
        bounded(BYTES, "dirty st/B", |row| row.dirtied(BlobStore)),
        Column {
            decimals: 1,
            ..free("st chunks/round", Row::chunks_per_round)
        },
        bounded(BYTES, "alloc/B", Row::grown),
    ],
};

/// The work of queries that read a whole file.
pub const READS: Form = Form {
    names: "per query",
    columns: &[
        bounded(INSTRUCTIONS, "gateway", |row| queried(row, Gateway)),
        bounded(INSTRUCTIONS, "store", |row| queried(row, BlobStore)),
        bounded(INSTRUCTIONS, "index", |row| queried(row, MemoryIndex)),
        free("instr/B", |row| row.per_byte(row.sum().query_instructions)),
        free("read/B", |row| {
            row.per_byte(row.sum().query_stable_read_bytes)
        }),
    ],
};

fn queried(row: &Row, part: Part) -> f64 {
    row.mega_per_piece(row.part(part).query_instructions.into())
}
