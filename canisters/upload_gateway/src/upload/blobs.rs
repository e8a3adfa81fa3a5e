//! Reading blobs: the index checks the right and says where the bytes are, the store has them.

use super::checks::check_text;
use super::service::UploadService;
use crate::failure::{Failure, Result};
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::BlobId;
use capsule_shared::limits::{MAX_ID_BYTES, MAX_WHOLE_READ_BYTES};
use capsule_shared::memory_index::BlobPlace;
use capsule_shared::upload::BlobMeta;
use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;

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
    ) -> Result<ByteBuf> {
        let place = self.locate(caller, locator).await?;
        if index >= place.chunk_count {
            return Err(Failure::invalid(format!(
                "chunk index is {index}, expected 0 to {}",
                place.chunk_count.saturating_sub(1)
            )));
        }
        self.chunk_at(&place, index).await
    }

    /// Reads a whole blob of at most 2 MiB, chunk by chunk: `InvalidArgument` for a larger one.
    pub async fn blob_whole(&self, caller: Principal, locator: &str) -> Result<ByteBuf> {
        let place = self.locate(caller, locator).await?;
        if place.size > MAX_WHOLE_READ_BYTES {
            return Err(Failure::invalid(format!(
                "the blob has {} bytes, expected at most {MAX_WHOLE_READ_BYTES}; \
                 blob_read_chunk reads its chunks 0 to {}",
                place.size,
                place.chunk_count.saturating_sub(1)
            )));
        }
        let mut whole = ByteBuf::with_capacity(place.size as usize);
        for index in 0..place.chunk_count {
            whole.extend_from_slice(&self.chunk_at(&place, index).await?);
        }
        Ok(whole)
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

    async fn chunk_at(&self, place: &BlobPlace, index: u32) -> Result<ByteBuf> {
        let chunk = self.peers.blob_read_chunk(place.store, place.key, index);
        Ok(chunk.await?)
    }
}
