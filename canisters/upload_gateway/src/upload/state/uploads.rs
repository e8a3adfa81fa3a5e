//! The transitions of an upload, from its begin to its end.

use super::State;
use crate::failure::{Failure, Result};
use crate::session::standing::Standing;
use crate::upload::hash::{Digested, TentativeHash};
use crate::upload::jobs::queue::{CALLER_PAUSE_NS, GATHER_NS, JobId, LOST_CALL_NS, Task};
use crate::upload::people::MarkKind;
use crate::upload::placement::{NoStore, Search, room_for};
use crate::upload::registry::{Promise, Refusal};
use crate::upload::types::{
    Begin, BeginReservation, ChunkAdmission, ChunkReservation, FinishRecord, SessionId,
    SessionMeta, SessionSpec, SessionStatus, UploadMeta, checksum_mismatch,
};
use candid::Principal;
use capsule_shared::asset::AssetMetadata;
use capsule_shared::upload::UploadFinishResult;
use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;

/// An upload that is to begin.
pub struct NewUpload<'a> {
    pub capsule_id: &'a str,
    pub pmid_stem: &'a str,
    pub metadata: &'a AssetMetadata,
    /// The index that has checked the caller's right.
    pub index: Principal,
    pub standing: Standing,
}

/// A session that may come to be: its blob is being opened.
pub struct Opening {
    pub id: SessionId,
    pub upload: UploadMeta,
    /// The job that releases the blob unless the session comes to be.
    intent: JobId,
    /// The bytes that count against the store's room.
    pub(super) promise: Promise,
}

/// Whether an opened blob became an upload.
pub enum Begun {
    /// The session is pending.
    Session,
    /// The store answered after the clean-up had started, which gives the blob back.
    TooLate,
    /// The operator retired the store meanwhile. Another one may take the upload.
    StoreRetired(BeginReservation),
}

impl<M: Memory> State<M> {
    // ---- begin --------------------------------------------------------------------------------

    /// Finds the session that the key names, or reserves the key and a place within the limits.
    /// The reservation is on the heap. In stable memory the owner's sessions get its standing.
    pub fn reserve_begin(&mut self, spec: SessionSpec, now: u64) -> Result<Begin> {
        let standing = self.standing(spec.owner, now);
        self.sessions.reserve_begin(spec, standing, now)
    }

    /// The owner of a pending session was active. Only the time of its expiry changes.
    pub fn touched(&mut self, id: SessionId, now: u64) {
        self.sessions.touch(id, now);
    }

    /// Takes the next session id, and notes the intent to open its blob in the store that the
    /// search finds.
    ///
    /// Before: nothing. After: the id is used up, and a job releases the blob when a begin must
    /// have ended, unless [`State::begun`] or [`State::not_opened`] comes first. The bytes that a
    /// known caller announced are promised.
    pub fn opening(
        &mut self,
        new: &NewUpload,
        search: &mut Search,
        now: u64,
    ) -> std::result::Result<Opening, NoStore> {
        let bytes = new.metadata.base().bytes;
        let room = room_for(bytes);
        let session = self.sessions.counters().next_id;
        let found = search.next(session, &self.registry.offers(room), room);
        // Reports cost cycles, so a stranger's begin asks for none.
        if found == Err(NoStore::NoneLeft) && new.standing == Standing::Known {
            self.registry.room_wanted(now);
        }
        let store = found?;
        let id = self.sessions.allocate_id();
        let upload = UploadMeta::new(
            new.capsule_id.to_string(),
            new.pmid_stem.to_string(),
            store,
            new.index,
            new.metadata,
        );
        let key = upload.key(id);
        let due = now + LOST_CALL_NS;
        let intent = self.jobs.push(due, Task::ReleaseBlob { store, key });
        // Stores keep next to nothing free for strangers, so their announcements don't count.
        let promised = match new.standing {
            Standing::Known => bytes,
            Standing::New => 0,
        };
        let promise = self.registry.promise(store, promised, room);
        Ok(Opening {
            id,
            upload,
            intent,
            promise,
        })
    }

    /// The store opened the blob.
    ///
    /// Before: the intent. After: no intent, but a pending session with its upload and an empty
    /// rolling hash. If the clean-up has started, nothing changes. If the store is retired, the
    /// intent is due at once, so that the store gives the blob back.
    pub fn begun(
        &mut self,
        opening: Opening,
        reservation: BeginReservation,
        stored: u64,
        now: u64,
    ) -> Begun {
        let Opening {
            id,
            upload,
            intent,
            promise,
        } = opening;
        self.registry.opened(promise);
        if !self.jobs.remove(intent) {
            self.registry.not_opened(promise, Refusal::Other, now);
            return Begun::TooLate;
        }
        if !self.registry.is_listed(upload.store) {
            let (store, key) = (upload.store, upload.key(id));
            self.jobs.push(now, Task::ReleaseBlob { store, key });
            return Begun::StoreRetired(reservation);
        }
        let session = self.sessions.begin_with_id(id, reservation, stored, now);
        // The operator may have listed the owner, or taken it off the list, meanwhile.
        let owner = session.spec.owner;
        let standing = self.standing(owner, now);
        self.sessions.set_standing(owner, standing);
        self.uploads.insert(id.0, upload);
        self.hashes.begin(id);
        self.promises.insert(id.0, promise);
        self.events.begins += 1;
        Begun::Session
    }

    /// The store has opened nothing and won't. Before: the intent. After: nothing.
    pub fn not_opened(&mut self, opening: &Opening) {
        self.jobs.remove(opening.intent);
    }

    // ---- chunks -------------------------------------------------------------------------------

    /// Checks one chunk and reserves its index and bytes. The reservation is on the heap. In stable
    /// memory the session records that its owner was active, and the chunk size if this chunk is
    /// the first.
    pub fn reserve_chunk(
        &mut self,
        id: SessionId,
        caller: Principal,
        index: u32,
        len: usize,
        now: u64,
    ) -> Result<ChunkAdmission> {
        self.sessions.reserve_chunk(id, caller, index, len, now)
    }

    /// Hashes a reserved chunk, if the chunk before it is hashed. The tentative midstate is on the
    /// heap; stable memory stays as it was.
    pub fn hashed(&mut self, id: SessionId, index: u32, bytes: &[u8]) -> Option<TentativeHash> {
        self.hashes.follow(id, index, bytes)
    }

    /// The store holds a reserved chunk: `NotFound` if the session ended meanwhile, `Conflict` if
    /// it takes no more chunks.
    ///
    /// Before: the chunk isn't received. After: it is, and the midstate covers all chunks up to the
    /// first gap. If it can't cover a received chunk, a job has the store hash the blob.
    pub fn confirmed(
        &mut self,
        chunk: ChunkReservation,
        hash: Option<TentativeHash>,
        now: u64,
    ) -> Result<()> {
        let bytes = chunk.bytes();
        let session = self.sessions.confirm_chunk(chunk, now)?;
        self.events.chunk_writes += 1;
        self.events.chunk_bytes += u64::from(bytes);
        if let Some(hash) = hash {
            self.hashes.confirm(hash);
        }
        let id = session.id;
        if self.hashes.needs_full_rehash(id, &session.received) && self.hashes.job(id).is_none() {
            let due = now + GATHER_NS;
            let job = self.jobs.push(due, Task::Digest { session: id.0 });
            self.hashes.set_job(id, Some(job));
        }
        Ok(())
    }

    /// The store refused a reserved chunk for its length, so it doesn't hold it.
    ///
    /// After: the chunk is free. If it alone fixed the length of the others, the next one does.
    pub fn refused(&mut self, chunk: ChunkReservation) {
        self.sessions.refuse_chunk(chunk);
    }

    /// The store hashed the complete file. After: the session's hash is known, if there still is a
    /// session, and no job asks for it.
    pub fn digest_known(&mut self, id: SessionId, digest: [u8; 32], now: u64) {
        self.sessions.advanced(id, now);
        if let Some(job) = self.hashes.set_digest(id, digest) {
            self.jobs.remove(job);
        }
    }

    /// The store hashed a part of the file. After: the session made progress, so that a session
    /// that waits for its hash isn't idle.
    pub fn digest_advanced(&mut self, id: SessionId, now: u64) {
        self.sessions.advanced(id, now);
    }

    /// A digest job ended. After: the next gap makes another.
    pub fn digest_job_ended(&mut self, id: SessionId) {
        if let Some(job) = self.hashes.job(id) {
            self.jobs.remove(job);
            self.hashes.set_job(id, None);
        }
    }

    // ---- finish -------------------------------------------------------------------------------

    /// Checks a pending session once more, compares its hash, and notes that the finish is wanted.
    ///
    /// Before: a pending session. After: it is finishing, its finish record has no result, and a
    /// job carries it on. If a check fails, nothing changes.
    pub fn verified(
        &mut self,
        id: SessionId,
        caller: Principal,
        sha256: &[u8],
        total_len: u64,
        now: u64,
    ) -> Result<()> {
        let session = self.sessions.owned(id, caller)?;
        self.sessions.check_complete(&session, total_len)?;
        let count = session.spec.expected_chunks;
        let Digested::Known(digest) = self.hashes.digest(id, count) else {
            return Err(Failure::temporary("the file is being hashed"));
        };
        if digest != sha256 {
            return Err(checksum_mismatch(&digest, sha256));
        }
        self.sessions.start_finishing(id, now);
        let session = id.0;
        let due = now + CALLER_PAUSE_NS;
        let job = self.jobs.push(due, Task::Finish { session });
        let record = FinishRecord {
            sha256: ByteBuf::from(digest),
            total_len,
            result: None,
            job: Some(job),
        };
        self.finishes.insert(id.0, record);
        Ok(())
    }

    /// A peer refused the finish for a reason that the owner can mend.
    ///
    /// Before: a finishing session. After: it is pending and has neither a finish record nor a job
    /// that carries it on. A session in any other state stays as it was.
    pub fn reopened(&mut self, id: SessionId, now: u64) {
        if self.is_finishing(id) {
            self.sessions.reopen(id, now);
            self.forget_finish(id);
        }
    }

    /// The owner may no longer write in the capsule.
    ///
    /// Before: a finishing session. After: nothing but a job that deletes its blob. A session in
    /// any other state stays as it was.
    pub fn given_up(&mut self, id: SessionId, now: u64) {
        if self.is_finishing(id)
            && let Some(session) = self.sessions.end(id, now)
        {
            self.discard(&session, now);
        }
    }

    /// The index made the memory of a finishing session.
    ///
    /// Before: the session, its upload, its hash, and a finish record without a result. After: the
    /// session is committed, its finish record has the result, and upload, hash and jobs are gone.
    pub fn committed(&mut self, id: SessionId, result: UploadFinishResult, now: u64) {
        let owner = self.sessions.commit(id, now).spec.owner;
        self.people.mark(MarkKind::Uploaded, owner, now);
        self.events.finishes_ok += 1;
        let mut record = self.expect_finish(id);
        record.result = Some(result);
        if let Some(job) = record.job.take() {
            self.jobs.remove(job);
        }
        self.finishes.insert(id.0, record);
        self.forget_upload(id);
        self.promises.remove(&id.0);
    }

    pub fn is_finishing(&self, id: SessionId) -> bool {
        let session = self.sessions.get(id);
        session.is_some_and(|session| session.status == SessionStatus::Finishing)
    }

    // ---- the end ------------------------------------------------------------------------------

    /// The owner aborts a pending session. An unknown session counts as aborted.
    ///
    /// Before: a pending session. After: nothing but a job that deletes its blob.
    pub fn aborted(&mut self, id: SessionId, caller: Principal, now: u64) -> Result<()> {
        if let Some(session) = self.sessions.abort(id, caller, now)? {
            self.events.sessions_aborted += 1;
            self.discard(&session, now);
        }
        Ok(())
    }

    /// Ends at most `max` sessions whose time is over, and returns the expired ones.
    ///
    /// After: an expired session has left nothing but a job that deletes its blob, and a retired
    /// one has left nothing at all. Its memory stays.
    pub fn overdue_ended(&mut self, now: u64, max: usize) -> Vec<SessionMeta> {
        let ticked = self.sessions.tick_ttl(now, max);
        self.events.sessions_expired += ticked.expired.len() as u64;
        for session in &ticked.expired {
            self.discard(session, now);
        }
        for session in &ticked.retired {
            self.finishes.remove(&session.id.0);
            self.upload_noted(session);
        }
        ticked.expired
    }

    /// Forgets all about a session that just ended without a commit, and has its blob deleted.
    pub(super) fn discard(&mut self, session: &SessionMeta, now: u64) {
        let id = session.id;
        if let Some(upload) = self.forget_upload(id) {
            let (store, key) = (upload.store, upload.key(id));
            self.jobs.push(now, Task::DeleteBlob { store, key });
        }
        if let Some(promise) = self.promises.remove(&id.0) {
            self.registry.not_opened(promise, Refusal::Other, now);
        }
        self.forget_finish(id);
    }

    fn forget_upload(&mut self, id: SessionId) -> Option<UploadMeta> {
        if let Some(job) = self.hashes.remove(id) {
            self.jobs.remove(job);
        }
        self.uploads.remove(&id.0)
    }

    fn forget_finish(&mut self, id: SessionId) {
        let record = self.finishes.remove(&id.0);
        if let Some(job) = record.and_then(|record| record.job) {
            self.jobs.remove(job);
        }
    }
}
