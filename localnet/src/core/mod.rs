//! The deterministic core: canisters, messages, cycles, time, rounds. No sockets, threads, wall clock or randomness.

mod access;
pub mod canister;
mod certificate;
mod conclude;
mod execute;
mod message;
mod network;
pub mod prices;
mod query;
mod statistics;
mod types;
mod upkeep;

pub(crate) use execute::{fault_reject, no_module};
pub(crate) use message::{Origin, Request};
pub use network::Network;
pub(crate) use network::call_bytes;
pub use statistics::Statistics;
pub use types::*;
