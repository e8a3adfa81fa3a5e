//! Measures the costs of uploads on the real canisters, and compares them with a committed table.
//!
//! `work` uploads and measures, `row` is one measurement, `table` prints, reads and compares them.
//! `bounds` holds whatever the table says. `hostile` measures the calls of a stranger.

pub mod bounds;
mod cells;
pub mod hostile;
mod row;
mod table;
mod work;

pub use row::Row;
pub use table::{compare, parse, render};
pub use work::measure;
