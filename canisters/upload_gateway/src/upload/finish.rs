//! The finish protocol: check, seal the blob, commit the memory, mark the session.
//!
//! Each step may be repeated. After a failure the same call, or the timer, carries the session on.

use super::digest::Asked;
use super::hash::Digested;
use super::jobs::queue::Run;
use super::service::UploadService;
use super::types::{FinishGuard, SessionId, SessionMeta, SessionStatus, UploadMeta};
use crate::failure::{Failure, Result};
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::memory_index::{BlobPlace, MemoryCommit, MemoryHead};
use capsule_shared::upload::{StorageBackend, UploadFinishResult};
use ic_stable_structures::Memory as StableMemory;

/// The state in which a call of finish finds its session.
enum Found {
    /// The session is committed.
    Committed(UploadFinishResult),
    /// The checks passed in an earlier call; the rest is to be done.
    Verified(FinishGuard),
    /// The checks are to be done.
    Pending(FinishGuard),
}

/// How far a verified session is.
enum Stage {
    Finishing {
        session: SessionMeta,
        upload: UploadMeta,
    },
    Committed(UploadFinishResult),
}

impl<M: StableMemory + 'static, R: Runtime> UploadService<M, R> {
    /// Carries an upload to its end. `sha256` and `total_len` (in bytes) are the caller's values
    /// for the whole file.
    pub async fn finish(
        &self,
        caller: Principal,
        id: SessionId,
        sha256: &[u8],
        total_len: u64,
    ) -> Result<UploadFinishResult> {
        let finished = self.try_finish(caller, id, sha256, total_len).await;
        if let Err(error) = &finished {
            self.with(|state| state.finish_failed(error));
        }
        finished
    }

    async fn try_finish(
        &self,
        caller: Principal,
        id: SessionId,
        sha256: &[u8],
        total_len: u64,
    ) -> Result<UploadFinishResult> {
        let guard = match self.find(caller, id, sha256, total_len)? {
            Found::Committed(result) => return Ok(result),
            Found::Verified(guard) => guard,
            Found::Pending(guard) => {
                self.check(&guard, caller, sha256, total_len).await?;
                guard
            }
        };
        self.carry_on(&guard).await
    }

    fn find(
        &self,
        caller: Principal,
        id: SessionId,
        sha256: &[u8],
        total_len: u64,
    ) -> Result<Found> {
        let now = self.runtime.now();
        self.with(|state| {
            let session = state.sessions().owned(id, caller)?;
            if sha256.len() != 32 {
                return Err(Failure::invalid(format!(
                    "the SHA-256 has {} bytes, expected 32",
                    sha256.len()
                )));
            }
            if session.status == SessionStatus::Pending {
                let guard = state.sessions().guard_finish(id)?;
                state.touched(id, now);
                return Ok(Found::Pending(guard));
            }
            let record = state.expect_finish(id);
            record.check_same(sha256, total_len)?;
            match record.result {
                Some(result) => Ok(Found::Committed(result)),
                None => Ok(Found::Verified(state.sessions().guard_finish(id)?)),
            }
        })
    }

    /// Checks a pending session, has the store hash if need be, and makes the session finish.
    async fn check(
        &self,
        guard: &FinishGuard,
        caller: Principal,
        sha256: &[u8],
        total_len: u64,
    ) -> Result<()> {
        let id = guard.session();
        self.runtime.log(&format!("FINISH_START sid={id}"));
        let digested = self.with(|state| {
            let session = state.sessions().owned(id, caller)?;
            state.sessions().check_complete(&session, total_len)?;
            Ok::<_, Failure>(state.digest(id, session.spec.expected_chunks))
        })?;
        // The session is pending during this await, and may end. `verified` checks it again.
        if digested == Digested::NeedsFullRehash {
            let asked = self.ask_digest(id).await;
            if asked.is_err() {
                // The store may lack the blob because the session has ended, which is the answer.
                self.with(|state| state.sessions().owned(id, caller).map(drop))?;
            }
            if let Asked::Hashing { bytes, of } = asked? {
                return Err(Failure::temporary(format!(
                    "the file is being hashed: {bytes} of {of} bytes"
                )));
            }
        }
        let now = self.runtime.now();
        self.with(|state| state.verified(id, caller, sha256, total_len, now))?;
        self.schedule();
        self.runtime.log(&format!(
            "FINISH_HASH_OK sid={id} hash={}",
            hex::encode(sha256)
        ));
        Ok(())
    }

    /// Does the steps after the checks, for a session that is finishing.
    async fn carry_on(&self, guard: &FinishGuard) -> Result<UploadFinishResult> {
        let id = guard.session();
        let (session, upload) = match self.stage(id)? {
            Stage::Finishing { session, upload } => (session, upload),
            Stage::Committed(result) => return Ok(result),
        };
        let count = session.spec.expected_chunks;
        let bytes = session.bytes_received;
        let (store, key) = (upload.store, upload.key(id));
        let sha256 = self.with(|state| state.expect_finish(id)).sha256;
        let peers = &self.peers;
        // The session is finishing during this await. A deletion may find the memory committed.
        let sealed = peers.blob_seal(store, key, count, bytes, &sha256).await;
        if let Err(error) = sealed {
            return Err(self.reopen_unless_temporary(id, error.into()));
        }

        // The index that the upload began with. Another one may know neither capsule nor caller.
        let index = self.index_of(upload.index)?;
        // Check again: if the memory was committed and deleted meanwhile, a second commit would
        // bring it back.
        if let Stage::Committed(result) = self.stage(id)? {
            return Ok(result);
        }
        let commit = MemoryCommit {
            who: session.spec.owner,
            capsule_id: upload.capsule_id.clone(),
            session_id: id.0,
            metadata: upload.metadata(),
            place: BlobPlace {
                store,
                key,
                blob_id: key.blob_id(),
                size: bytes,
                chunk_count: count,
            },
            sha256,
        };
        // Again, the session is finishing during this await, and a deletion may commit it.
        match self.peers.memory_commit(index, &commit).await {
            Ok(memory) => self.complete(id, &memory),
            Err(error) => match error.refusal() {
                Some(Failure::Unauthorized | Failure::NotFound) => {
                    Err(self.give_up(id, error.into()))
                }
                _ => Err(self.reopen_unless_temporary(id, error.into())),
            },
        }
    }

    /// Where a verified session is: `NotFound` if it ended, temporary if it is pending again.
    fn stage(&self, id: SessionId) -> Result<Stage> {
        self.with(|state| {
            let session = state.sessions().get(id).ok_or(Failure::NotFound)?;
            match session.status {
                SessionStatus::Finishing => {
                    let upload = state.expect_upload(id);
                    Ok(Stage::Finishing { session, upload })
                }
                SessionStatus::Committed { .. } => {
                    let result = state.expect_finish(id).result;
                    Ok(Stage::Committed(
                        result.expect("BUG: a committed session without its result"),
                    ))
                }
                _ => Err(Failure::temporary(format!("session {id} is pending again"))),
            }
        })
    }

    /// After a definite refusal the session is pending again: its owner can mend it, or abort.
    fn reopen_unless_temporary(&self, id: SessionId, error: Failure) -> Failure {
        if !error.is_temporary() {
            let now = self.runtime.now();
            self.with(|state| state.reopened(id, now));
            self.schedule();
        }
        error
    }

    /// The owner may no longer write in the capsule: the session and its blob end.
    fn give_up(&self, id: SessionId, error: Failure) -> Failure {
        let now = self.runtime.now();
        self.with(|state| state.given_up(id, now));
        self.schedule();
        error
    }

    /// Marks a finishing session as committed and keeps its result. If it is committed already,
    /// returns that result.
    pub(super) fn complete(
        &self,
        id: SessionId,
        memory: &MemoryHead,
    ) -> Result<UploadFinishResult> {
        if let Stage::Committed(result) = self.stage(id)? {
            return Ok(result);
        }
        let now = self.runtime.now();
        let result = finish_result(memory);
        self.with(|state| state.committed(id, result.clone(), now));
        self.schedule();
        self.runtime.log(&format!(
            "FINISH_INDEX_COMMITTED sid={id} mid={}",
            result.memory_id
        ));
        Ok(result)
    }

    /// Carries on a finish whose caller doesn't.
    pub(super) async fn run_finish(&self, id: SessionId) -> Result<Run> {
        let guard = self.with(|state| match state.is_finishing(id) {
            true => state.sessions().guard_finish(id).map(Some),
            false => Ok(None),
        })?;
        if let Some(guard) = guard
            && let Err(error) = self.carry_on(&guard).await
            && error.is_temporary()
        {
            return Ok(Run::Later);
        }
        Ok(Run::Done)
    }
}

fn finish_result(memory: &MemoryHead) -> UploadFinishResult {
    let blob_id = memory.place.blob_id;
    UploadFinishResult {
        memory_id: memory.id.clone(),
        blob_id: blob_id.to_string(),
        remote_id: None,
        size: memory.place.size,
        checksum_sha256: Some(memory.sha256.clone()),
        storage_backend: StorageBackend::Icp,
        storage_location: blob_id.storage_location(),
        uploaded_at: memory.uploaded_at,
        expires_at: None,
    }
}
