//! Uploads on top of sessions: capsules and metadata, where a blob lies, the rolling hash, the finish protocol, and the
//! clean-up behind it.

pub mod admission;
pub mod begin;
pub mod deletion;
pub mod finish;
pub mod hash;
pub mod jobs;
pub mod metrics;
pub mod put;
pub mod reads;
pub mod service;
pub mod status;
pub mod types;
pub mod work;

#[cfg(test)]
mod tests;
