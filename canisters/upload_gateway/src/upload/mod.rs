//! Uploads on top of sessions: capsules and metadata, where a blob is, the rolling hash, the finish
//! protocol, and the clean-up after them.

pub mod admission;
mod begin;
mod blobs;
mod capsules;
mod checks;
mod deletion;
mod digest;
mod due;
mod events;
mod finish;
mod flows;
mod hash;
mod jobs;
mod leaving;
mod memories;
mod metrics;
mod moves;
mod moving;
mod people;
mod placement;
mod principals;
mod purges;
mod put;
mod registry;
pub mod service;
mod state;
pub mod status;
mod stores;
mod trash;
pub mod types;

#[cfg(test)]
mod tests;
