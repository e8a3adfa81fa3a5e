//! Owns every stable `MemoryId` of the blob store.
//!
//! An id never gets a second meaning. A changed layout takes new ids, and the old ones are listed
//! here as retired (none so far). There is one exception: when all chunks of `STABLE_BLOB_STORE`
//! were copied, its region takes blocks of files, behind a fence that release 0.1.0 stops at.

use canister_common::room::Room;
use canister_common::superblock::{self, Kind, Superblock};
use capsule_shared::blob_store::STORE_SCHEMA;
use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, VirtualMemory};

/// Pages of 64 KiB in one bucket of the memory manager. An installed canister can't change it.
///
/// The manager has at most 32,768 buckets, and a canister at most 500 GiB of stable memory. That is
/// 8,192,000 pages, so a bucket must have at least 8,192,000 / 32,768 = 250 pages. 256 pages
/// (16 MiB) reach 512 GiB; the default of 128 ends at 256 GiB. The price: each region in use takes
/// at least one bucket, 176 MiB for the eleven regions here that every store uses.
pub const BUCKET_PAGES: u16 = 256;

/// The stable memory that the store grows ahead, and its heap: 64 MiB before an operation, up to
/// 192 MiB by its timer.
///
/// A message that writes takes at most one bucket for blocks of files, and one for the record, its
/// runs, or its blob id. A put into the map of schema version 1 may take one more. A pull puts many
/// chunks, but only into files and no more bytes than one bucket has: the blocks ahead of one chunk
/// hold the next ones.
/// The heap holds the message. In a store with schema version 1 it holds twice the chunks of a full
/// node of the map, too, while it splits.
pub const ROOM: Room = Room {
    wanted: 4,
    least: 3,
    ahead: 8,
    heap_bytes: 48 << 20,
};

/// The stable memory that the platform gives a canister: 500 GiB.
pub const MAX_STABLE_BYTES: u64 = 500 << 30;

const _: () = assert!(
    32_768 * BUCKET_PAGES as u64 * 65_536 >= MAX_STABLE_BYTES,
    "the buckets must reach 500 GiB"
);

/// `STABLE_BLOB_STORE`, schema version 1: `([u8; 32], u32)` to `Vec<u8>`; see `chunks`.
const STABLE_BLOB_STORE: MemoryId = MemoryId::new(0);
/// `[u8; 32]` (the key) to the record of its blob; see `blob::record`.
const BLOB_RECORDS: MemoryId = MemoryId::new(1);
/// `u64` (the blob id) to `[u8; 32]` (the key that it belongs to).
const BLOB_IDS: MemoryId = MemoryId::new(2);
/// Sums over all blobs; see `totals`.
const TOTALS: MemoryId = MemoryId::new(3);
/// The registered gateways: a set of principals.
const GATEWAYS: MemoryId = MemoryId::new(4);
/// Blocks of files; see `extents`.
const EXTENTS: MemoryId = MemoryId::new(6);
/// `([u8; 32] key, u32 block of the file)` to the run of blocks; see `extents::files`.
const RUNS: MemoryId = MemoryId::new(7);
/// `u32` (first block of a free run) to `u32` (its blocks); see `extents::free`.
const FREE_BY_START: MemoryId = MemoryId::new(8);
/// `(u32 blocks, u32 first block)` of each free run.
const FREE_BY_LENGTH: MemoryId = MemoryId::new(9);
/// The superblock; see `canister_common::superblock`.
const SUPERBLOCK: MemoryId = MemoryId::new(5);

/// The check that runs, or the last one; see `check::record`.
const CHECK: MemoryId = MemoryId::new(10);

/// `Principal` (gateway) to `Principal`, the gateway that it handed over to. Empty until the first
/// transfer.
const OWNERS: MemoryId = MemoryId::new(11);

/// The layout that this module writes. Raise `schema` when a module of the present one can't read
/// a new layout, and raise `lowest_reader` to the lowest schema that can.
const LAYOUT: Superblock = Superblock {
    kind: Kind::BlobStore,
    schema: STORE_SCHEMA,
    lowest_reader: STORE_SCHEMA,
};

/// The regions of the blobs.
pub struct BlobRegions<M: Memory> {
    pub chunks: VirtualMemory<M>,
    /// The same region again, for the blocks that it has in the end.
    pub second_extents: VirtualMemory<M>,
    pub extents: VirtualMemory<M>,
    pub runs: VirtualMemory<M>,
    pub free_by_start: VirtualMemory<M>,
    pub free_by_length: VirtualMemory<M>,
    pub records: VirtualMemory<M>,
    pub blob_ids: VirtualMemory<M>,
    pub totals: VirtualMemory<M>,
    pub owners: VirtualMemory<M>,
}

/// One region for each stable structure of the canister.
pub struct Regions<M: Memory> {
    pub blobs: BlobRegions<M>,
    pub gateways: VirtualMemory<M>,
    pub check: VirtualMemory<M>,
}

impl<M: Memory> Regions<M> {
    /// Finds the regions in `memory`, or lays them out if it is empty. Panics if another canister
    /// or a newer release wrote it; then nothing is changed.
    pub fn open(memory: M) -> Self {
        Self::in_buckets(memory, BUCKET_PAGES)
    }

    /// As [`Regions::open`]; an empty memory gets buckets of this many pages.
    pub(crate) fn in_buckets(memory: M, pages: u16) -> Self {
        assert_eq!(LAYOUT.kind.region(), SUPERBLOCK, "BUG: it lies elsewhere");
        let manager =
            superblock::open(memory, LAYOUT, pages).unwrap_or_else(|refusal| panic!("{refusal}"));
        Self {
            blobs: BlobRegions {
                chunks: manager.get(STABLE_BLOB_STORE),
                second_extents: manager.get(STABLE_BLOB_STORE),
                extents: manager.get(EXTENTS),
                runs: manager.get(RUNS),
                free_by_start: manager.get(FREE_BY_START),
                free_by_length: manager.get(FREE_BY_LENGTH),
                records: manager.get(BLOB_RECORDS),
                blob_ids: manager.get(BLOB_IDS),
                totals: manager.get(TOTALS),
                owners: manager.get(OWNERS),
            },
            gateways: manager.get(GATEWAYS),
            check: manager.get(CHECK),
        }
    }
}
