//! Deleting a blob, in slices.

use super::layout::Layout;
use super::record::{BlobState, Hashed};
use super::slice::Slice;
use super::store::BlobStore;
use candid::Principal;
use capsule_shared::blob_store::DeleteProgress;
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::Memory;

/// Deleting touches the runs of the blob and the free ones, never its bytes. A blob has few runs
/// unless it was put into scattered free space.
pub const DELETE_INSTRUCTIONS: u64 = 2_000_000_000;

impl<M: Memory> BlobStore<M> {
    /// Deletes a slice of the blob. The caller repeats it until it answers `Done`.
    ///
    /// The first call hides the blob, and the last one frees its key. Deleting a blob that doesn't
    /// exist is `Done`. `Unauthorized` if another gateway owns it.
    pub fn delete(
        &mut self,
        caller: Principal,
        key: BlobKey,
        slice: &Slice<'_>,
    ) -> Result<DeleteProgress> {
        let Some(mut record) = self.records.get(&key.0) else {
            return Ok(DeleteProgress::Done);
        };
        if !self.is_owner(caller, &record) {
            return Err(Error::Unauthorized);
        }
        let mut totals = self.totals();
        *totals.promised_to(record.promise.known) -= record.promise.bytes;
        record.promise.bytes = 0;
        let chunks = record.chunks.count();
        // A blob that is being copied from the map has blocks, too.
        let gone = self
            .extents
            .delete(&mut totals.space, &key.0, |runs| slice.goes_on(runs));
        if gone {
            if record.layout == Layout::Map {
                totals
                    .migration
                    .deleted_from_map(chunks.into(), record.bytes);
            }
            totals.chunks -= u64::from(chunks);
            totals.bytes -= record.bytes;
            totals.blobs -= 1;
            self.records.remove(&key.0);
            self.blob_ids.remove(&key.blob_id().0);
        } else {
            record.state = BlobState::Deleting;
            record.hashed = Hashed::default();
            self.records.insert(key.0, record);
        }
        self.set_totals_with(&key, totals);
        Ok(match gone {
            true => DeleteProgress::Done,
            false => DeleteProgress::Remaining(chunks),
        })
    }
}
