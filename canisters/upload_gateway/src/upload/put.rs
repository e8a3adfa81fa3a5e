//! One chunk on its way: reserve, write, confirm or release.

use super::hash::TentativeHash;
use super::jobs::Task;
use super::service::UploadService;
use super::types::{ByteSink, SessionId, UploadMeta};
use crate::failure::{Failure, Result};
use crate::peers::{Peers, store_error};
use crate::runtime::Runtime;
use crate::session::chunks::ChunkAdmission;
use crate::session::reservations::ChunkReservation;
use crate::session::types::LocalFuture;
use crate::wire::PutChunk;
use candid::Principal;
use capsule_shared::BlobKey;
use ic_stable_structures::Memory;

/// Writes the chunks of one upload into its blob store.
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
    fn write(&self, index: u32, bytes: &[u8]) -> LocalFuture<Result<()>> {
        let call = self
            .peers
            .blob_put_chunk(self.store, &self.key, index, bytes);
        Box::pin(async move { call.await.map_err(store_error) })
    }
}

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// Stores one chunk.
    pub async fn put_chunk(&self, caller: Principal, put: PutChunk) -> Result<()> {
        let id = SessionId(put.session_id);
        let index = put.index;
        let now = self.runtime.now();
        let (admission, hash, sink) = self.with(|state| {
            let bytes = put.bytes();
            let admission = state
                .sessions
                .reserve_chunk(id, caller, index, bytes.len(), now)?;
            self.check_funds()?;
            let hash = match &admission {
                ChunkAdmission::New(_) => state.hashes.follow(id, index, bytes),
                ChunkAdmission::Duplicate => None,
            };
            let sink = BlobStoreSink::for_meta(&self.peers, &state.meta(id), id);
            Ok::<_, Failure>((admission, hash, sink))
        })?;
        let write = sink.write(index, put.bytes());
        // The outgoing call has its own copy; while it is open the message need not be held.
        drop(put);
        let written = write.await;
        // Of a session that ended meanwhile nobody is told how the write went.
        self.with(|state| state.sessions.owned(id, caller))?;
        written?;
        match admission {
            ChunkAdmission::New(chunk) => self.confirm_chunk(chunk, hash),
            ChunkAdmission::Duplicate => Ok(()),
        }
    }

    fn confirm_chunk(&self, chunk: ChunkReservation, hash: Option<TentativeHash>) -> Result<()> {
        let now = self.runtime.now();
        let bytes = chunk.bytes();
        self.with(|state| {
            let session = state.sessions.confirm_chunk(chunk, now)?;
            state.events.chunk_writes += 1;
            state.events.chunk_bytes += u64::from(bytes);
            if let Some(hash) = hash {
                state.hashes.confirm(hash);
            }
            if state
                .hashes
                .needs_full_rehash(session.id, &session.received)
                && state.digesting.insert(session.id)
            {
                let session = session.id.0;
                state.jobs.push(now, Task::Digest { session });
            }
            Ok::<_, Failure>(())
        })?;
        self.schedule();
        Ok(())
    }
}
