//! The types that cross canister borders: Candid types, ids, key derivation, limits and errors.
//!
//! Native clients use the same types, so this crate never depends on `ic-cdk`.

pub mod asset;
pub mod blob_store;
pub mod capsule;
pub mod error;
pub mod gateway;
pub mod keys;
pub mod limits;
pub mod memory_index;
pub mod operators;
pub mod principals;
pub mod range;
pub mod stores;
pub mod upload;

pub use error::{Error, Result};
pub use keys::{BlobId, BlobKey};
