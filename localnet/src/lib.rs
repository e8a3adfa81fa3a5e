//! A small deterministic Internet Computer for one machine.
//!
//! The layers, the lowest first: `prices` (what things cost and weigh), `wasm` (WebAssembly and the
//! System API), `replica` (the state machine, with the management canister), and `http` (the server
//! in front of it). A layer imports only from lower ones.

pub mod http;
mod prices;
pub mod replica;
pub mod wasm;
