//! Deleting a memory with its blob, at once or after its time in the trash.
//!
//! The gateway notes the deletion in stable memory before it asks the index. So a lost reply leaves
//! neither a memory without bytes nor bytes without a memory.

use super::checks::check_text;
use super::jobs::queue::Run;
use super::service::UploadService;
use super::types::{Deletion, SessionId};
use crate::failure::{Failure, Result};
use crate::peers::call::PeerResult;
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::BlobKey;
use capsule_shared::blob_store::DeleteProgress;
use capsule_shared::limits::MAX_ID_BYTES;
use capsule_shared::memory_index::Memory;
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory + 'static, R: Runtime> UploadService<M, R> {
    /// Puts a memory into the trash; with a retention of 0 deletes it, and a job deletes its blob.
    /// A memory that is in the trash stays there. Only the gateway that committed it can do this.
    pub async fn delete_memory(&self, caller: Principal, memory_id: String) -> Result<()> {
        check_text("memory_id", &memory_id, MAX_ID_BYTES)?;
        if let Some(deletion) = self.deletion_of(caller, &memory_id) {
            return self.delete_noted(caller, memory_id, deletion).await;
        }
        let index = self.index()?;
        // Nothing is noted yet.
        let found = self.peers.find_memory(index, caller, &memory_id).await?;
        let retention = self.with(|state| state.config().public().trash_retention_ns);
        match found.trash {
            Some(trash) => {
                self.found_in_trash(&found.memory, trash.purge_at);
                Ok(())
            }
            None if retention == 0 => self.delete_for_good(caller, found.memory).await,
            None => {
                self.prepare_deletion(&found.memory)?;
                self.trash_memory(caller, found.memory, retention).await
            }
        }
    }

    /// Deletes a memory in the trash for good. `Conflict` for one that isn't there.
    pub async fn purge_memory(&self, caller: Principal, memory_id: String) -> Result<()> {
        check_text("memory_id", &memory_id, MAX_ID_BYTES)?;
        if let Some(deletion) = self.deletion_of(caller, &memory_id) {
            return self.delete_noted(caller, memory_id, deletion).await;
        }
        let index = self.index()?;
        // Nothing is noted yet.
        let found = self.peers.find_memory(index, caller, &memory_id).await?;
        if found.trash.is_none() {
            return Err(Failure::conflict(format!(
                "{memory_id} is not in the trash, expected it there"
            )));
        }
        self.with(|state| state.trashing_cancelled(&memory_id));
        self.delete_for_good(caller, found.memory).await
    }

    /// The deletion for good that this caller asked for before.
    fn deletion_of(&self, caller: Principal, memory_id: &String) -> Option<Deletion> {
        let noted = self.with(|state| state.deletion(memory_id));
        noted.filter(|deletion| deletion.who == caller)
    }

    async fn delete_for_good(&self, caller: Principal, memory: Memory) -> Result<()> {
        let memory_id = memory.id.clone();
        let deletion = self.note_deletion(caller, memory)?;
        self.delete_noted(caller, memory_id, deletion).await
    }

    /// Has the index delete a memory for good.
    async fn delete_noted(
        &self,
        caller: Principal,
        memory_id: String,
        deletion: Deletion,
    ) -> Result<()> {
        if deletion.done {
            return Ok(());
        }
        let index = self.index()?;
        let ask = || self.peers.memory_delete(index, caller, &memory_id);
        // The deletion is noted during this await. The timer may settle it first.
        let answer = self.peers.ask_index_surely(index, ask).await;
        // To the caller a memory without the right isn't there. To the gateway it still is.
        let settled = self.settle_deletion(&memory_id, answer);
        settled.map_err(Failure::hidden)
    }

    /// Notes in stable memory what is to be deleted, before the gateway asks the index.
    fn note_deletion(&self, who: Principal, memory: Memory) -> Result<Deletion> {
        self.prepare_deletion(&memory)?;
        let now = self.runtime.now();
        let deletion = Deletion {
            who,
            session_id: memory.session_id,
            store: memory.place.store,
            key: memory.place.key,
            done: false,
        };
        self.with(|state| state.deletion_noted(&memory.id, deletion.clone(), now));
        self.schedule();
        Ok(deletion)
    }

    /// Checks that this gateway committed the memory, and that no session commits it again.
    pub(super) fn prepare_deletion(&self, memory: &Memory) -> Result<()> {
        let own = self.runtime.self_id();
        if memory.gateway != own {
            return Err(Failure::conflict(format!(
                "this gateway is {own}, expected {}, which committed the memory",
                memory.gateway
            )));
        }
        let id = SessionId(memory.session_id);
        // The index committed the memory, but its answer was lost. A session that stayed finishing
        // would commit the memory again after its deletion.
        let finishing = self.with(|state| {
            state.is_finishing(id) && state.expect_upload(id).key(id) == memory.place.key
        });
        if finishing {
            self.complete(id, memory)?;
        }
        Ok(())
    }

    /// Enters the index's answer to a noted deletion.
    fn settle_deletion(&self, memory_id: &String, answer: PeerResult<Memory>) -> Result<()> {
        let now = self.runtime.now();
        let settled = self.with(|state| {
            let noted = state.deletion(memory_id);
            let Some(deletion) = noted.filter(|deletion| !deletion.done) else {
                // Another call, or the timer, settled it meanwhile.
                return Ok(());
            };
            match answer {
                Ok(deleted) => {
                    state.deletion_settled(memory_id, deletion, Some(&deleted), now);
                    Ok(())
                }
                // The memory was there when the deletion was noted, so it is deleted now.
                Err(error) if error.refusal() == Some(&Failure::NotFound) => {
                    state.deletion_settled(memory_id, deletion, None, now);
                    Ok(())
                }
                Err(error) => {
                    let error = Failure::from(error);
                    if !error.is_temporary() {
                        state.deletion_forgotten(memory_id);
                    }
                    Err(error)
                }
            }
        });
        self.schedule();
        settled
    }

    /// Carries on a deletion whose caller doesn't.
    pub(super) async fn run_delete_memory(&self, memory_id: String) -> Result<Run> {
        let noted = self.with(|state| state.deletion(&memory_id));
        let Some(deletion) = noted.filter(|deletion| !deletion.done) else {
            return Ok(Run::Done);
        };
        let index = self.index()?;
        let ask = || self.peers.memory_delete(index, deletion.who, &memory_id);
        let answer = self.peers.ask_index_surely(index, ask).await;
        match self.settle_deletion(&memory_id, answer) {
            Err(error) if error.is_temporary() => Ok(Run::Later),
            _ => Ok(Run::Done),
        }
    }

    pub(super) fn run_forget_deletion(&self, memory_id: &String) -> Run {
        self.with(|state| state.deletion_forgotten(memory_id));
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
