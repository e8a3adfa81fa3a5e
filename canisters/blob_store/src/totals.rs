//! Sums over all blobs. Each change updates them, so that no call has to scan.
//!
//! Layout of version 1: u8 version, then blobs, chunks and bytes as u64, little-endian.

use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;

/// The most stable memory that the map and the records take for one chunk beside its bytes: its
/// share of a node and of the node's unused space.
const OVERHEAD_PER_CHUNK_BYTES: u64 = 1_024;

/// How many bytes the store takes: 500 GiB of stable memory, less a tenth for the map's pages and
/// the memory manager's buckets.
pub const CAPACITY_BYTES: u64 = 450 << 30;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Blobs that have a record, including those that are being deleted.
    pub blobs: u64,
    pub chunks: u64,
    pub bytes: u64,
}

impl Totals {
    /// Whether the store can take another chunk of `len` bytes.
    pub fn has_room_for(&self, len: usize) -> bool {
        self.bytes + len as u64 + (self.chunks + 1) * OVERHEAD_PER_CHUNK_BYTES <= CAPACITY_BYTES
    }
}

impl Record for Totals {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        fields.u64(self.blobs).u64(self.chunks).u64(self.bytes)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        match version {
            1 => Self {
                blobs: fields.u64(),
                chunks: fields.u64(),
                bytes: fields.u64(),
            },
            other => unknown(other),
        }
    }
}

storable!(Totals, size = 25);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_store_has_no_room_for_another_byte() {
        let totals = Totals {
            blobs: 1,
            chunks: 2,
            bytes: 3,
        };
        assert!(totals.has_room_for(1_800_000));
        let full = Totals {
            bytes: CAPACITY_BYTES - 1_800_000 - 1_024,
            ..Totals::default()
        };
        assert!(full.has_room_for(1_800_000));
        assert!(!full.has_room_for(1_800_001));
    }
}
