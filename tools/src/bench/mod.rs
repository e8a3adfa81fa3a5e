//! Measures the costs of uploads on the real canisters, and compares them with committed tables.
//!
//! `work` says what is measured; `scene`, `uploads` and `reads` do it. `row` is one measurement,
//! `form` names the columns of each table, and `table` prints, reads and compares one. `document`
//! holds the committed tables. `bounds` holds whatever they say. `hostile` measures the calls of a
//! stranger.

pub mod bounds;
mod cells;
pub mod document;
pub mod form;
pub mod hostile;
mod reads;
mod row;
mod scene;
mod table;
mod uploads;
mod work;

pub use row::Row;
pub use table::{compare, parse, render};
pub use work::{Measured, measure};
