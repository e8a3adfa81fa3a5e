//! HTTP gateways: ports at which one instance is served as agents and browsers expect it.
//!
//! `ports` opens and closes them, `forward` sends each request on, `canister_http` serves the HTTP
//! of canisters. This room uses the network, `server::agents`, and `server::{body, instances,
//! refusal}`.

mod canister_http;
pub mod forward;
pub mod ports;
