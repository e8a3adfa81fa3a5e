//! Having the store hash a file whose rolling hash has a gap.

use super::jobs::queue::Run;
use super::service::UploadService;
use super::types::SessionId;
use crate::failure::{Failure, Result};
use crate::runtime::Runtime;
use capsule_shared::blob_store::DigestProgress;
use ic_stable_structures::Memory;

/// How far the store is with a file's hash.
pub enum Asked {
    /// The store hashed `bytes` of the `of` bytes that it has.
    Hashing { bytes: u64, of: u64 },
    /// The store hashed all bytes that it has, but the file isn't complete.
    Waiting,
    /// The hash of the complete file is known.
    Done,
}

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// Has the store hash one slice.
    pub(super) async fn ask_digest(&self, id: SessionId) -> Result<Asked> {
        let (upload, complete) = self.with(|state| {
            let session = state.sessions().get(id).ok_or(Failure::NotFound)?;
            let upload = state.upload(id).ok_or(Failure::NotFound)?;
            Ok::<_, Failure>((upload, session.is_complete()))
        })?;
        // Chunks may arrive during this await, and the session may end.
        let progress = self.peers.blob_digest(upload.store, upload.key(id)).await?;
        match progress {
            DigestProgress::Hashed { bytes, of } => {
                let now = self.runtime.now();
                self.with(|state| state.digest_advanced(id, now));
                Ok(Asked::Hashing { bytes, of })
            }
            // Discard a digest that was asked for before the file was complete.
            DigestProgress::Done(_) if !complete => Ok(Asked::Waiting),
            DigestProgress::Done(digest) => {
                let digest = digest.as_slice().try_into().map_err(|_| {
                    Failure::Internal(format!(
                        "the blob store's digest has {} bytes, expected 32",
                        digest.len()
                    ))
                })?;
                let now = self.runtime.now();
                self.with(|state| state.digest_known(id, digest, now));
                Ok(Asked::Done)
            }
        }
    }

    /// Has the store hash what it has. The next chunk makes another job, unless one arrived while
    /// the store was asked.
    pub(super) async fn run_digest(&self, id: SessionId) -> Result<Run> {
        let received = || {
            self.with(|state| {
                let session = state.sessions().get(id);
                session.map(|session| session.received.next)
            })
        };
        let before = received();
        let run = match self.ask_digest(id).await {
            // Chunks that arrive within a second are hashed with the same call.
            Ok(Asked::Hashing { .. }) => Run::Soon,
            Err(error) if error.is_temporary() => Run::Later,
            Ok(Asked::Done) => Run::Done,
            // At a gap the store answers `Conflict`. Any other error reaches the owner at finish.
            Ok(Asked::Waiting) | Err(_) if received() == before => Run::Done,
            Ok(Asked::Waiting) | Err(_) => Run::Soon,
        };
        if run == Run::Done {
            self.with(|state| state.digest_job_ended(id));
        }
        Ok(run)
    }
}
