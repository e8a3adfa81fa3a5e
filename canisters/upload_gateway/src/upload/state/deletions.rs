//! The transitions of a memory's deletion.

use super::State;
use crate::upload::jobs::queue::{CALLER_PAUSE_NS, FORGET_NS, Task};
use crate::upload::types::{Deletion, SessionId};
use capsule_shared::memory_index::Memory;
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> State<M> {
    /// An owner wants a memory deleted. The index isn't asked yet.
    ///
    /// After: the deletion is noted, and a job carries it on. A noted deletion that is done, or
    /// that the same owner asked for, stays as it was. Another owner's counts as this one.
    pub fn deletion_noted(&mut self, memory_id: &str, deletion: Deletion, now: u64) {
        let memory_id = memory_id.to_string();
        let noted = self.deletions.get(&memory_id);
        if noted.is_none_or(|noted| !noted.done && noted.who != deletion.who) {
            self.deletions.insert(memory_id.clone(), deletion);
            let due = now + CALLER_PAUSE_NS;
            let memory = memory_id;
            self.jobs.push(due, Task::DeleteMemory { memory });
        }
    }

    /// The index has deleted the memory of a noted `deletion`. It returned the memory as `deleted`,
    /// or had deleted it before.
    ///
    /// Before: the deletion isn't done. After: it is, one job deletes the blob, and another forgets
    /// the deletion after a day. The memory's session and its finish record are gone, so that the
    /// idempotency key is free again.
    pub fn deletion_settled(
        &mut self,
        memory_id: &str,
        deletion: Deletion,
        deleted: Option<&Memory>,
        now: u64,
    ) {
        if let Some(memory) = deleted {
            let bytes = memory.place.size;
            self.sessions.free_stored(&memory.capsule_id, bytes);
        }
        let (store, key) = (deletion.store, deletion.key);
        let id = SessionId(deletion.session_id);
        let done = Deletion {
            done: true,
            ..deletion
        };
        self.deletions.insert(memory_id.to_string(), done);
        self.committed_forgotten(id, memory_id);
        self.jobs.push(now, Task::DeleteBlob { store, key });
        let memory = memory_id.to_string();
        let due = now + FORGET_NS;
        self.jobs.push(due, Task::ForgetDeletion { memory });
    }

    /// The session's memory is deleted or in the trash. After: a session that committed it is gone
    /// with its finish record, so that the idempotency key is free again.
    pub fn committed_forgotten(&mut self, id: SessionId, memory_id: &str) {
        let result = self.finishes.get(&id.0).and_then(|finish| finish.result);
        if result.is_some_and(|result| result.memory_id == memory_id) {
            self.sessions.end(id);
            self.finishes.remove(&id.0);
        }
    }

    /// Drops a noted deletion: the index refused it for good, or it is done for a day. After:
    /// nothing is left of it but a job, which finds nothing to do.
    pub fn deletion_forgotten(&mut self, memory_id: &String) {
        self.deletions.remove(memory_id);
    }
}
