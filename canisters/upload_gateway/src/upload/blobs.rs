//! Reading blobs: the index checks the right and says where the bytes are, the store has them. A
//! reply of the store is passed on as it is, wherever it is the whole answer.

use super::checks::check_text;
use super::service::UploadService;
use crate::failure::{Failure, Result};
use crate::runtime::Runtime;
use candid::Principal;
use canister_common::reply::BlobReply;
use capsule_shared::BlobId;
use capsule_shared::limits::{MAX_ID_BYTES, MAX_RANGE_BYTES, MAX_WHOLE_READ_BYTES};
use capsule_shared::memory_index::BlobPlace;
use capsule_shared::range::range_len;
use capsule_shared::upload::BlobMeta;
use ic_stable_structures::Memory;

/// A blob of at most so many chunks is read chunk by chunk if its store can't read ranges.
///
/// Source: a composite query has 5 G instructions, and each nested call takes 50 M of them. That is
/// fewer than 100 calls, with those to the index and for the range.
const MAX_CHUNKS_READ: u32 = 90;

const _: () = assert!(MAX_WHOLE_READ_BYTES <= 2 * MAX_RANGE_BYTES);

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    pub async fn blob_meta(&self, caller: Principal, locator: &str) -> Result<BlobMeta> {
        let place = self.locate(caller, locator).await?;
        Ok(BlobMeta {
            size: place.size,
            chunk_count: place.chunk_count,
        })
    }

    /// Reads one chunk: `InvalidArgument` for an index beyond the end.
    pub async fn blob_chunk(
        &self,
        caller: Principal,
        locator: &str,
        index: u32,
    ) -> Result<BlobReply> {
        let place = self.locate(caller, locator).await?;
        if index >= place.chunk_count {
            return Err(Failure::invalid(format!(
                "chunk index is {index}, expected 0 to {}",
                place.chunk_count.saturating_sub(1)
            )));
        }
        self.chunk_at(&place, index).await
    }

    /// Reads a whole blob of at most [`MAX_WHOLE_READ_BYTES`], with at most two calls to its store:
    /// `InvalidArgument` for a larger one.
    pub async fn blob_whole(&self, caller: Principal, locator: &str) -> Result<BlobReply> {
        let place = self.locate(caller, locator).await?;
        if place.size > MAX_WHOLE_READ_BYTES {
            return Err(Failure::invalid(format!(
                "the blob has {} bytes, expected at most {MAX_WHOLE_READ_BYTES}; \
                 blob_read_chunk reads its chunks 0 to {}",
                place.size,
                place.chunk_count.saturating_sub(1)
            )));
        }
        if place.size <= MAX_RANGE_BYTES {
            return self.range_at(&place, 0, place.size).await;
        }
        let mut whole = BlobReply::begin(place.size as usize);
        for offset in [0, MAX_RANGE_BYTES] {
            let len = MAX_RANGE_BYTES.min(place.size - offset);
            whole.push(self.range_at(&place, offset, len).await?.bytes());
        }
        Ok(whole)
    }

    /// Reads up to `length` bytes from `offset`: `InvalidArgument` for a bad range, see
    /// [`range_len`].
    pub async fn blob_range(
        &self,
        caller: Principal,
        locator: &str,
        offset: u64,
        length: u64,
    ) -> Result<BlobReply> {
        let place = self.locate(caller, locator).await?;
        let len = range_len(place.size, offset, length).map_err(Failure::of_peer)?;
        self.range_at(&place, offset, len).await
    }

    async fn locate(&self, caller: Principal, locator: &str) -> Result<BlobPlace> {
        check_text("the locator", locator, MAX_ID_BYTES)?;
        let blob = BlobId::from_locator(locator).ok_or_else(|| {
            Failure::invalid(format!(
                "the locator is {locator:?}, expected blob_<decimal> or icp://blob/blob_<decimal>"
            ))
        })?;
        self.peers.find_blob(self.index()?, caller, blob).await
    }

    async fn chunk_at(&self, place: &BlobPlace, index: u32) -> Result<BlobReply> {
        let chunk = self.peers.blob_read_chunk(place.store, place.key, index);
        Ok(chunk.await?)
    }

    /// Reads `len` bytes from `offset`, all within the blob.
    async fn range_at(&self, place: &BlobPlace, offset: u64, len: u64) -> Result<BlobReply> {
        let (store, key) = (place.store, place.key);
        let reply = match self.peers.blob_read_range(store, key, offset, len).await {
            // The store is one of release 0.1.0.
            Err(error) if error.lacks_method() && place.chunk_count <= MAX_CHUNKS_READ => {
                self.range_by_chunks(place, offset, len).await?
            }
            read => read?,
        };
        let read = reply.bytes().len();
        if read as u64 != len {
            return Err(Failure::Internal(format!(
                "the blob store has {read} of these bytes, expected {len}"
            )));
        }
        Ok(reply)
    }

    /// Reads the same with one call for each chunk. All chunks but the last have one length, which
    /// the first one tells.
    async fn range_by_chunks(&self, place: &BlobPlace, offset: u64, len: u64) -> Result<BlobReply> {
        let first = self.chunk_at(place, 0).await?;
        let chunk_len = (first.bytes().len() as u64).max(1);
        let end = offset + len;
        let mut reply = BlobReply::begin(len as usize);
        for index in offset / chunk_len..=(end - 1) / chunk_len {
            let later;
            let bytes = match index {
                0 => first.bytes(),
                _ => {
                    later = self.chunk_at(place, index as u32).await?;
                    later.bytes()
                }
            };
            let begin = index * chunk_len;
            let from = offset.saturating_sub(begin).min(bytes.len() as u64) as usize;
            let to = (end - begin).min(bytes.len() as u64) as usize;
            reply.push(&bytes[from..to]);
        }
        Ok(reply)
    }
}
