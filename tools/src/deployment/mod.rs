//! The three canisters on a fresh network.
//!
//! Deployment has two stages, because the canisters name each other: [`Created`] canisters have ids
//! but no code, and a [`Deployment`] has the code that knows those ids.

mod created;
mod operated;
mod parts;
mod running;

pub use created::{Created, Lines, deploy, without_trash};
pub use parts::{Part, controller, person, release_0_1_0, wasm};
pub use running::Deployment;
