//! The finish protocol: check, seal the blob, commit the memory, mark the session. Each step may be repeated, and a
//! failure leaves a session that the same call, or the timer, carries on.

use super::hash::Digested;
use super::jobs::Task;
use super::service::UploadService;
use super::types::{
    FinishRecord, SessionId, SessionMeta, SessionStatus, UploadMeta, checksum_mismatch,
};
use super::work::FINISH_PAUSE_NS;
use crate::failure::{Failure, Result, hex};
use crate::peers::{PeerError, index_error, store_error};
use crate::runtime::Runtime;
use crate::session::reservations::FinishGuard;
use candid::Principal;
use capsule_shared::blob_store::DigestProgress;
use capsule_shared::memory_index::{BlobPlace, Memory, MemoryCommit};
use capsule_shared::upload::{StorageBackend, UploadFinishResult};
use ic_stable_structures::Memory as StableMemory;
use serde_bytes::ByteBuf;

/// What a call of finish finds.
enum Found {
    Done(UploadFinishResult),
    /// The checks have passed; the rest is to be done.
    Verified(FinishGuard),
    /// Everything is there but the hash, which the store must make.
    Unhashed(FinishGuard),
}

/// How far the store is with a file's hash.
pub(super) enum Asked {
    /// Of so many bytes, so many are hashed.
    Hashing { bytes: u64, of: u64 },
    /// All that is there is hashed, but the file isn't complete.
    Waiting,
    /// The hash is known.
    Done,
}

impl<M: StableMemory + 'static, R: Runtime> UploadService<M, R> {
    /// Carries an upload to its end. `sha256` and `total_len` are the caller's figures of the whole file.
    pub async fn finish(
        &self,
        caller: Principal,
        id: SessionId,
        sha256: &[u8],
        total_len: u64,
    ) -> Result<UploadFinishResult> {
        let finished = self.try_finish(caller, id, sha256, total_len).await;
        if let Err(error) = &finished {
            self.with(|state| state.events.finish_failed(error));
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
            Found::Done(result) => return Ok(result),
            Found::Verified(guard) => guard,
            Found::Unhashed(guard) => {
                if let Asked::Hashing { bytes, of } = self.ask_digest(id).await? {
                    return Err(Failure::temporary(format!(
                        "the file is being hashed: {bytes} of {of} bytes"
                    )));
                }
                self.verify(guard, caller, sha256, total_len)?
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
        let guard = self.with(|state| {
            let session = state.sessions.owned(id, caller)?;
            if sha256.len() != 32 {
                return Err(Failure::invalid(format!(
                    "the SHA-256 has {} bytes, expected 32",
                    sha256.len()
                )));
            }
            if session.status != SessionStatus::Pending {
                let record = state.finishes.get(&id.0);
                let record = record.expect("BUG: a verified session without its finish");
                record.check_same(sha256, total_len)?;
                if let Some(result) = record.result {
                    return Ok(Err(Found::Done(result)));
                }
                return Ok(Err(Found::Verified(state.sessions.guard_finish(id)?)));
            }
            let guard = state.sessions.guard_finish(id)?;
            state.sessions.touch(id, now);
            Ok(Ok(guard))
        })?;
        let guard = match guard {
            Ok(guard) => guard,
            Err(found) => return Ok(found),
        };
        self.runtime.log(&format!("FINISH_START sid={id}"));
        let hashed = self.with(|state| {
            let session = state.sessions.owned(id, caller)?;
            state.sessions.check_complete(&session, total_len)?;
            Ok::<_, Failure>(state.hashes.digest(id, session.spec.expected_chunks))
        })?;
        match hashed {
            Digested::Known(_) => {
                let guard = self.verify(guard, caller, sha256, total_len)?;
                Ok(Found::Verified(guard))
            }
            Digested::NeedsFullRehash => Ok(Found::Unhashed(guard)),
        }
    }

    /// Compares the hash and writes down that the finish is wanted: from here on it goes on by itself.
    fn verify(
        &self,
        guard: FinishGuard,
        caller: Principal,
        sha256: &[u8],
        total_len: u64,
    ) -> Result<FinishGuard> {
        let id = guard.session();
        let now = self.runtime.now();
        self.with(|state| {
            let session = state.sessions.owned(id, caller)?;
            state.sessions.check_complete(&session, total_len)?;
            let count = session.spec.expected_chunks;
            let Digested::Known(digest) = state.hashes.digest(id, count) else {
                return Err(Failure::temporary("the file is being hashed"));
            };
            if digest != sha256 {
                return Err(checksum_mismatch(&digest, sha256));
            }
            state.sessions.start_finishing(id, now);
            let record = FinishRecord {
                sha256: ByteBuf::from(digest),
                total_len,
                result: None,
            };
            state.finishes.insert(id.0, record);
            let session = id.0;
            let due = now + FINISH_PAUSE_NS;
            state.jobs.push(due, Task::Finish { session });
            Ok(())
        })?;
        self.schedule();
        self.runtime
            .log(&format!("FINISH_HASH_OK sid={id} hash={}", hex(sha256)));
        Ok(guard)
    }

    /// Has the store hash on, once. What it made of a file that wasn't complete when it was asked is no file's hash.
    pub(super) async fn ask_digest(&self, id: SessionId) -> Result<Asked> {
        let (upload, complete) = self.with(|state| {
            let session = state.sessions.get(id).ok_or(Failure::NotFound)?;
            let upload = state.metas.get(&id.0).ok_or(Failure::NotFound)?;
            Ok::<_, Failure>((upload, session.is_complete()))
        })?;
        let answer = self.peers.blob_digest(upload.store, upload.key(id)).await;
        match answer.map_err(store_error)? {
            DigestProgress::Hashed { bytes, of } => Ok(Asked::Hashing { bytes, of }),
            DigestProgress::Done(_) if !complete => Ok(Asked::Waiting),
            DigestProgress::Done(digest) => {
                let digest = digest.as_slice().try_into().map_err(|_| {
                    Failure::Internal("the blob store made a hash that hasn't 32 bytes".into())
                })?;
                self.with(|state| state.hashes.set_digest(id, digest));
                Ok(Asked::Done)
            }
        }
    }

    /// The steps after the checks, for a session that is finishing.
    pub(super) async fn carry_on(&self, guard: &FinishGuard) -> Result<UploadFinishResult> {
        let id = guard.session();
        let (session, upload) = match self.still_finishing(id)? {
            Ok(both) => both,
            Err(result) => return Ok(result),
        };
        let count = session.spec.expected_chunks;
        let bytes = session.bytes_received;
        let key = upload.key(id);
        let sealed = self.peers.blob_seal(upload.store, key, count, bytes).await;
        if let Err(error) = sealed {
            return Err(self.reopen_unless_temporary(id, store_error(error)));
        }

        let index = self.index()?;
        // Looked at again: the memory may have been found committed, and deleted, in the meantime.
        let record = match self.still_finishing(id)? {
            Ok(_) => self.with(|state| state.finishes.get(&id.0)),
            Err(result) => return Ok(result),
        };
        let commit = MemoryCommit {
            who: session.spec.owner,
            capsule_id: upload.capsule_id.clone(),
            session_id: id.0,
            metadata: upload.metadata(),
            place: BlobPlace {
                store: upload.store,
                key,
                blob_id: key.blob_id(),
                size: bytes,
                chunk_count: count,
            },
            sha256: record
                .expect("BUG: a finishing session without its finish")
                .sha256,
        };
        let ask = || self.peers.memory_commit(index, &commit);
        match self.peers.ask_index_surely(index, ask).await {
            Ok(memory) => self.complete(id, &memory),
            Err(PeerError::Refused(error @ (Failure::Unauthorized | Failure::NotFound))) => {
                Err(self.give_up(id, error))
            }
            Err(error) => Err(self.reopen_unless_temporary(id, index_error(error))),
        }
    }

    /// The session and its upload while it is finishing; the result when it is committed.
    #[allow(clippy::type_complexity)]
    fn still_finishing(
        &self,
        id: SessionId,
    ) -> Result<std::result::Result<(SessionMeta, UploadMeta), UploadFinishResult>> {
        self.with(|state| {
            let session = state.sessions.get(id).ok_or(Failure::NotFound)?;
            match session.status {
                SessionStatus::Finishing => {
                    let upload = state.meta(id);
                    Ok(Ok((session, upload)))
                }
                SessionStatus::Committed { .. } => {
                    let record = state.finishes.get(&id.0).and_then(|record| record.result);
                    Ok(Err(
                        record.expect("BUG: a committed session without its result")
                    ))
                }
                _ => Err(Failure::temporary(format!("session {id} is pending again"))),
            }
        })
    }

    /// A definite refusal makes the session pending again: its owner can mend it, or abort.
    fn reopen_unless_temporary(&self, id: SessionId, error: Failure) -> Failure {
        if !error.is_temporary() {
            let now = self.runtime.now();
            self.with(|state| {
                let session = state.sessions.get(id);
                if session.is_some_and(|s| s.status == SessionStatus::Finishing) {
                    state.sessions.reopen(id, now);
                    state.finishes.remove(&id.0);
                }
            });
            self.schedule();
        }
        error
    }

    /// The right to write is gone: the session ends and its blob goes.
    fn give_up(&self, id: SessionId, error: Failure) -> Failure {
        let now = self.runtime.now();
        self.with(|state| {
            let session = state.sessions.get(id);
            if session.is_some_and(|s| s.status == SessionStatus::Finishing)
                && let Some(session) = state.sessions.end(id)
            {
                state.discard(&session, now);
            }
        });
        self.schedule();
        error
    }

    /// Marks a finishing session committed and keeps its result; finds the result when it already is.
    pub(super) fn complete(&self, id: SessionId, memory: &Memory) -> Result<UploadFinishResult> {
        match self.still_finishing(id)? {
            Ok(_) => {}
            Err(result) => return Ok(result),
        }
        let now = self.runtime.now();
        let result = finish_result(memory);
        self.with(|state| {
            state.sessions.commit(id, now);
            state.events.finishes_ok += 1;
            let record = state.finishes.get(&id.0);
            let mut record = record.expect("BUG: a finishing session without its finish");
            record.result = Some(result.clone());
            state.finishes.insert(id.0, record);
            state.metas.remove(&id.0);
            state.hashes.remove(id);
            state.digesting.remove(&id);
        });
        self.schedule();
        self.runtime.log(&format!(
            "FINISH_INDEX_COMMITTED sid={id} mid={}",
            result.memory_id
        ));
        Ok(result)
    }
}

fn finish_result(memory: &Memory) -> UploadFinishResult {
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
