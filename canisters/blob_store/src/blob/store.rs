//! All blobs of the canister, and the look-ups that the operations share.

use super::layout::Layout;
use super::record::{BlobRecord, BlobState};
use super::sums::Sums;
use crate::chunks::{self, Chunks};
use crate::extents::Extents;
use crate::extents::files::Files;
use crate::extents::free::FreeRuns;
use crate::extents::region::Blocks;
use crate::migration::Migration;
use crate::regions::BlobRegions;
use crate::totals::Totals;
use candid::Principal;
use canister_common::owners::Owners;
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::memory_manager::VirtualMemory;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};

/// Bytes that are read at once for hashing and comparing, so that no chunk is copied to the heap.
const BUFFER_BYTES: usize = 65_536;

/// All blobs. Everything is in stable memory: opening it again after a restart finds all of it.
pub struct BlobStore<M: Memory> {
    /// The map of schema version 1, while blobs lie in it.
    pub(super) chunks: Option<Chunks<VirtualMemory<M>>>,
    pub(crate) extents: Extents<VirtualMemory<M>>,
    pub(crate) records: StableBTreeMap<[u8; 32], BlobRecord, VirtualMemory<M>>,
    /// The key that each blob id belongs to.
    pub(crate) blob_ids: StableBTreeMap<u64, [u8; 32], VirtualMemory<M>>,
    totals: StableCell<Totals, VirtualMemory<M>>,
    /// The gateways that handed their blobs over.
    pub owners: Owners<VirtualMemory<M>>,
    /// The sums of a check that runs.
    pub(crate) sums: Option<Sums>,
}

impl<M: Memory> BlobStore<M> {
    pub fn open(regions: BlobRegions<M>) -> Self {
        let totals = StableCell::init(regions.totals, Totals::default());
        let chunks = match totals.get().migration {
            Migration::Copying(_) => Some(Chunks::open(regions.chunks)),
            Migration::Nothing | Migration::Done => {
                chunks::fence(&regions.chunks);
                None
            }
        };
        Self {
            chunks,
            extents: Extents {
                blocks: Blocks::open(regions.extents, regions.second_extents),
                files: Files::open(regions.runs),
                free: FreeRuns::open(regions.free_by_start, regions.free_by_length),
                claims: None,
            },
            records: StableBTreeMap::init(regions.records),
            blob_ids: StableBTreeMap::init(regions.blob_ids),
            totals,
            owners: Owners::open(regions.owners),
            sums: None,
        }
    }

    pub fn totals(&self) -> Totals {
        *self.totals.get()
    }

    /// Bytes that can be put before the region of the files has to grow.
    pub fn room_bytes(&self) -> u64 {
        self.extents.room_bytes(&self.totals().space)
    }

    pub(crate) fn change_totals(&mut self, change: impl FnOnce(&mut Totals)) {
        let mut totals = self.totals();
        change(&mut totals);
        self.set_totals(totals);
    }

    pub(crate) fn set_totals(&mut self, totals: Totals) {
        self.totals.set(totals);
    }

    /// As [`BlobStore::set_totals`], for a change of one blob. A check that has passed it follows.
    pub(super) fn set_totals_with(&mut self, key: &BlobKey, totals: Totals) {
        let claims = self.extents.claims.as_ref();
        if let Some(sums) = &mut self.sums
            && claims.is_some_and(|claims| claims.has_passed((key.0, None)))
        {
            sums.follow(self.totals.get(), &totals);
        }
        self.set_totals(totals);
    }

    /// The record of a blob that isn't being deleted, or `NotFound`.
    pub(super) fn visible(&self, key: &BlobKey) -> Result<BlobRecord> {
        let record = self.records.get(&key.0);
        record
            .filter(|record| record.state != BlobState::Deleting)
            .ok_or(Error::NotFound)
    }

    /// As [`BlobStore::visible`]; `Unauthorized` unless `caller` owns the blob.
    pub(super) fn owned(&self, caller: Principal, key: &BlobKey) -> Result<BlobRecord> {
        let record = self.visible(key)?;
        match self.is_owner(caller, &record) {
            true => Ok(record),
            false => Err(Error::Unauthorized),
        }
    }

    /// Whether `caller` opened the blob, or got it from the gateway that did.
    pub(super) fn is_owner(&self, caller: Principal, record: &BlobRecord) -> bool {
        self.owners.owner_of(record.gateway) == caller
    }

    /// The bytes of a chunk in the map that the record of its blob lists.
    pub(super) fn in_map(&self, key: &BlobKey, index: u32) -> Vec<u8> {
        let bytes = self.map().get(key, index);
        bytes.expect("BUG: a listed chunk isn't stored")
    }

    /// Whether the map has a chunk. It is read for that.
    pub(crate) fn map_has(&self, key: &BlobKey, index: u32) -> bool {
        let map = self.chunks.as_ref();
        map.is_some_and(|map| map.get(key, index).is_some())
    }

    pub(super) fn map(&self) -> &Chunks<VirtualMemory<M>> {
        let map = self.chunks.as_ref();
        map.expect("BUG: a blob lies in a map that isn't there")
    }

    /// Calls `piece` with the bytes of a stored chunk, piece by piece, while it answers `true`.
    pub(super) fn each_piece(
        &self,
        key: &BlobKey,
        record: &BlobRecord,
        index: u32,
        mut piece: impl FnMut(&[u8]) -> bool,
    ) {
        match record.layout {
            Layout::Map => {
                piece(&self.in_map(key, index));
            }
            Layout::File(shape) => {
                let range = shape.range(index);
                let mut buffer = vec![0; BUFFER_BYTES.min(range.len as usize)];
                let mut at = 0;
                while at < range.len {
                    let len = (buffer.len() as u64).min(range.len - at) as usize;
                    let bytes = &mut buffer[..len];
                    self.extents.read(&key.0, range.offset + at, bytes);
                    if !piece(bytes) {
                        return;
                    }
                    at += len as u64;
                }
            }
        }
    }
}
