//! All blobs of the canister, and the look-ups that the operations share.

use super::record::{BlobRecord, BlobState};
use crate::chunks::Chunks;
use crate::regions::BlobRegions;
use crate::totals::Totals;
use candid::Principal;
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::memory_manager::VirtualMemory;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};

/// All blobs. Everything is in stable memory: opening it again after a restart finds all of it.
pub struct BlobStore<M: Memory> {
    pub(crate) chunks: Chunks<VirtualMemory<M>>,
    pub(crate) records: StableBTreeMap<[u8; 32], BlobRecord, VirtualMemory<M>>,
    /// The key that each blob id belongs to.
    pub(crate) blob_ids: StableBTreeMap<u64, [u8; 32], VirtualMemory<M>>,
    totals: StableCell<Totals, VirtualMemory<M>>,
}

impl<M: Memory> BlobStore<M> {
    pub fn open(regions: BlobRegions<M>) -> Self {
        Self {
            chunks: Chunks::open(regions.chunks, regions.chunks_header),
            records: StableBTreeMap::init(regions.records),
            blob_ids: StableBTreeMap::init(regions.blob_ids),
            totals: StableCell::init(regions.totals, Totals::default()),
        }
    }

    pub fn totals(&self) -> Totals {
        *self.totals.get()
    }

    /// Bytes that can be put before the region of the chunks has to grow.
    pub fn free_bytes(&self) -> u64 {
        self.chunks.free_bytes()
    }

    pub(crate) fn change_totals(&mut self, change: impl FnOnce(&mut Totals)) {
        let mut totals = self.totals();
        change(&mut totals);
        self.totals.set(totals);
    }

    /// The record of a blob that isn't being deleted, or `NotFound`.
    pub(super) fn visible(&self, key: &BlobKey) -> Result<BlobRecord> {
        let record = self.records.get(&key.0);
        record
            .filter(|record| record.state != BlobState::Deleting)
            .ok_or(Error::NotFound)
    }

    /// As [`BlobStore::visible`]; `Unauthorized` unless `caller` opened the blob.
    pub(super) fn owned(&self, caller: Principal, key: &BlobKey) -> Result<BlobRecord> {
        let record = self.visible(key)?;
        if record.gateway != caller {
            return Err(Error::Unauthorized);
        }
        Ok(record)
    }

    /// The bytes of a chunk that the record of its blob lists.
    pub(super) fn stored(&self, key: &BlobKey, index: u32) -> Vec<u8> {
        self.chunks
            .get(key, index)
            .expect("BUG: a listed chunk isn't stored")
    }
}
