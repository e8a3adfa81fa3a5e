//! Rewrites a module so that it counts its instructions, and so that its state can be taken out and put back.
//!
//! - a mutable global holds the instructions that are left; each basic block takes its cost off at its start, and the
//!   start of a function or loop traps once nothing is left;
//! - that global, all other mutable globals, the memory, the first table and the start function are exported under
//!   names that begin with [`PREFIX`];
//! - active data segments are taken out (they become the first image of the memory), and the start function no longer
//!   runs by itself, because an instance is made anew for each message.

mod count;
mod data;
mod metering;
mod names;
mod output;
mod rewrite;

pub use names::{COUNTER, MEMORY, START, TABLE, global_export};
pub use output::{InstrumentError, Instrumented};
pub use rewrite::instrument;
