//! What takes several messages for a large blob: hashing it in place, and deleting it.

use crate::record::{BlobState, Hashed};
use crate::store::BlobStore;
use candid::Principal;
use capsule_shared::blob_store::{DeleteProgress, DigestProgress};
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};

/// What one message of a long job may do. A message does at least one chunk, so that repeating it comes to an end.
pub struct Slice<'a> {
    /// Instructions this message has used so far.
    pub used: &'a dyn Fn() -> u64,
    /// No new chunk is begun above this many instructions.
    pub instructions: u64,
    /// At most this many chunks.
    pub chunks: u32,
}

/// Of the 40 G instructions of a message, hashing uses these: a chunk of 1.8 MB takes about 137 M for SHA-256 (76 a
/// byte) and up to 100 M for finding it in the map, so a slice is some 50 such chunks, 90 MB.
pub const DIGEST_INSTRUCTIONS: u64 = 12_000_000_000;

/// Deleting stays lower: a message may touch 2 GiB of stable memory, and rewriting the map's nodes touches up to 20 MB
/// for each 1.8 MB removed, at less than 2 instructions a byte.
pub const DELETE_INSTRUCTIONS: u64 = 2_000_000_000;

/// A bound on chunks beside that on instructions; small chunks reach it.
pub const SLICE_CHUNKS: u32 = 1_024;

impl Slice<'_> {
    fn goes_on(&self, done: u32) -> bool {
        done == 0 || (done < self.chunks && (self.used)() < self.instructions)
    }
}

impl<M: Memory> BlobStore<M> {
    /// Hashes a slice of the blob, in the order of its chunks, and keeps the midstate; ask again until it is `Done`.
    ///
    /// A blob without gaps is done when all its chunks are hashed, sealed or not. What is put afterwards is hashed by
    /// the next call, which goes on from the midstate: hashed chunks never change. Where a chunk is missing, the ones
    /// before it are hashed, and then the answer is `Conflict` naming it.
    pub fn digest(
        &mut self,
        caller: Principal,
        key: BlobKey,
        slice: &Slice<'_>,
    ) -> Result<DigestProgress> {
        let mut record = self.owned(caller, &key)?;
        let end = record.chunks.contiguous();
        let mut hasher = resume(&record.hashed);
        let mut done = 0;
        while record.hashed.chunks < end && slice.goes_on(done) {
            let bytes = self.stored(&key, record.hashed.chunks);
            hasher.update(&bytes);
            record.hashed.chunks += 1;
            record.hashed.bytes += bytes.len() as u64;
            done += 1;
        }
        let stored = record.chunks.count();
        let progress = DigestProgress::Hashed {
            bytes: record.hashed.bytes,
            of: record.bytes,
        };
        let hashed = record.hashed.chunks;
        if done > 0 {
            record.hashed.midstate = hasher.serialize().to_vec();
            self.records.insert(key.0, record);
        }
        if hashed == stored {
            Ok(DigestProgress::Done(ByteBuf::from(
                hasher.finalize().to_vec(),
            )))
        } else if hashed == end && done == 0 {
            Err(Error::conflict(format!(
                "chunk {end} is missing, the blob can't be hashed beyond it"
            )))
        } else {
            Ok(progress)
        }
    }

    /// Deletes a slice of the blob; call again until it is `Done`. From the first call on nobody sees the blob, and
    /// its key is free again when it is done. Deleting what isn't there is `Done`.
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

fn resume(hashed: &Hashed) -> Sha256 {
    if hashed.midstate.is_empty() {
        return Sha256::new();
    }
    let state = SerializedState::<Sha256>::try_from(hashed.midstate.as_slice())
        .expect("BUG: a midstate of the wrong length");
    Sha256::deserialize(&state).expect("BUG: a midstate that isn't one")
}
