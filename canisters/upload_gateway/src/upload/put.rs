//! One chunk on its way: reserve it, write it, then confirm or release it.

use super::service::UploadService;
use super::types::{ByteSink, ChunkAdmission, SessionId, UploadMeta};
use crate::failure::{Failure, Result};
use crate::peers::call::Peers;
use crate::runtime::Runtime;
use crate::session::types::LocalFuture;
use crate::wire::PutChunk;
use candid::Principal;
use capsule_shared::BlobKey;
use ic_stable_structures::Memory;

/// Writes the chunks of one upload to its blob store.
pub struct BlobStoreSink<R> {
    peers: Peers<R>,
    store: Principal,
    key: BlobKey,
}

impl<R: Runtime> BlobStoreSink<R> {
    pub fn for_meta(peers: &Peers<R>, meta: &UploadMeta, id: SessionId) -> Self {
        BlobStoreSink {
            peers: peers.clone(),
            store: meta.store,
            key: meta.key(id),
        }
    }
}

impl<R: Runtime> ByteSink for BlobStoreSink<R> {
    type Chunk = PutChunk;

    fn write(&self, chunk: PutChunk) -> LocalFuture<Result<()>> {
        let call = self.peers.blob_put_chunk(self.store, &self.key, chunk);
        Box::pin(async move { Ok(call.await?) })
    }
}

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// Stores one chunk.
    pub async fn put_chunk(&self, caller: Principal, put: PutChunk) -> Result<()> {
        let id = SessionId(put.session_id);
        let index = put.index;
        let now = self.runtime.now();
        let bytes = put.bytes();
        self.check_updates(caller)?;
        self.with(|state| state.charged(caller, bytes.len(), now))?;
        let admission =
            self.with(|state| state.reserve_chunk(id, caller, index, bytes.len(), now))?;
        self.check_funds()?;
        let (hash, sink) = self.with(|state| {
            let hash = match &admission {
                ChunkAdmission::New(_) => state.hashed(id, index, bytes),
                ChunkAdmission::Duplicate => None,
            };
            let sink = BlobStoreSink::for_meta(&self.peers, &state.expect_upload(id), id);
            (hash, sink)
        });
        // The reservation and the tentative hash hold during this await. The session may end. The
        // chunk is given up when the call leaves.
        let written = sink.write(put).await;
        // If the session ended during the write, report that, not the write's result.
        self.with(|state| state.sessions().owned(id, caller))?;
        let ChunkAdmission::New(chunk) = admission else {
            return written;
        };
        if let Err(error) = written {
            // Perhaps the store holds a chunk whose answer was lost. Then only its length fits.
            if matches!(error, Failure::InvalidArgument(_)) {
                self.with(|state| state.refused(chunk));
            }
            return Err(error);
        }
        let now = self.runtime.now();
        self.with(|state| state.confirmed(chunk, hash, now))?;
        self.schedule();
        Ok(())
    }
}
