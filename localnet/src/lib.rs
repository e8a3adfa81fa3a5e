//! A small deterministic Internet Computer for one machine.
//!
//! `core` is the state machine (canisters, messages, cycles, time, rounds), `system` the ic0 System API on wasmtime,
//! `ic00` the management canister, `http` the PocketIC REST protocol in front of them.

pub mod core;
mod ic00;
pub mod server;
pub mod system;
