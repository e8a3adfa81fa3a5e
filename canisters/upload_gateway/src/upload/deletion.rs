//! Deleting a memory with its blob, at once or after its time in the trash.
//!
//! The gateway notes the deletion in stable memory before it asks the index. So a lost reply leaves
//! neither a memory without bytes nor bytes without a memory.

use super::checks::check_text;
use super::jobs::queue::Run;
use super::service::UploadService;
use super::types::{Deletion, SessionId, memory_of};
use crate::failure::{Failure, Result};
use crate::peers::call::PeerResult;
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::BlobKey;
use capsule_shared::blob_store::DeleteProgress;
use capsule_shared::limits::MAX_ID_BYTES;
use capsule_shared::memory_index::{MemoryFound, MemoryHead};
use ic_stable_structures::Memory as StableMemory;

/// The thing that a caller wants deleted.
enum ToDelete {
    /// Its deletion for good was noted before, under this key.
    Noted(String, Deletion),
    Found(Box<MemoryFound>),
}

impl<M: StableMemory + 'static, R: Runtime> UploadService<M, R> {
    /// Puts a memory into the trash; with a retention of 0 deletes it, and a job deletes its blob.
    /// A memory that is in the trash stays there. Only the gateway that owns it can do this.
    pub async fn delete_memory(&self, caller: Principal, memory_id: String) -> Result<()> {
        check_text("memory_id", &memory_id, MAX_ID_BYTES)?;
        let index = self.index()?;
        // Nothing is noted yet, unless an earlier call did.
        let found = match self.find_to_delete(caller, index, &memory_id).await? {
            ToDelete::Noted(key, deletion) => return self.delete_noted(&key, &deletion).await,
            ToDelete::Found(found) => found,
        };
        let retention = self.with(|state| state.config().public().trash_retention_ns);
        match found.trash {
            Some(trash) => {
                self.found_in_trash(index, &found.memory, trash.purge_at);
                Ok(())
            }
            None if retention == 0 => self.delete_for_good(caller, index, found.memory).await,
            None => {
                self.prepare_deletion(index, &found.memory)?;
                self.trash_memory(caller, index, found.memory, retention)
                    .await
            }
        }
    }

    /// Deletes a memory in the trash for good. `Conflict` for one that isn't there.
    pub async fn purge_memory(&self, caller: Principal, memory_id: String) -> Result<()> {
        check_text("memory_id", &memory_id, MAX_ID_BYTES)?;
        let index = self.index()?;
        // Nothing is noted yet, unless an earlier call did.
        let found = match self.find_to_delete(caller, index, &memory_id).await? {
            ToDelete::Noted(key, deletion) => return self.delete_noted(&key, &deletion).await,
            ToDelete::Found(found) => found,
        };
        if found.trash.is_none() {
            return Err(Failure::conflict(format!(
                "{memory_id} is not in the trash, expected it there"
            )));
        }
        self.with(|state| {
            let key = state.deletion_key(&memory_id, index);
            state.trashing_cancelled(&key)
        });
        self.delete_for_good(caller, index, found.memory).await
    }

    /// The deletion for good that this caller asked for before, or the memory in the index.
    async fn find_to_delete(
        &self,
        caller: Principal,
        index: Principal,
        memory_id: &str,
    ) -> Result<ToDelete> {
        let (key, noted, elsewhere) = self.with(|state| {
            let key = state.deletion_key(memory_id, index);
            let noted = state.deletion(&key);
            let elsewhere = state.deletion_elsewhere(memory_id, caller, index);
            (key, noted, elsewhere)
        });
        match (noted.filter(|noted| noted.who == caller), elsewhere) {
            (Some(deletion), _) => Ok(ToDelete::Noted(key, deletion)),
            // The caller repeats a deletion that was noted before the index changed.
            (None, Some((key, deletion))) if !deletion.done => Ok(ToDelete::Noted(key, deletion)),
            (None, elsewhere) => match self.peers.find_memory(index, caller, memory_id).await {
                Err(Failure::NotFound) => {
                    // It was deleted before the index changed, or it isn't there.
                    let (key, deletion) = elsewhere.ok_or(Failure::NotFound)?;
                    Ok(ToDelete::Noted(key, deletion))
                }
                found => Ok(ToDelete::Found(Box::new(found?))),
            },
        }
    }

    async fn delete_for_good(
        &self,
        caller: Principal,
        index: Principal,
        memory: MemoryHead,
    ) -> Result<()> {
        let (key, deletion) = self.note_deletion(caller, index, memory)?;
        self.delete_noted(&key, &deletion).await
    }

    /// Has the index delete a memory for good. To the caller a memory without the right isn't
    /// there. To the gateway it still is.
    async fn delete_noted(&self, key: &String, deletion: &Deletion) -> Result<()> {
        if deletion.done {
            return Ok(());
        }
        let deleted = self.carry_on_deletion(key, deletion).await;
        deleted.map_err(Failure::hidden)
    }

    /// Asks the deletion's own index to delete the memory.
    async fn carry_on_deletion(&self, key: &String, deletion: &Deletion) -> Result<()> {
        let index = self.index_of(deletion.index)?;
        let (who, memory) = (deletion.who, memory_of(key));
        // The deletion is noted during this await. Its caller or the timer may settle it first.
        let answer = self.peers.memory_delete(index, who, memory).await;
        self.settle_deletion(key, deletion, index, answer)
    }

    /// Notes in stable memory what is to be deleted, before the gateway asks the index.
    fn note_deletion(
        &self,
        who: Principal,
        index: Principal,
        memory: MemoryHead,
    ) -> Result<(String, Deletion)> {
        self.prepare_deletion(index, &memory)?;
        let now = self.runtime.now();
        let deletion = Deletion {
            who,
            session_id: memory.session_id,
            store: memory.place.store,
            key: memory.place.key,
            done: false,
            index: Some(index),
        };
        let key = self.with(|state| {
            let key = state.deletion_key(&memory.id, index);
            state.deletion_noted(&key, deletion.clone(), now);
            key
        });
        self.schedule();
        Ok((key, deletion))
    }

    /// Checks that this gateway owns the memory, and that no session commits it again.
    pub(super) fn prepare_deletion(&self, index: Principal, memory: &MemoryHead) -> Result<()> {
        let own = self.runtime.self_id();
        let owner = memory.owner.unwrap_or(memory.gateway);
        if owner != own {
            return Err(Failure::conflict(format!(
                "this gateway is {own}, expected {owner}, which owns the memory"
            )));
        }
        if memory.gateway != own {
            // It was handed over. Its session id is one of the gateway that committed it.
            return Ok(());
        }
        let id = SessionId(memory.session_id);
        // The index committed the memory, but its answer was lost. A session that stayed finishing
        // would commit the memory again after its deletion.
        let finishing = self.with(|state| {
            let upload = state.is_finishing(id).then(|| state.expect_upload(id));
            upload.is_some_and(|upload| {
                let own = state.index_of(upload.index) == Some(index);
                own && upload.key(id) == memory.place.key
            })
        });
        if finishing {
            self.complete(id, memory)?;
        }
        Ok(())
    }

    /// Enters the answer of `index` to the deletion that was noted as `asked`. `Ok` only if the
    /// memory is deleted.
    fn settle_deletion(
        &self,
        key: &String,
        asked: &Deletion,
        index: Principal,
        answer: PeerResult<MemoryHead>,
    ) -> Result<()> {
        let now = self.runtime.now();
        let settled = self.with(|state| {
            // A refusal of another call may have cancelled the note. This answer counts all the
            // same: if the memory is deleted, its blob must go.
            let deletion = state.deletion(key).unwrap_or_else(|| asked.clone());
            if deletion.done {
                // Another call, or the timer, settled it meanwhile.
                return Ok(());
            }
            match answer {
                Ok(deleted) => {
                    state.deletion_settled(key, deletion, Some(&deleted), now);
                    Ok(())
                }
                // The memory was there when the deletion was noted, so it is deleted now.
                Err(error) if error.refusal() == Some(&Failure::NotFound) => {
                    state.deletion_settled(key, deletion, None, now);
                    Ok(())
                }
                Err(error) => {
                    let error = Failure::from(error);
                    // Another caller's note may be there.
                    if error.is_final() && deletion.who == asked.who {
                        state.deletion_cancelled(key, index, now);
                    }
                    Err(error)
                }
            }
        });
        self.schedule();
        settled
    }

    /// Carries on a deletion whose caller doesn't.
    pub(super) async fn run_delete_memory(&self, key: String) -> Result<Run> {
        let unsettled = || {
            let noted = self.with(|state| state.deletion(&key));
            noted.filter(|deletion| !deletion.done)
        };
        let Some(deletion) = unsettled() else {
            return Ok(Run::Done);
        };
        // Nobody waits for the result. A note that is still there isn't settled, or another call
        // made it meanwhile.
        let _settled = self.carry_on_deletion(&key, &deletion).await;
        match unsettled() {
            Some(_) => Ok(Run::Later),
            None => Ok(Run::Done),
        }
    }

    pub(super) fn run_forget_deletion(&self, key: &String) -> Run {
        self.with(|state| state.deletion_forgotten(key));
        Run::Done
    }

    /// Deletes some chunks of a blob, until the store has none left.
    pub(super) async fn run_delete_blob(&self, store: Principal, key: BlobKey) -> Result<Run> {
        match self.peers.blob_delete(store, key).await {
            Ok(DeleteProgress::Done) => Ok(Run::Done),
            Ok(DeleteProgress::Remaining(_)) => Ok(Run::Again),
            Err(error) if error.refusal() == Some(&Failure::NotFound) => Ok(Run::Done),
            Err(error) => Err(error.into()),
        }
    }
}
