//! The rules of the blob store: opening, putting, sealing, reading. Plain Rust over any memory, without `ic_cdk`.

use crate::chunks::Chunks;
use crate::record::{BlobRecord, BlobState};
use crate::regions::Regions;
use crate::totals::Totals;
use candid::Principal;
use capsule_shared::blob_store::StoredBlob;
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_CHUNKS};
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::memory_manager::VirtualMemory;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};

/// All blobs. Everything is in stable memory; opening again after a restart finds all of it.
pub struct BlobStore<M: Memory> {
    pub(crate) chunks: Chunks<VirtualMemory<M>>,
    pub(crate) records: StableBTreeMap<[u8; 32], BlobRecord, VirtualMemory<M>>,
    /// Which key has taken a blob id.
    pub(crate) blob_ids: StableBTreeMap<u64, [u8; 32], VirtualMemory<M>>,
    totals: StableCell<Totals, VirtualMemory<M>>,
}

impl<M: Memory> BlobStore<M> {
    /// Takes its memories from those of the canister; the gateways' is not its own.
    pub fn open(memories: Regions<M>) -> (Self, VirtualMemory<M>) {
        let store = Self {
            chunks: Chunks::open(memories.chunks),
            records: StableBTreeMap::init(memories.records),
            blob_ids: StableBTreeMap::init(memories.blob_ids),
            totals: StableCell::init(memories.totals, Totals::default()),
        };
        (store, memories.gateways)
    }

    pub fn totals(&self) -> Totals {
        *self.totals.get()
    }

    pub(crate) fn change_totals(&mut self, change: impl FnOnce(&mut Totals)) {
        let mut totals = self.totals();
        change(&mut totals);
        self.totals.set(totals);
    }

    /// Makes an empty blob that belongs to `caller`. Repeating it is `Ok` while the blob is open and empty.
    ///
    /// `Conflict` where the key or its blob id is taken: by another gateway, by a blob with chunks, by one that is still
    /// being deleted, or by another key with the same first 8 bytes.
    pub fn open_blob(&mut self, caller: Principal, key: BlobKey) -> Result<()> {
        if let Some(record) = self.records.get(&key.0) {
            return match record.state {
                _ if record.gateway != caller => {
                    Err(Error::conflict("the key is taken by another gateway"))
                }
                BlobState::Open if record.chunks.count() == 0 => Ok(()),
                BlobState::Open => Err(Error::conflict("the key is taken by a blob with chunks")),
                BlobState::Sealed => Err(Error::conflict("the key is taken by a sealed blob")),
                BlobState::Deleting => {
                    Err(Error::conflict("the blob of this key is being deleted"))
                }
            };
        }
        let id = key.blob_id();
        if self.blob_ids.contains_key(&id.0) {
            return Err(Error::conflict(format!("{id} is taken by another key")));
        }
        self.blob_ids.insert(id.0, key.0);
        self.records.insert(key.0, BlobRecord::new(caller));
        self.change_totals(|totals| totals.blobs += 1);
        Ok(())
    }

    /// Undoes an open: removes the blob while it is open, empty and the caller's. Anything else is none of the caller's
    /// doing and stays; that is `Ok`, too. Bytes are never lost by it.
    pub fn release(&mut self, caller: Principal, key: BlobKey) -> Result<()> {
        let record = self.records.get(&key.0);
        let empty = record.is_some_and(|record| {
            record.gateway == caller
                && record.state == BlobState::Open
                && record.chunks.count() == 0
        });
        if empty {
            self.records.remove(&key.0);
            self.blob_ids.remove(&key.blob_id().0);
            self.change_totals(|totals| totals.blobs -= 1);
        }
        Ok(())
    }

    /// Stores a chunk. The first bytes of an index stay: the same again are `Ok`, others `Conflict`.
    ///
    /// `NotFound` where no blob is open, `Unauthorized` where another gateway opened it, `Conflict` for a new index of
    /// a sealed blob, `ResourceExhausted` when the store is full.
    pub fn put(&mut self, caller: Principal, key: BlobKey, index: u32, bytes: &[u8]) -> Result<()> {
        let mut record = self.owned(caller, &key)?;
        if index >= MAX_CHUNKS {
            return Err(Error::invalid(format!(
                "chunk index {index}; expected one below {MAX_CHUNKS}"
            )));
        }
        if bytes.is_empty() || bytes.len() > MAX_CHUNK_BYTES {
            return Err(Error::invalid(format!(
                "a chunk of {} bytes; expected 1 to {MAX_CHUNK_BYTES}",
                bytes.len()
            )));
        }
        if record.chunks.contains(index) {
            return if self.stored(&key, index) == bytes {
                Ok(())
            } else {
                Err(Error::conflict(format!(
                    "chunk {index} is stored with other bytes"
                )))
            };
        }
        if record.state == BlobState::Sealed {
            return Err(Error::conflict(format!(
                "the blob is sealed with {} chunks, {index} is not one of them",
                record.chunks.count()
            )));
        }
        if !self.totals().has_room_for(bytes.len()) {
            return Err(Error::ResourceExhausted);
        }
        self.chunks.insert_new(&key, index, bytes);
        record.chunks.insert(index);
        record.bytes += bytes.len() as u64;
        self.records.insert(key.0, record);
        self.change_totals(|totals| {
            totals.chunks += 1;
            totals.bytes += bytes.len() as u64;
        });
        Ok(())
    }

    /// Closes the blob when exactly the chunks `0..chunk_count` are there and have `total_bytes` together. The same
    /// numbers again are `Ok`, others `Conflict`. `InvalidArgument` says what is missing or too much; the blob stays open.
    pub fn seal(
        &mut self,
        caller: Principal,
        key: BlobKey,
        chunk_count: u32,
        total_bytes: u64,
    ) -> Result<()> {
        let mut record = self.owned(caller, &key)?;
        let stored = record.chunks.count();
        if record.state == BlobState::Sealed {
            return if (chunk_count, total_bytes) == (stored, record.bytes) {
                Ok(())
            } else {
                Err(Error::conflict(format!(
                    "the blob is sealed with {stored} chunks and {} bytes, not {chunk_count} and {total_bytes}",
                    record.bytes
                )))
            };
        }
        if chunk_count == 0 || chunk_count > MAX_CHUNKS {
            return Err(Error::invalid(format!(
                "{chunk_count} chunks; expected 1 to {MAX_CHUNKS}"
            )));
        }
        if record.chunks.contiguous() < chunk_count {
            return Err(Error::invalid(format!(
                "{} of {chunk_count} chunks are missing, the first is chunk {}",
                record.chunks.missing_below(chunk_count),
                record.chunks.contiguous()
            )));
        }
        if stored > chunk_count {
            return Err(Error::invalid(format!(
                "{stored} chunks are stored; expected {chunk_count}"
            )));
        }
        if record.bytes != total_bytes {
            return Err(Error::invalid(format!(
                "{} bytes are stored; expected {total_bytes}",
                record.bytes
            )));
        }
        record.state = BlobState::Sealed;
        self.records.insert(key.0, record);
        Ok(())
    }

    /// What is known of a blob without reading a chunk. `NotFound` where there is none.
    pub fn meta(&self, key: BlobKey) -> Result<StoredBlob> {
        let record = self.visible(&key)?;
        Ok(StoredBlob {
            gateway: record.gateway,
            bytes: record.bytes,
            chunk_count: record.chunks.count(),
            sealed: record.state == BlobState::Sealed,
        })
    }

    /// The bytes of a chunk, sealed or not. `NotFound` where there is none.
    pub fn read_chunk(&self, key: BlobKey, index: u32) -> Result<Vec<u8>> {
        if !self.visible(&key)?.chunks.contains(index) {
            return Err(Error::NotFound);
        }
        Ok(self.stored(&key, index))
    }

    /// The record of a blob that isn't being deleted.
    fn visible(&self, key: &BlobKey) -> Result<BlobRecord> {
        let record = self.records.get(&key.0);
        record
            .filter(|record| record.state != BlobState::Deleting)
            .ok_or(Error::NotFound)
    }

    /// The record of a blob that isn't being deleted, for the gateway that opened it.
    pub(crate) fn owned(&self, caller: Principal, key: &BlobKey) -> Result<BlobRecord> {
        let record = self.visible(key)?;
        if record.gateway != caller {
            return Err(Error::Unauthorized);
        }
        Ok(record)
    }

    pub(crate) fn stored(&self, key: &BlobKey, index: u32) -> Vec<u8> {
        self.chunks
            .get(key, index)
            .expect("BUG: a chunk that its blob's record has is not there")
    }
}
