//! Moving blobs off a store that is draining, to stores that take new uploads.
//!
//! The target pulls the bytes from the source by itself, slice by slice. The copy is hashed before
//! the index names it, and the source goes an hour later, so a reader never finds a gap.

use super::jobs::queue::Run;
use super::moves::record::Move;
use super::service::UploadService;
use super::state::moves::Moving;
use crate::failure::{Failure, Result};
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::BlobKey;
use capsule_shared::blob_store::{Declared, DigestProgress, PullProgress, SharedBlob};
use ic_stable_structures::Memory;

/// Memories of one page. The index reads as many records.
const PAGE: u32 = 20;

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// Asks the index for a page of the memories in a store that is draining, if it is time, and
    /// begins to move their blobs.
    pub(super) async fn find_blobs_to_move(&self) {
        if !self.peers.have_room_for_jobs() {
            return;
        }
        let now = self.runtime.now();
        let Ok(index) = self.index() else {
            return;
        };
        let Some((_asking, drain)) = self.with(|state| state.search_begun(index, now)) else {
            return;
        };
        let after = drain.after.as_deref();
        let page = self
            .peers
            .memories_of_store(index, drain.store, after, PAGE);
        // Nothing is noted of this page. If the answer is lost, the search begins anew.
        let Ok(page) = page.await else {
            return;
        };
        let (now, own) = (self.runtime.now(), self.runtime.self_id());
        self.with(|state| {
            let mut drain = drain;
            for memory in page.memories {
                if !state.has_room_for_moves() {
                    return state.search_goes_on(drain, now);
                }
                drain.after = Some(memory.id.clone());
                // Another gateway moves its own. One that was taken down is purged soon.
                if memory.owner == own && !memory.taken_down {
                    state.move_begun(index, memory, now);
                }
            }
            match page.next {
                Some(next) => {
                    drain.after = Some(next);
                    state.search_goes_on(drain, now);
                }
                None => state.search_ended(drain, now),
            }
        });
    }

    /// Takes the next step of a move, or deletes what it left in the store.
    pub(super) async fn run_move_blob(&self, store: Principal, key: BlobKey) -> Result<Run> {
        // A deletion by another job could still be on its way when this one hashes the copy.
        let Some(_running) = self.with(|state| state.move_run_begun(key)) else {
            return Ok(Run::Soon);
        };
        match self.with(|state| state.moving(store, key)) {
            Moving::Done => Ok(Run::Done),
            Moving::Stray => self.run_delete_blob(store, key).await,
            Moving::Relocating(record) => self.relocate(store, key, record).await,
            Moving::Copying(record) => {
                if !self.with(|state| state.is_wanted(&record)) {
                    self.leave_at_home(store, key, false);
                    return Ok(Run::Again);
                }
                match self.with(|state| state.shared(key)) {
                    None => self.share(store, key, &record).await,
                    Some(shared) => self.pull(store, key, &record, shared).await,
                }
            }
        }
    }

    /// Has the source share the blob, and the target open its copy. Hashes a copy that is whole.
    async fn share(&self, store: Principal, key: BlobKey, record: &Move) -> Result<Run> {
        let shared = match self.peers.blob_share(record.home, key, store).await {
            // The memory was deleted before its move began, or its blob is lost.
            Err(error) if error.refusal() == Some(&Failure::NotFound) => {
                return Ok(self.bad_copy(store, key, record, "the store has no such blob"));
            }
            shared => shared?,
        };
        if shared.bytes != record.bytes {
            return Ok(self.bad_copy(store, key, record, "its length differs"));
        }
        match self.peers.blob_meta(store, key).await {
            Ok(copy) if copy.sealed => return self.verify(store, key, record).await,
            Ok(_) => {}
            Err(error) if error.refusal() == Some(&Failure::NotFound) => {
                let declared = Declared {
                    bytes: record.bytes,
                    known: true,
                };
                // The memory may be deleted during this await. Then the next run of this job finds
                // the empty blob, and deletes it.
                let opened = self.peers.blob_open(store, key, declared).await;
                if let Err(error) = &opened
                    && matches!(error.refusal(), Some(Failure::Conflict(_)))
                {
                    return self.end_former_copy(store, key).await;
                }
                opened?;
            }
            Err(error) => return Err(error.into()),
        }
        self.with(|state| state.shared_noted(key, Some(shared)));
        Ok(Run::Again)
    }

    /// The target can't open the blob. If a former copy is being deleted there, that goes on.
    async fn end_former_copy(&self, store: Principal, key: BlobKey) -> Result<Run> {
        match self.run_delete_blob(store, key).await? {
            Run::Done => Ok(Run::Later),
            more => Ok(more),
        }
    }

    /// Has the target pull the next slice, and seal its copy after the last one.
    async fn pull(
        &self,
        store: Principal,
        key: BlobKey,
        record: &Move,
        shared: SharedBlob,
    ) -> Result<Run> {
        let pulled = self.peers.blob_pull(store, key, record.home, &shared).await;
        if matches!(pulled, Ok(PullProgress::Remaining(_))) {
            return Ok(Run::Again);
        }
        // The next run asks both stores how far they are.
        self.with(|state| state.shared_noted(key, None));
        if pulled? == PullProgress::Done {
            let (count, bytes) = (shared.chunk_count, record.bytes);
            let sealed = self
                .peers
                .blob_seal(store, key, count, bytes, &record.sha256);
            sealed.await?;
        }
        Ok(Run::Again)
    }

    /// Has the target hash its copy, which is sealed.
    async fn verify(&self, store: Principal, key: BlobKey, record: &Move) -> Result<Run> {
        match self.peers.blob_digest(store, key).await? {
            DigestProgress::Hashed { .. } => {}
            DigestProgress::Done(sha256) if sha256.as_slice() == record.sha256 => {
                self.with(|state| state.relocation_noted(store, key));
            }
            DigestProgress::Done(_) => {
                return Ok(self.bad_copy(store, key, record, "its SHA-256 differs"));
            }
        }
        Ok(Run::Again)
    }

    /// Has the index name the copy, which is whole.
    async fn relocate(&self, store: Principal, key: BlobKey, record: Move) -> Result<Run> {
        let (index, memory, home) = (record.index, &record.memory, record.home);
        // The record says during this await that either store may be the memory's.
        let answer = self.peers.memory_relocate(index, memory, home, store).await;
        let now = self.runtime.now();
        match answer {
            Ok(()) => {
                self.with(|state| state.relocated(store, key, now));
                Ok(Run::Again)
            }
            Err(error) if error.refusal() == Some(&Failure::NotFound) => {
                self.with(|state| state.moved_memory_gone(store, key, now));
                Ok(Run::Again)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn leave_at_home(&self, store: Principal, key: BlobKey, is_bad: bool) {
        let now = self.runtime.now();
        self.with(|state| state.move_given_up(store, key, is_bad, now));
    }

    /// There is no copy that is as the index says. The next run deletes what there is of one.
    fn bad_copy(&self, store: Principal, key: BlobKey, record: &Move, reason: &str) -> Run {
        let (memory, home) = (&record.memory, record.home);
        let key_text = hex::encode(key.0);
        self.runtime.log(&format!(
            "the blob {key_text} of {memory} in {home} can't be moved: {reason}"
        ));
        self.leave_at_home(store, key, true);
        Run::Again
    }
}
