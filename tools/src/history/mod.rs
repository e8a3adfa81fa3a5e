//! Random histories on the real wasm.
//!
//! Several people upload at once. Meanwhile calls between the canisters fail, canisters stop,
//! freeze and are upgraded, the operator slips, and the clock jumps. In the end everything is
//! repaired, and the stored data must equal the acknowledged data.

mod audit;
mod beginning;
mod flood;
mod generate;
mod judge;
mod model;
mod old;
mod plan;
mod play;
mod run;
mod send;
mod slips;
mod soak;
mod strangers;
mod tally;
mod upgrades;
mod verdict;
mod world;
mod wrong_settings;

pub use generate::history;
pub use plan::History;
pub use play::play;
pub use soak::{Failure, Report, soak};
pub use strangers::Strangers;
pub use tally::Tally;
pub use verdict::Checked;
