//! Rewrites a module, so that it counts its instructions and its state can be saved and restored.
//!
//! - A mutable global holds the instructions that are left. Each basic block subtracts its cost at
//!   its start. The start of a function or loop traps once nothing is left.
//! - The new module exports that global, all other mutable globals, the memory, the first table and
//!   the start function. Their names begin with `localnet:`.
//! - Each message runs in a new instance. Active data segments are therefore taken out (they become
//!   the first image of the memory), and the start function no longer runs by itself.
//!
//! This folder may use `memory` and the layer `prices`.

mod count;
mod data;
mod metering;
mod names;
mod output;
mod rewrite;

pub use names::{COUNTER, MEMORY, START, TABLE, global_export};
pub use output::{InstrumentError, Instrumented};
pub use rewrite::instrument;
