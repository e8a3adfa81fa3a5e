//! Deleting a memory with its blob, so that a lost reply leaves neither a memory without bytes nor bytes without a
//! memory: what is wanted is noted in stable memory before the index is asked.

use super::begin::check_text;
use super::jobs::Task;
use super::service::UploadService;
use super::types::{Deletion, SessionId, SessionStatus};
use super::work::FINISH_PAUSE_NS;
use crate::failure::{Failure, Result};
use crate::peers::index_error;
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::limits::MAX_ID_BYTES;
use capsule_shared::memory_index::Memory;
use ic_stable_structures::Memory as StableMemory;

/// How long a repeated call of a deletion that is done finds it done.
pub const FORGET_NS: u64 = 24 * 3_600_000_000_000;

impl<M: StableMemory + 'static, R: Runtime> UploadService<M, R> {
    /// Deletes a memory; its blob follows by itself. Only the gateway that committed it can.
    pub async fn delete_memory(&self, caller: Principal, memory_id: String) -> Result<()> {
        check_text("memory_id", &memory_id, MAX_ID_BYTES)?;
        let index = self.index()?;
        let noted = self.with(|state| state.deletions.get(&memory_id));
        match noted.filter(|deletion| deletion.who == caller) {
            Some(deletion) if deletion.done => return Ok(()),
            Some(_) => {}
            None => {
                let ask = || self.peers.memory_read(index, caller, &memory_id);
                let memory = self.peers.ask_index_surely(index, ask).await;
                self.note_deletion(caller, memory.map_err(index_error)?)?;
            }
        }
        let ask = || self.peers.memory_delete(index, caller, &memory_id);
        let answer = self.peers.ask_index_surely(index, ask).await;
        self.settle_deletion(&memory_id, answer)
    }

    /// Notes what is to be deleted, in the state before the index is asked.
    fn note_deletion(&self, who: Principal, memory: Memory) -> Result<()> {
        let own = self.runtime.self_id();
        if memory.gateway != own {
            return Err(Failure::conflict(format!(
                "gateway {} committed this memory and alone can delete it, this is {own}",
                memory.gateway
            )));
        }
        let id = SessionId(memory.session_id);
        // The index has committed it although the answer was lost: were the session left to finish, it would commit
        // the memory anew after it was deleted.
        let finishing = self.with(|state| {
            let session = state.sessions.get(id);
            session.is_some_and(|session| session.status == SessionStatus::Finishing)
                && state.meta(id).key(id) == memory.place.key
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
        };
        self.with(|state| {
            let noted = state.deletions.get(&memory.id);
            // Another owner's deletion of the same memory is as good as this one.
            if noted.is_none_or(|noted| !noted.done && noted.who != who) {
                state.deletions.insert(memory.id.clone(), deletion);
                let memory = memory.id.clone();
                let due = now + FINISH_PAUSE_NS;
                state.jobs.push(due, Task::DeleteMemory { memory });
            }
        });
        self.schedule();
        Ok(())
    }
}
