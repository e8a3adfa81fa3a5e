//! The deterministic replica: canisters, messages, cycles, time and rounds.
//!
//! It uses no sockets, no threads, no wall clock and no randomness. It may use `prices` and `wasm`
//! and nothing else of this crate. `management` is the management canister.

mod access;
mod attempt;
mod call_graph;
mod callback;
mod canister;
mod certificate;
mod conclude;
mod delivery;
mod execute;
mod ids;
mod lifecycle;
mod log;
pub(crate) mod management;
mod message;
mod network;
mod node;
mod query;
mod rejects;
mod round;
mod settings;
mod state_tree;
mod statistics;
mod submit;
mod subnets;
mod types;
mod upkeep;

pub(crate) use certificate::cbor;
pub use network::Network;
pub use state_tree::Path;
pub use statistics::Statistics;
pub use types::*;
