//! Deleting a blob, in slices.

use super::record::{BlobState, Hashed};
use super::slice::Slice;
use super::store::BlobStore;
use candid::Principal;
use capsule_shared::blob_store::DeleteProgress;
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::Memory;

/// Deleting uses fewer instructions than hashing, because a message may touch only 2 GiB of stable
/// memory. Rewriting the map's nodes touches up to 20 MB for each 1.8 MB removed, at less than 2
/// instructions a byte.
pub const DELETE_INSTRUCTIONS: u64 = 2_000_000_000;

impl<M: Memory> BlobStore<M> {
    /// Deletes a slice of the blob. The caller repeats it until it answers `Done`.
    ///
    /// The first call hides the blob, and the last one frees its key. Deleting a blob that doesn't
    /// exist is `Done`. `Unauthorized` if another gateway opened it.
    pub fn delete(
        &mut self,
        caller: Principal,
        key: BlobKey,
        slice: &Slice<'_>,
    ) -> Result<DeleteProgress> {
        let Some(mut record) = self.records.get(&key.0) else {
            return Ok(DeleteProgress::Done);
        };
        if record.gateway != caller {
            return Err(Error::Unauthorized);
        }
        record.state = BlobState::Deleting;
        record.hashed = Hashed::default();
        let (mut chunks, mut bytes) = (0, 0);
        while slice.goes_on(chunks) {
            let Some(index) = record.chunks.pop_last() else {
                break;
            };
            bytes += self.chunks.remove(&key, index);
            chunks += 1;
        }
        record.bytes -= bytes;
        let remaining = record.chunks.count();
        if remaining == 0 {
            self.records.remove(&key.0);
            self.blob_ids.remove(&key.blob_id().0);
        } else {
            self.records.insert(key.0, record);
        }
        self.change_totals(|totals| {
            totals.chunks -= u64::from(chunks);
            totals.bytes -= bytes;
            totals.blobs -= u64::from(remaining == 0);
        });
        Ok(match remaining {
            0 => DeleteProgress::Done,
            more => DeleteProgress::Remaining(more),
        })
    }
}
