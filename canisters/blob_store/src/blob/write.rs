//! Writing a blob: opening, putting chunks, sealing, and releasing an empty one.

use super::record::{BlobRecord, BlobState};
use super::store::BlobStore;
use candid::Principal;
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_CHUNKS};
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::Memory;

impl<M: Memory> BlobStore<M> {
    /// Makes an empty blob that belongs to `caller`. Repeating it is `Ok` while the blob is open
    /// and empty.
    ///
    /// `Conflict` if the key or its blob id is taken: by another gateway, by a blob with chunks,
    /// by a blob that is being deleted, or by another key with the same first 8 bytes.
    /// `ResourceExhausted` if the store has no room for a chunk.
    pub fn open_blob(&mut self, caller: Principal, key: BlobKey) -> Result<()> {
        if let Some(record) = self.records.get(&key.0) {
            let taken_by = match record.state {
                _ if record.gateway != caller => "another gateway",
                BlobState::Open if record.chunks.count() == 0 => return Ok(()),
                BlobState::Open => "a blob with chunks",
                BlobState::Sealed => "a sealed blob",
                BlobState::Deleting => "a blob that is being deleted",
            };
            return Err(Error::conflict(format!(
                "the key is taken by {taken_by}, expected a free key"
            )));
        }
        let id = key.blob_id();
        if self.blob_ids.contains_key(&id.0) {
            return Err(Error::conflict(format!(
                "{id} is taken by another key, expected a free blob id"
            )));
        }
        if !self.totals().has_room_for(MAX_CHUNK_BYTES) {
            return Err(Error::ResourceExhausted);
        }
        self.blob_ids.insert(id.0, key.0);
        self.records.insert(key.0, BlobRecord::new(caller));
        self.change_totals(|totals| totals.blobs += 1);
        Ok(())
    }

    /// Undoes an open: removes the blob while it is open, empty and the caller's. Every other blob
    /// stays, which is `Ok` too, so a release never loses bytes.
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

    /// Stores a chunk. The first bytes of an index stay: putting the same bytes again is `Ok`,
    /// other bytes are `Conflict`.
    ///
    /// `NotFound` if the blob doesn't exist, `Unauthorized` if another gateway opened it,
    /// `InvalidArgument` for an index or a length out of bounds, `Conflict` for a new index of a
    /// sealed blob, `ResourceExhausted` if the store is full.
    pub fn put(&mut self, caller: Principal, key: BlobKey, index: u32, bytes: &[u8]) -> Result<()> {
        let mut record = self.owned(caller, &key)?;
        if index >= MAX_CHUNKS {
            return Err(Error::invalid(format!(
                "chunk index is {index}, expected 0 to {}",
                MAX_CHUNKS - 1
            )));
        }
        if bytes.is_empty() || bytes.len() > MAX_CHUNK_BYTES {
            return Err(Error::invalid(format!(
                "chunk length is {} bytes, expected 1 to {MAX_CHUNK_BYTES}",
                bytes.len()
            )));
        }
        if record.chunks.contains(index) {
            return if self.stored(&key, index) == bytes {
                Ok(())
            } else {
                Err(Error::conflict(format!(
                    "chunk {index} is stored with other bytes, expected the same bytes"
                )))
            };
        }
        if record.state == BlobState::Sealed {
            return Err(Error::conflict(format!(
                "chunk index is {index}, expected 0 to {} in the sealed blob",
                record.chunks.count() - 1
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

    /// Seals the blob if exactly the chunks `0..chunk_count` are stored, with `total_bytes` bytes
    /// in all. Sealing again with the same numbers is `Ok`, with others `Conflict`.
    ///
    /// `NotFound` if the blob doesn't exist, `Unauthorized` if another gateway opened it. After
    /// `InvalidArgument`, which says what doesn't match, the blob stays open.
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
                    "the seal has {chunk_count} chunks and {total_bytes} bytes, \
                     expected {stored} and {} as sealed",
                    record.bytes
                )))
            };
        }
        if chunk_count == 0 || chunk_count > MAX_CHUNKS {
            return Err(Error::invalid(format!(
                "chunk_count is {chunk_count}, expected 1 to {MAX_CHUNKS}"
            )));
        }
        let first_missing = record.chunks.contiguous();
        if first_missing < chunk_count {
            return Err(Error::invalid(format!(
                "chunk {first_missing} is missing, expected chunks 0 to {} ({} are missing)",
                chunk_count - 1,
                record.chunks.missing_below(chunk_count)
            )));
        }
        if stored > chunk_count {
            return Err(Error::invalid(format!(
                "{stored} chunks are stored, expected {chunk_count}"
            )));
        }
        if record.bytes != total_bytes {
            return Err(Error::invalid(format!(
                "{} bytes are stored, expected {total_bytes}",
                record.bytes
            )));
        }
        record.state = BlobState::Sealed;
        self.records.insert(key.0, record);
        Ok(())
    }
}
