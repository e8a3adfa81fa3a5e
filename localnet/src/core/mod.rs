//! The deterministic core: canisters, messages, cycles, time, rounds. No sockets, threads, wall clock or randomness.

mod access;
pub mod canister;
mod certificate;
mod conclude;
mod execute;
mod message;
mod network;
mod node;
pub mod prices;
mod query;
mod state_tree;
mod statistics;
mod types;
mod upkeep;

pub(crate) use certificate::cbor;
pub(crate) use execute::{fault_reject, no_module};
pub(crate) use message::{Origin, Request};
pub use network::Network;
pub(crate) use network::call_bytes;
pub use state_tree::Path;
pub use statistics::Statistics;
pub use types::*;
