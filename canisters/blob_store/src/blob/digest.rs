//! Hashing a blob in place, in slices.

use super::record::{BlobRecord, BlobState, Hashed};
use super::slice::Slice;
use super::store::BlobStore;
use candid::Principal;
use capsule_shared::blob_store::DigestProgress;
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;

/// Hashing uses these of the 40 G instructions of a message. A chunk of 1.8 MB takes about 142 M,
/// nearly all of it for SHA-256 (76 a byte). A slice is therefore some 85 such chunks, 150 MB. One
/// in the map of schema version 1 takes up to 100 M more to be found.
pub const DIGEST_INSTRUCTIONS: u64 = 12_000_000_000;

impl<M: Memory> BlobStore<M> {
    /// Hashes a slice of the blob, in the order of its chunks, and keeps the midstate. The caller
    /// repeats it until it answers `Done`.
    ///
    /// A blob without gaps is done when all its chunks are hashed, sealed or not. The next call
    /// goes on from the midstate with chunks that were put meanwhile: hashed chunks never change.
    ///
    /// `NotFound` if the blob doesn't exist, `Unauthorized` if another gateway owns it. If a
    /// chunk is missing, the chunks before it are hashed first; then the answer is `Conflict`.
    pub fn digest(
        &mut self,
        caller: Principal,
        key: BlobKey,
        slice: &Slice<'_>,
    ) -> Result<DigestProgress> {
        let mut record = self.owned(caller, &key)?;
        let end = record.chunks.contiguous();
        let mut done = 0;
        let mut hashed = std::mem::take(&mut record.hashed);
        while hashed.chunks < end && slice.goes_on(done) {
            self.hash_chunk(&key, &record, &mut hashed);
            done += 1;
        }
        let is_whole = hashed.chunks == record.chunks.count();
        let is_stuck = hashed.chunks == end && done == 0;
        let progress = DigestProgress::Hashed {
            bytes: hashed.bytes,
            of: record.bytes,
        };
        let digest = hashed.midstate.digest();
        record.hashed = hashed;
        if done > 0 {
            if is_whole && record.state == BlobState::Sealed {
                record.sha256 = Some(digest);
            }
            self.records.insert(key.0, record);
        }
        if is_whole {
            Ok(DigestProgress::Done(ByteBuf::from(digest)))
        } else if is_stuck {
            Err(Error::conflict(format!(
                "chunk {end} is missing, expected it before later chunks are hashed"
            )))
        } else {
            Ok(progress)
        }
    }

    /// Hashes the next chunk of a blob. It must be stored.
    pub(crate) fn hash_chunk(&self, key: &BlobKey, record: &BlobRecord, hashed: &mut Hashed) {
        self.each_piece(key, record, hashed.chunks, |bytes| {
            hashed.midstate.update(bytes);
            hashed.bytes += bytes.len() as u64;
            true
        });
        hashed.chunks += 1;
    }
}
