//! Tests everything that canister code relies on, with small canisters on a network without sockets
//! or a wall clock.
//!
//! The numbers and texts (prices, instructions, limits, codes, rejects) are those of an official
//! server with application subnets of 13 nodes. Each test states them itself, so that a wrong price
//! can't confirm itself.

mod allocation;
mod bounded_wait;
mod callbacks;
mod calls;
mod certified;
mod chunks;
mod composite;
mod costs;
mod cycles;
mod freezing;
mod heap_delta;
mod install;
mod instructions;
mod lifecycle;
mod limits;
mod logs;
mod memory;
mod messages;
mod modules;
mod net;
mod queries;
mod rejects;
mod sizes;
mod snapshots;
mod timers;
mod upgrade;
mod wasm;
