//! Measures the costs of uploads on the real canisters, and compares them with committed tables.
//!
//! `work` and `filled` say what is measured; `scene`, `uploads` and `reads` do it. `fill` lets a
//! store hold 100 GB. `row` is one measurement, `form` names the columns of each table, and `table`
//! prints, reads and compares one. `document` holds the committed tables. `bounds` holds whatever
//! they say. `hostile` measures the calls of a stranger, and `speed` compares with a release.

pub mod bounds;
mod cells;
pub mod document;
mod fill;
mod filled;
pub mod form;
pub mod hostile;
mod reads;
mod row;
mod scene;
pub mod speed;
mod table;
mod uploads;
mod work;

pub use filled::measure_filled;
pub use row::Row;
pub use table::{compare, parse, render};
pub use work::{Measured, measure};
