//! Writing a blob: opening, putting chunks, sealing, and releasing an empty one.

use super::layout::{Layout, Shape};
use super::record::{BlobRecord, BlobState, Promise};
use super::store::BlobStore;
use crate::extents::block::{BLOCK_BYTES, blocks_of};
use candid::Principal;
use capsule_shared::blob_store::Declared;
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_CHUNKS};
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::Memory;

impl<M: Memory> BlobStore<M> {
    /// Makes an empty blob that belongs to `caller`. Repeating it is `Ok` while the blob is open
    /// and empty. The declared bytes are promised as far as [`Totals::promisable`] allows.
    ///
    /// `Conflict` if the key or its blob id is taken: by another gateway, by a blob with chunks,
    /// by a blob that is being deleted, or by another key with the same first 8 bytes.
    /// `ResourceExhausted` if the store has no room for the declared bytes, or for a chunk.
    /// `Unauthorized` if the caller handed its blobs over: it couldn't write to a new one either.
    ///
    /// [`Totals::promisable`]: crate::totals::Totals::promisable
    pub fn open_blob(
        &mut self,
        caller: Principal,
        key: BlobKey,
        declared: Option<Declared>,
    ) -> Result<()> {
        if self.owners.owner_of(caller) != caller {
            return Err(Error::Unauthorized);
        }
        if let Some(record) = self.records.get(&key.0) {
            let taken_by = match record.state {
                _ if !self.is_owner(caller, &record) => "another gateway",
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
        let mut totals = self.totals();
        let (bytes, known) = declared.map_or((0, false), |of| (of.bytes, of.known));
        if totals.free_bytes() < bytes.max(MAX_CHUNK_BYTES as u64) {
            return Err(Error::ResourceExhausted);
        }
        let promise = Promise {
            bytes: bytes.min(totals.promisable(known)),
            known,
        };
        *totals.promised_to(known) += promise.bytes;
        totals.blobs += 1;
        self.blob_ids.insert(id.0, key.0);
        let record = BlobRecord {
            promise,
            ..BlobRecord::new(caller)
        };
        self.records.insert(key.0, record);
        self.set_totals_with(&key, totals);
        Ok(())
    }

    /// Undoes an open: removes the blob while it is open, empty and the caller's. Every other blob
    /// stays, which is `Ok` too, so a release never loses bytes.
    pub fn release(&mut self, caller: Principal, key: BlobKey) -> Result<()> {
        let record = self.records.get(&key.0);
        let empty = record.filter(|record| {
            self.is_owner(caller, record)
                && record.state == BlobState::Open
                && record.chunks.count() == 0
        });
        if let Some(record) = empty {
            self.records.remove(&key.0);
            self.blob_ids.remove(&key.blob_id().0);
            let mut totals = self.totals();
            totals.blobs -= 1;
            *totals.promised_to(record.promise.known) -= record.promise.bytes;
            self.set_totals_with(&key, totals);
        }
        Ok(())
    }

    /// Stores a chunk. The first bytes of an index stay: putting the same bytes again is `Ok`,
    /// other bytes are `Conflict`.
    ///
    /// `NotFound` if the blob doesn't exist, `Unauthorized` if another gateway owns it,
    /// `InvalidArgument` for an index or a length out of bounds, or one that doesn't fit to the
    /// other chunks, `Conflict` for a new index of a sealed blob, `ResourceExhausted` if the store
    /// is full.
    pub fn put(&mut self, caller: Principal, key: BlobKey, index: u32, bytes: &[u8]) -> Result<()> {
        let record = self.owned(caller, &key)?;
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
            return match self.has_stored(&key, &record, index, bytes) {
                true => Ok(()),
                false => Err(Error::conflict(format!(
                    "chunk {index} is stored with other bytes, expected the same bytes"
                ))),
            };
        }
        if record.state == BlobState::Sealed {
            return Err(Error::conflict(format!(
                "chunk index is {index}, expected 0 to {} in the sealed blob",
                record.chunks.count() - 1
            )));
        }
        match record.file() {
            Some(shape) => self.put_into_file(key, record, shape, index, bytes),
            None => self.put_into_map(key, record, index, bytes),
        }
    }

    fn put_into_file(
        &mut self,
        key: BlobKey,
        mut record: BlobRecord,
        mut shape: Shape,
        index: u32,
        bytes: &[u8],
    ) -> Result<()> {
        let len = bytes.len() as u64;
        let range = shape.admit(&record.chunks, index, bytes.len() as u32)?;
        let mut totals = self.totals();
        // The promise of this blob is for it.
        let free = totals.free_bytes() + record.promise.bytes;
        // A chunk may begin and end in the middle of a block.
        let needed = (u64::from(blocks_of(len)) + 1) * BLOCK_BYTES;
        if free < needed && record.promise.bytes < len {
            return Err(Error::ResourceExhausted);
        }
        let kept = record.promise.bytes.min(len);
        record.promise.bytes -= kept;
        *totals.promised_to(record.promise.known) -= kept;
        // A run as long as the file is now: the runs of a file get longer.
        let ahead = match shape.apart {
            Some(apart) if apart.index == index => 0,
            _ => record.bytes.min(free.saturating_sub(needed)) / BLOCK_BYTES,
        };
        let ahead = ahead.try_into().unwrap_or(u32::MAX);
        self.extents
            .write(&mut totals.space, &key.0, range.offset, bytes, ahead);
        record.layout = Layout::File(shape);
        record.chunks.insert(index);
        record.bytes += len;
        self.records.insert(key.0, record);
        totals.chunks += 1;
        totals.bytes += len;
        self.set_totals_with(&key, totals);
        Ok(())
    }

    fn put_into_map(
        &mut self,
        key: BlobKey,
        mut record: BlobRecord,
        index: u32,
        bytes: &[u8],
    ) -> Result<()> {
        let mut totals = self.totals();
        let len = bytes.len() as u64;
        if totals.free_bytes() < len {
            return Err(Error::ResourceExhausted);
        }
        let map = self.chunks.as_mut();
        let map = map.expect("BUG: a blob lies in a map that isn't there");
        map.insert_new(&key, index, bytes);
        record.chunks.insert(index);
        record.bytes += len;
        self.records.insert(key.0, record);
        totals.chunks += 1;
        totals.bytes += len;
        totals.migration.entered_the_map(len);
        self.set_totals_with(&key, totals);
        Ok(())
    }

    /// Whether exactly these bytes are stored as a chunk that the record lists.
    fn has_stored(&self, key: &BlobKey, record: &BlobRecord, index: u32, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        let mut same = true;
        self.each_piece(key, record, index, |stored| {
            let behind = rest.strip_prefix(stored);
            same = behind.is_some();
            rest = behind.unwrap_or_default();
            same
        });
        same && rest.is_empty()
    }

    /// Seals the blob if exactly the chunks `0..chunk_count` are stored, with `total_bytes` bytes
    /// in all, and gives back the space that they don't take. Sealing again with the same numbers
    /// is `Ok`, with others `Conflict`. A `sha256` that the gateway knows is kept for self-checks.
    ///
    /// `NotFound` if the blob doesn't exist, `Unauthorized` if another gateway owns it. After
    /// `InvalidArgument`, which says what doesn't match, the blob stays open.
    pub fn seal(
        &mut self,
        caller: Principal,
        key: BlobKey,
        chunk_count: u32,
        total_bytes: u64,
        sha256: Option<[u8; 32]>,
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
        check_complete(&record, chunk_count, total_bytes)?;
        let mut totals = self.totals();
        *totals.promised_to(record.promise.known) -= record.promise.bytes;
        record.promise.bytes = 0;
        match record.layout {
            Layout::Map => totals.migration.look_again(),
            Layout::File(shape) => {
                for range in shape.unused(chunk_count) {
                    self.extents.punch(&mut totals.space, &key.0, range);
                }
            }
        }
        record.state = BlobState::Sealed;
        record.sha256 = sha256.or(record.sha256);
        self.records.insert(key.0, record);
        self.set_totals_with(&key, totals);
        Ok(())
    }
}

/// `InvalidArgument` unless a sealed blob can have so many chunks.
pub(super) fn check_chunk_count(chunk_count: u32) -> Result<()> {
    if chunk_count == 0 || chunk_count > MAX_CHUNKS {
        return Err(Error::invalid(format!(
            "chunk_count is {chunk_count}, expected 1 to {MAX_CHUNKS}"
        )));
    }
    Ok(())
}

/// `InvalidArgument` unless the blob has exactly these chunks and bytes.
fn check_complete(record: &BlobRecord, chunk_count: u32, total_bytes: u64) -> Result<()> {
    check_chunk_count(chunk_count)?;
    let first_missing = record.chunks.contiguous();
    if first_missing < chunk_count {
        return Err(Error::invalid(format!(
            "chunk {first_missing} is missing, expected chunks 0 to {} ({} are missing)",
            chunk_count - 1,
            record.chunks.missing_below(chunk_count)
        )));
    }
    let stored = record.chunks.count();
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
    Ok(())
}
