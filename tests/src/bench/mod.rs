//! What uploads cost: measured on the real canisters, compared with the committed table.
//!
//! `work` uploads and measures, `row` is one measurement, `table` prints, reads and compares them.

mod row;
mod table;
mod work;

pub use row::Row;
pub use table::{compare, parse, render};
pub use work::measure;
