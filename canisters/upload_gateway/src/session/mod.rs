//! Generic upload sessions: lifecycle, order, limits, idempotency, expiry and byte counts.
//!
//! Plain Rust that knows neither capsules, nor blobs, nor the canister it runs in.

pub mod begin;
pub mod chunks;
mod ending;
pub mod expiry;
mod finish;
mod limits;
pub mod received;
pub mod reservations;
pub mod service;
mod timeline;
pub mod types;

#[cfg(test)]
mod tests;
