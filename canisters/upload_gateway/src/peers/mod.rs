//! Typed calls to the other canisters: the memory index and the blob stores.

mod blob_store;
pub mod call;
mod memory_index;
mod rights;
pub mod shares;
