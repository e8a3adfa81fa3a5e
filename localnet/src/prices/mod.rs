//! Prices, limits and instruction weights: plain numbers and arithmetic, read off an official
//! server.
//!
//! This is the lowest layer. It imports nothing else of this crate.

mod amount;
mod fees;
mod limits;
mod weights;

pub use amount::{cycles, memory};
pub use fees::*;
pub use limits::*;
pub use weights::{FUNCTION_ENTRY, weight};
