//! A small deterministic Internet Computer for one machine.
//!
//! A layer imports only from lower ones. From the lowest up:
//!
//! - `prices`: prices, limits and instruction weights
//! - `wasm`: WebAssembly and the System API
//! - `replica`: the state machine, with the management canister
//! - `server`: the server in front of it

mod prices;
#[cfg(not(target_os = "linux"))]
compile_error!("localnet needs Linux; build the other packages by name, with -p");

pub mod replica;
pub mod server;
pub mod wasm;
