//! Typed calls to the other canisters: the memory index and the blob stores.

mod blob_store;
pub mod call;
pub mod memory_index;
mod rights;
pub mod shares;
