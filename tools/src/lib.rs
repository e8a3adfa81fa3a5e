//! Drives the real wasm of the three canisters through the `pocket-ic` crate, on any engine.
//!
//! The programs behind `cargo xtask` and the integration tests share this crate. [`engine`] finds
//! or starts a server, [`deployment`] installs the canisters on a fresh network, [`client`] makes
//! typed calls, and [`source`] describes the data to upload.

pub mod arguments;
pub mod bench;
pub mod client;
pub mod deployment;
pub mod engine;
pub mod history;
pub mod http;
pub mod mapping;
pub mod metrics;
pub mod source;
pub mod statistics;
mod takeover;
pub mod told;
