//! Generic upload sessions: lifecycle, order, limits, idempotency, expiry and byte counts.
//!
//! Plain Rust that knows neither capsules, nor blobs, nor the canister it runs in.

pub mod begin;
pub mod chunks;
mod ended;
mod ending;
pub mod expiry;
mod finish;
mod holders;
mod indexing;
mod limits;
pub mod received;
pub mod reservations;
mod room;
pub mod service;
pub mod standing;
mod timeline;
pub mod types;

#[cfg(test)]
mod tests;
