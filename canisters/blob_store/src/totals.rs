//! Sums over all blobs, kept with each change so that nobody has to scan.
//!
//! Layout, version 1: u8 version, then blobs, chunks and bytes as u64, little-endian.

use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;
use std::borrow::Cow;

const LAYOUT_VERSION: u8 = 1;

/// What the map and the records need beside the bytes of a chunk, at most: a share of a node, and of its fill.
const OVERHEAD_PER_CHUNK_BYTES: u64 = 1_024;

/// How much the store takes: 500 GiB of stable memory, less a tenth for what the pages of the map and the memory
/// manager's buckets cost.
pub const CAPACITY_BYTES: u64 = 450 << 30;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Blobs that have a record, those that are being deleted included.
    pub blobs: u64,
    pub chunks: u64,
    pub bytes: u64,
}

impl Totals {
    /// Whether a chunk of `len` bytes can be stored beside what there is.
    pub fn has_room_for(&self, len: usize) -> bool {
        self.bytes + len as u64 + (self.chunks + 1) * OVERHEAD_PER_CHUNK_BYTES <= CAPACITY_BYTES
    }
}

impl Storable for Totals {
    fn to_bytes(&self) -> Cow<'_, [u8]> {
        let mut out = vec![LAYOUT_VERSION];
        for field in [self.blobs, self.chunks, self.bytes] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        Cow::Owned(out)
    }

    fn into_bytes(self) -> Vec<u8> {
        self.to_bytes().into_owned()
    }

    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        assert_eq!(bytes[0], LAYOUT_VERSION, "BUG: totals of unknown layout");
        let field = |number: usize| {
            let at = 1 + number * 8;
            let field = bytes[at..at + 8].try_into();
            u64::from_le_bytes(field.expect("BUG: eight bytes are eight bytes"))
        };
        Self {
            blobs: field(0),
            chunks: field(1),
            bytes: field(2),
        }
    }

    const BOUND: Bound = Bound::Bounded {
        max_size: 25,
        is_fixed_size: true,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_come_back_and_the_store_has_an_end() {
        let totals = Totals {
            blobs: 1,
            chunks: 2,
            bytes: 3,
        };
        assert_eq!(Totals::from_bytes(totals.to_bytes()), totals);
        assert!(totals.has_room_for(1_800_000));
        let full = Totals {
            bytes: CAPACITY_BYTES - 1_800_000 - 1_024,
            ..Totals::default()
        };
        assert!(full.has_room_for(1_800_000));
        assert!(!full.has_room_for(1_800_001));
    }
}
