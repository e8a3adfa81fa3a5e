//! The trash: a deleted memory stays there for a while, and then a job deletes it with its blob.
//!
//! The gateway notes in stable memory that it trashes a memory, before it asks the index. The note
//! ends as the job that purges. So a lost reply leaves no memory in the trash for ever.

use super::checks::check_text;
use super::jobs::queue::{Purge, Run};
use super::service::UploadService;
use super::types::{SessionId, Trashing, memory_of};
use crate::failure::{Failure, Result};
use crate::peers::call::PeerResult;
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::limits::MAX_ID_BYTES;
use capsule_shared::memory_index::{MemoryHead, Trash};
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory + 'static, R: Runtime> UploadService<M, R> {
    /// Has the index put a memory into the trash for `retention` nanoseconds. `prepare_deletion`
    /// allowed it.
    pub(super) async fn trash_memory(
        &self,
        who: Principal,
        index: Principal,
        memory: MemoryHead,
        retention: u64,
    ) -> Result<()> {
        let now = self.runtime.now();
        let purge_at = now.saturating_add(retention);
        let note = Trashing {
            who,
            index,
            session_id: memory.session_id,
            store: memory.place.store,
            key: memory.place.key,
            purge_at,
        };
        let key = self.with(|state| {
            let key = state.deletion_key(&memory.id, index);
            state.trashing_noted(&key, note.clone(), now);
            key
        });
        self.schedule();
        // The note is in stable memory during this await. The timer may settle it first, and a
        // restore may cancel it.
        let trash = self.peers.put_into_trash(index, who, &memory.id, purge_at);
        let answer = trash.await;
        let settled = self.settle_trashing(&key, note, answer);
        settled.map_err(Failure::hidden)
    }

    /// Enters the index's answer to the trashing that `asked` notes. `Ok` only if the memory is in
    /// the trash.
    fn settle_trashing(
        &self,
        key: &String,
        asked: Trashing,
        answer: PeerResult<Trash>,
    ) -> Result<()> {
        let settled = self.with(|state| {
            let note = state.trashing(key);
            match answer {
                Ok(trash) if note.is_some() => {
                    state.trashed(key, trash.purge_at);
                    Ok(())
                }
                // Another call or the timer settled it meanwhile, or a restore cancelled it. Then
                // the note may have named another time than the index has.
                Ok(trash) => {
                    state.purge_pushed(key, asked, trash.purge_at);
                    Ok(())
                }
                Err(error) => {
                    let error = Failure::from(error);
                    // Another call's note may be there. That call settles it, or the timer does.
                    if error.is_final() && note == Some(asked) {
                        match error {
                            Failure::NotImplemented(_) => state.trash_lacking(key),
                            _ => {
                                state.trashing_cancelled(key);
                            }
                        }
                    }
                    Err(error)
                }
            }
        });
        self.schedule();
        settled
    }

    /// A caller wants to delete a memory that is in the trash already. Its note may still be there,
    /// because the answer was lost.
    pub(super) fn found_in_trash(&self, index: Principal, memory: &MemoryHead, purge_at: u64) {
        let now = self.runtime.now();
        self.with(|state| {
            let key = state.deletion_key(&memory.id, index);
            state.trashed(&key, purge_at);
            state.committed_forgotten(SessionId(memory.session_id), &memory.id, now);
        });
        self.schedule();
    }

    /// Takes a memory out of the trash. One that isn't there stays as it is. `Conflict` while its
    /// deletion for good is under way.
    pub async fn restore_memory(&self, caller: Principal, memory_id: String) -> Result<()> {
        check_text("memory_id", &memory_id, MAX_ID_BYTES)?;
        let index = self.index()?;
        // Nothing is noted of this call, neither before this await nor after it.
        let found = self.peers.find_memory(index, caller, &memory_id).await?;
        let key = self.with(|state| state.deletion_key(&memory_id, index));
        if self.with(|state| state.deletion(&key)).is_some() {
            return Err(being_deleted(&memory_id));
        }
        let noted = self.with(|state| state.trashing_cancelled(&key));
        self.schedule();
        if found.trash.is_none() && !noted {
            return Ok(());
        }
        // The job that purges stays in the queue. The index refuses it if the memory isn't in the
        // trash, or was put there anew.
        let restored = self.peers.take_from_trash(index, caller, &memory_id).await;
        restored.map_err(|error| Failure::from(error).hidden())?;
        // Another caller may have noted its deletion for good during this await.
        match self.with(|state| state.deletion(&key)) {
            Some(_) => Err(being_deleted(&memory_id)),
            None => Ok(()),
        }
    }

    /// Carries on a trashing whose caller doesn't.
    pub(super) async fn run_trash_memory(&self, key: String) -> Result<Run> {
        let Some(note) = self.with(|state| state.trashing(&key)) else {
            return Ok(Run::Done);
        };
        let Trashing {
            who,
            index,
            purge_at,
            ..
        } = note;
        let memory = memory_of(&key);
        let trash = self.peers.put_into_trash(index, who, memory, purge_at);
        let answer = trash.await;
        // Nobody waits for the result. A note that is still there isn't settled, or another call
        // made it meanwhile.
        let _settled = self.settle_trashing(&key, note, answer);
        match self.with(|state| state.trashing(&key)) {
            Some(_) => Ok(Run::Later),
            None => Ok(Run::Done),
        }
    }

    /// Deletes a memory whose time in the trash is over, and then its blob.
    pub(super) async fn run_purge_memory(&self, purge: Purge) -> Result<Run> {
        let (index, id, purge_at) = (purge.index, &purge.memory, purge.purge_at);
        // The job is in the queue during this await.
        let expired = match self.peers.memory_expire(index, id, purge_at).await {
            Ok(memory) => Some(memory),
            Err(error) => match error.refusal() {
                // An earlier run or a caller deleted it. Deleting the blob again does no harm.
                Some(Failure::NotFound) => None,
                // It was restored.
                Some(Failure::Conflict(_)) => return Ok(Run::Done),
                _ => return Err(error.into()),
            },
        };
        let now = self.runtime.now();
        self.with(|state| state.purged(&purge, expired.as_ref(), now));
        self.schedule();
        Ok(Run::Done)
    }
}

fn being_deleted(memory_id: &str) -> Failure {
    Failure::conflict(format!(
        "{memory_id} is being deleted for good, expected it to be in the trash"
    ))
}
