//! Serves networks over HTTP, to PocketIC's clients, to agents and to browsers.
//!
//! Nothing here decides what a canister does. This layer keeps the instances apart, runs their
//! operations off the async threads, and names what localnet does not support. Each room may use
//! those above it in this table, and the network:
//!
//! | room | what it does |
//! | --- | --- |
//! | `refusal`, `body` | how a request is refused, and how its body is read |
//! | `messages` | what the person at the terminal reads |
//! | `loopback` | one listener for both addresses of `localhost` |
//! | `instances` | the networks of a server: turns, automatic rounds, the journal |
//! | `agents` | the IC HTTP interface of one instance |
//! | `gateway` | ports of their own for agents and browsers: `agents`, and the HTTP of canisters |
//! | `pocket_ic` | PocketIC's REST protocol: makes instances and gateways, and drives them |

mod agents;
mod body;
mod gateway;
mod instances;
pub mod loopback;
pub mod messages;
mod pocket_ic;
mod refusal;

use axum::serve::Listener;
use std::fmt::Debug;

/// Answers the requests that reach `listener`, until the future is dropped. The server begins
/// without instances.
///
/// # Errors
///
/// Fails when the listener itself fails.
pub async fn serve<L: Listener<Addr: Debug>>(listener: L) -> std::io::Result<()> {
    axum::serve(listener, pocket_ic::routes::router()).await
}
