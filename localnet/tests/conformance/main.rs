//! What canister code relies on, shown with small test canisters on the core of the network: no sockets, no clock.
//!
//! The numbers (prices, instructions, limits, codes, words) are those that an official server of 13-node application
//! subnets answers with; each test states them.

mod bounded_wait;
mod callbacks;
mod calls;
mod certified;
mod chunks;
mod costs;
mod cycles;
mod freezing;
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
mod sizes;
mod timers;
mod upgrade;
mod wasm;
