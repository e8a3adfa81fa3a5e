//! Sums over all blobs, and how far schema version 1 is copied. Each change updates them, so that
//! no call has to scan.
//!
//! Layout of version 2, integers little-endian:
//!
//! ```text
//! u8   version, 2
//! u64  blobs, chunks, bytes
//! u32  high-water mark, blocks of the second region, free blocks
//! u64  bytes promised to known uploaders, and to others
//! u64  capacity in bytes
//! ...  how far schema version 1 is copied; see `migration`
//! ```
//!
//! Version 1, of release 0.1.0, has blobs, chunks and bytes.

use crate::extents::block::BLOCK_BYTES;
use crate::extents::space::Space;
use crate::migration::Migration;
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;
use capsule_shared::blob_store::{DEFAULT_CAPACITY_BYTES, MOST_CAPACITY_BYTES};

/// Promises to uploaders whom the gateway doesn't know are together at most this part of the free
/// space: one hundredth.
const OTHERS_PART: u64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Blobs that have a record, including those that are being deleted.
    pub blobs: u64,
    pub chunks: u64,
    pub bytes: u64,
    pub space: Space,
    pub promised: Promised,
    /// The most bytes that blobs may take.
    pub capacity_bytes: u64,
    pub migration: Migration,
}

/// Bytes that the store keeps free for open blobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promised {
    pub known: u64,
    pub others: u64,
}

impl Default for Totals {
    /// The totals of an empty store.
    fn default() -> Self {
        Totals {
            blobs: 0,
            chunks: 0,
            bytes: 0,
            space: Space::default(),
            promised: Promised::default(),
            capacity_bytes: DEFAULT_CAPACITY_BYTES,
            migration: Migration::Nothing,
        }
    }
}

impl Totals {
    /// Bytes that blobs take: blocks of files, and chunks that are still in the map.
    pub fn used_bytes(&self) -> u64 {
        let copied = self.migration.copied_bytes();
        let in_map = self.migration.left().bytes.saturating_sub(copied);
        self.space.allocated() * BLOCK_BYTES + in_map
    }

    /// Bytes that blobs may yet take, promised or not.
    pub fn takable_bytes(&self) -> u64 {
        self.capacity_bytes.saturating_sub(self.used_bytes())
    }

    /// Bytes that are neither used nor promised.
    pub fn free_bytes(&self) -> u64 {
        let Promised { known, others } = self.promised;
        self.capacity_bytes
            .saturating_sub(self.used_bytes())
            .saturating_sub(known.saturating_add(others))
    }

    /// The most bytes that can be promised to an uploader.
    pub fn promisable(&self, known: bool) -> u64 {
        let free = self.free_bytes();
        match known {
            true => free,
            false => {
                let share = (free + self.promised.others) / OTHERS_PART;
                share.saturating_sub(self.promised.others)
            }
        }
    }

    /// The bytes that are promised to uploaders of one kind.
    pub fn promised_to(&mut self, known: bool) -> &mut u64 {
        match known {
            true => &mut self.promised.known,
            false => &mut self.promised.others,
        }
    }
}

impl Record for Totals {
    const VERSION: u8 = 2;

    fn write(&self, fields: Writer) -> Writer {
        let fields = fields.u64(self.blobs).u64(self.chunks).u64(self.bytes);
        let Space {
            high_water,
            second,
            free,
        } = self.space;
        let fields = fields.u32(high_water).u32(second).u32(free);
        let fields = fields.u64(self.promised.known).u64(self.promised.others);
        self.migration.write(fields.u64(self.capacity_bytes))
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        let mut totals = Totals {
            blobs: fields.u64(),
            chunks: fields.u64(),
            bytes: fields.u64(),
            ..Totals::default()
        };
        match version {
            1 => {
                totals.migration = Migration::from_0_1_0(totals.chunks, totals.bytes);
                // A store that holds more than the usual capacity goes on, and has time for a
                // setting.
                let half_more = totals.bytes.saturating_add(totals.bytes / 2);
                let most = half_more.min(MOST_CAPACITY_BYTES);
                totals.capacity_bytes = DEFAULT_CAPACITY_BYTES.max(most);
            }
            2 => {
                totals.space = Space {
                    high_water: fields.u32(),
                    second: fields.u32(),
                    free: fields.u32(),
                };
                totals.promised = Promised {
                    known: fields.u64(),
                    others: fields.u64(),
                };
                totals.capacity_bytes = fields.u64();
                totals.migration = Migration::read(fields);
            }
            other => unknown(other),
        }
        totals
    }
}

storable!(Totals);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_promised_a_hundredth_of_the_free_space() {
        let mut totals = Totals {
            capacity_bytes: 10_000_000,
            ..Totals::default()
        };
        assert_eq!(totals.promisable(true), 10_000_000);
        assert_eq!(totals.promisable(false), 100_000);
        totals.promised.others = 40_000;
        assert_eq!(totals.promisable(false), 60_000);
        totals.promised.known = 9_000_000;
        assert_eq!(totals.promisable(true), 960_000);
        assert_eq!(totals.promisable(false), 0);
    }

    #[test]
    fn a_store_that_holds_more_than_its_capacity_has_nothing_free() {
        let totals = Totals {
            capacity_bytes: 5_000,
            space: Space {
                high_water: 3,
                second: 0,
                free: 1,
            },
            ..Totals::default()
        };
        assert_eq!(totals.used_bytes(), 8_192);
        assert_eq!((totals.free_bytes(), totals.promisable(false)), (0, 0));
    }
}
