//! Blobs: the record of each, and the operations on them. Plain Rust over any memory, without
//! `ic_cdk`.

pub mod chunk_set;
pub mod copy;
pub mod delete;
pub mod digest;
pub mod layout;
pub mod pull;
mod range;
mod read;
pub mod record;
pub mod slice;
pub mod store;
pub mod successor;
pub mod sums;
mod write;
