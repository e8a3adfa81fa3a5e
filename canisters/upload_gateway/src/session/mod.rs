//! Generic upload sessions: lifecycle, order, limits, idempotency, expiry and byte counts. Plain Rust that knows
//! neither capsules nor blobs nor the canister it runs in.

pub mod chunks;
pub mod expiry;
pub mod ledger;
pub mod service;
pub mod types;

#[cfg(test)]
mod growth;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
