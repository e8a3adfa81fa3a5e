//! The regions that every canister must find in the stable memory of every other: the superblocks.
//!
//! `regions.rs` of each canister lists its own of these numbers, too.

use ic_stable_structures::memory_manager::MemoryId;

pub const UPLOAD_GATEWAY_SUPERBLOCK: MemoryId = MemoryId::new(20);
pub const BLOB_STORE_SUPERBLOCK: MemoryId = MemoryId::new(5);
pub const MEMORY_INDEX_SUPERBLOCK: MemoryId = MemoryId::new(9);
