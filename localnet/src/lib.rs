//! A small deterministic Internet Computer for one machine.
//!
//! A layer imports only from lower ones. From the lowest up:
//!
//! - `prices`: prices, limits and instruction weights
//! - `wasm`: WebAssembly and the System API
//! - `replica`: the state machine, with the management canister
//! - `http`: the server in front of it

pub mod http;
mod prices;
pub mod replica;
pub mod wasm;
