//! Deleting a memory with its blob.
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
use capsule_shared::memory_index::Memory;
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory + 'static, R: Runtime> UploadService<M, R> {
    /// Deletes a memory; a job deletes its blob. Only the gateway that committed it can do this.
    pub async fn delete_memory(&self, caller: Principal, memory_id: String) -> Result<()> {
        check_text("memory_id", &memory_id, MAX_ID_BYTES)?;
        let index = self.index()?;
        let (key, noted, elsewhere) = self.with(|state| {
            let key = state.deletion_key(&memory_id, index);
            let noted = state.deletion(&key);
            let elsewhere = state.deletion_elsewhere(&memory_id, caller, index);
            (key, noted, elsewhere)
        });
        match (noted.filter(|noted| noted.who == caller), elsewhere) {
            (Some(deletion), _) if deletion.done => Ok(()),
            (Some(deletion), _) => self.carry_on_deletion(&key, &deletion).await,
            // The caller repeats a deletion that was noted before the index changed.
            (None, Some((key, deletion))) if !deletion.done => {
                self.carry_on_deletion(&key, &deletion).await
            }
            (None, elsewhere) => {
                let ask = || self.peers.memory_read(index, caller, &memory_id);
                // Nothing is noted yet. `note_deletion` looks again.
                let memory = match self.peers.ask_index_surely(index, ask).await {
                    Err(error) if error.refusal() == Some(&Failure::NotFound) => {
                        // It was deleted before the index changed.
                        return elsewhere.map(|_| ()).ok_or(Failure::NotFound);
                    }
                    answer => answer?,
                };
                let deletion = self.note_deletion(caller, index, &key, memory)?;
                self.carry_on_deletion(&key, &deletion).await
            }
        }
    }

    /// Asks the deletion's own index to delete the memory.
    async fn carry_on_deletion(&self, key: &String, deletion: &Deletion) -> Result<()> {
        let index = self.index_of(deletion.index)?;
        let (who, memory) = (deletion.who, memory_of(key));
        let ask = || self.peers.memory_delete(index, who, memory);
        // The deletion is noted during this await. Its caller or the timer may settle it first.
        let answer = self.peers.ask_index_surely(index, ask).await;
        self.settle_deletion(key, answer)
    }

    /// Notes in stable memory what is to be deleted, before the gateway asks the index.
    fn note_deletion(
        &self,
        who: Principal,
        index: Principal,
        key: &str,
        memory: Memory,
    ) -> Result<Deletion> {
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
            let upload = state.is_finishing(id).then(|| state.expect_upload(id));
            upload.is_some_and(|upload| {
                let own = state.index_of(upload.index) == Some(index);
                own && upload.key(id) == memory.place.key
            })
        });
        if finishing {
            self.complete(id, &memory)?;
        }
        let now = self.runtime.now();
        let deletion = Deletion {
            who,
            session_id: memory.session_id,
            store: memory.place.store,
            key: memory.place.key,
            done: false,
            index: Some(index),
        };
        self.with(|state| state.deletion_noted(key, deletion.clone(), now));
        self.schedule();
        Ok(deletion)
    }

    /// Enters the index's answer to a noted deletion.
    fn settle_deletion(&self, key: &String, answer: PeerResult<Memory>) -> Result<()> {
        let now = self.runtime.now();
        let settled = self.with(|state| {
            let noted = state.deletion(key);
            let Some(deletion) = noted.filter(|deletion| !deletion.done) else {
                // Another call, or the timer, settled it meanwhile.
                return Ok(());
            };
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
                    if !error.is_temporary() {
                        state.deletion_forgotten(key);
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
        let noted = self.with(|state| state.deletion(&key));
        let Some(deletion) = noted.filter(|deletion| !deletion.done) else {
            return Ok(Run::Done);
        };
        match self.carry_on_deletion(&key, &deletion).await {
            Err(error) if error.is_temporary() => Ok(Run::Later),
            _ => Ok(Run::Done),
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
