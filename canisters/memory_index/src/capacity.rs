//! The capacity of the index. A begin is refused well before a commit: each upload that may be open
//! has its place.

use crate::regions::BUCKET_PAGES;
use canister_common::manager::PAGE_BYTES;
use capsule_shared::limits::MAX_METADATA_BYTES;
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory;

/// The bytes of stable memory above which uploads can't begin.
///
/// Source: [`LAST_BYTES`] is 14 GiB more, which hold 700,000 memories of 20 KiB, the most that one
/// takes. A gateway has at most 10,000 open uploads by default.
pub const FULL_BYTES: u64 = 48 << 30;

/// The bytes of stable memory above which no upload is committed.
///
/// Source: the memory manager ends at 64 GiB. The rest is for restored memories and for grants. Old
/// memories aren't entered above it either.
pub const LAST_BYTES: u64 = 62 << 30;

/// The most memories of one capsule with which an upload begins, the trash included.
///
/// Source: our choice. 100,000 photos are a photo a day for 270 years; a thousand pages list them.
pub const MAX_MEMORIES: u64 = 100_000;

/// The bytes of metadata, encoded as Candid, of one capsule with which an upload begins.
///
/// Source: our choice: 2.6 KB for each of the most memories, four times what photos need.
pub const MAX_CAPSULE_METADATA_BYTES: u64 = 256 << 20;

/// The uploads of one capsule that may be open when it is full. Each of them may still be
/// committed.
///
/// Source: ten times the default of `max_sessions_per_capsule`.
pub const OPEN_UPLOADS: u64 = 1_000;

/// How much a capsule holds.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub memories: u64,
    /// Bytes, encoded as Candid.
    pub metadata: u64,
}

/// The use of stable memory, which never shrinks: a deletion makes room inside the regions.
pub struct Capacity<M> {
    regions: Vec<M>,
    /// [`FULL_BYTES`] and [`LAST_BYTES`], except in tests.
    pub(crate) full: u64,
    pub(crate) last: u64,
}

impl<M: Memory> Capacity<M> {
    pub fn new(regions: Vec<M>) -> Self {
        Self {
            regions,
            full: FULL_BYTES,
            last: LAST_BYTES,
        }
    }

    /// Bytes of stable memory that the regions take, in whole buckets.
    pub fn used_bytes(&self) -> u64 {
        let bucket = u64::from(BUCKET_PAGES);
        let buckets = self
            .regions
            .iter()
            .map(|region| region.size().div_ceil(bucket));
        buckets.sum::<u64>() * bucket * PAGE_BYTES
    }

    /// `ResourceExhausted` unless an upload into a capsule may begin.
    pub fn check_begin(&self, held: Held) -> Result<()> {
        check(self.used_bytes() < self.full)?;
        check(held.memories < MAX_MEMORIES && held.metadata < MAX_CAPSULE_METADATA_BYTES)
    }

    /// Whether there is room for a commit in the index, whatever its capsule holds.
    pub fn has_room_to_commit(&self) -> bool {
        self.used_bytes() < self.last
    }

    /// `ResourceExhausted` unless a capsule may come to hold so much by a commit.
    pub fn check_commit(&self, held: Held) -> Result<()> {
        check(self.has_room_to_commit())?;
        let metadata = OPEN_UPLOADS * MAX_METADATA_BYTES as u64;
        check(held.memories <= MAX_MEMORIES + OPEN_UPLOADS)?;
        check(held.metadata <= MAX_CAPSULE_METADATA_BYTES + metadata)
    }
}

fn check(fits: bool) -> Result<()> {
    if fits {
        Ok(())
    } else {
        Err(Error::ResourceExhausted)
    }
}
