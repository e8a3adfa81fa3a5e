//! Tests the server's REST protocol with the unmodified `pocket-ic` crate and with raw HTTP. The
//! server runs in this process.

mod client;
mod instances;
mod live;
mod operations;
mod refusals;
mod state;
