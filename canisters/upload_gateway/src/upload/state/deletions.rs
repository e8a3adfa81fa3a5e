//! The transitions of a memory's deletion.

use super::State;
use crate::upload::jobs::queue::{CALLER_PAUSE_NS, FORGET_NS, LOST_CALL_NS, Purge, Task};
use crate::upload::types::{Deletion, SEPARATOR, SessionId, memory_of};
use candid::Principal;
use capsule_shared::memory_index::MemoryHead;
use ic_stable_structures::Memory as StableMemory;

/// The most indexes that can have deletions of one memory id noted at once. Each noted deletion
/// lasts about a day, so nobody changes the index so often.
const MAX_INDEXES: usize = 8;

/// No memory goes from the trash at this time. So a purge at it asks the index only whether it has
/// the memory.
const NEVER_PURGED: u64 = 0;

impl<M: StableMemory> State<M> {
    /// The key of a deletion. Two indexes may give the same memory id, so it names both.
    ///
    /// The first index is left out, because release 0.1.0 knew no other.
    pub fn deletion_key(&self, memory_id: &str, index: Principal) -> String {
        match self.index_of(None) {
            Some(first) if first != index => format!("{memory_id}{SEPARATOR}{index}"),
            _ => memory_id.to_string(),
        }
    }

    /// A noted deletion by its key.
    pub fn deletion(&self, key: &String) -> Option<Deletion> {
        self.deletions.get(key)
    }

    /// A noted deletion of this memory by this owner in an index other than `index`, with its key.
    /// One that isn't done comes first.
    pub fn deletion_elsewhere(
        &self,
        memory_id: &str,
        who: Principal,
        index: Principal,
    ) -> Option<(String, Deletion)> {
        let first = memory_id.to_string();
        let others = format!("{memory_id}{SEPARATOR}");
        let noted = self.deletions.get(&first).map(|found| (first, found));
        let rest = self.deletions.range(others.clone()..).take(MAX_INDEXES);
        let rest = rest.map(|entry| entry.into_pair());
        noted
            .into_iter()
            .chain(rest.take_while(|(key, _)| key.starts_with(&others)))
            .filter(|(_, found)| found.who == who && self.index_of(found.index) != Some(index))
            .min_by_key(|(_, found)| found.done)
    }

    /// An owner wants a memory deleted. The index isn't asked yet.
    ///
    /// After: the deletion is noted, and a job carries it on. The memory's session and its finish
    /// record are gone, so that the idempotency key is free again. A noted deletion that is done,
    /// or that the same owner asked for, stays as it was. Another owner's counts as this one.
    pub fn deletion_noted(&mut self, key: &str, deletion: Deletion, now: u64) {
        let key = key.to_string();
        let noted = self.deletions.get(&key);
        if noted.is_none_or(|noted| !noted.done && noted.who != deletion.who) {
            // The idempotency key is free from now on: a new upload must not find this memory.
            let id = SessionId(deletion.session_id);
            self.committed_forgotten(id, memory_of(&key), now);
            self.deletions.insert(key.clone(), deletion);
            let due = now + CALLER_PAUSE_NS;
            let memory = key;
            self.jobs.push(due, Task::DeleteMemory { memory });
        }
    }

    /// The index has deleted the memory of a noted `deletion`. It returned the memory as `deleted`,
    /// or had deleted it before.
    ///
    /// Before: the deletion isn't done. After: it is, a job deletes the blob, and another forgets
    /// the deletion after a day. The memory's session and its finish record are gone, so that the
    /// idempotency key is free again.
    pub fn deletion_settled(
        &mut self,
        key: &str,
        deletion: Deletion,
        deleted: Option<&MemoryHead>,
        now: u64,
    ) {
        if let Some(memory) = deleted {
            let bytes = memory.place.size;
            self.sessions.free_stored(&memory.capsule_id, bytes);
        }
        let told = deleted.map(|memory| memory.place.store);
        self.blob_abandoned(deletion.key, told, deletion.store, now);
        let id = SessionId(deletion.session_id);
        let done = Deletion {
            done: true,
            ..deletion
        };
        self.deletions.insert(key.to_string(), done);
        self.committed_forgotten(id, memory_of(key), now);
        let memory = key.to_string();
        let due = now + FORGET_NS;
        self.jobs.push(due, Task::ForgetDeletion { memory });
    }

    /// The session's memory is deleted or in the trash. After: a session that committed it is gone
    /// with its finish record, so that the idempotency key is free again.
    pub fn committed_forgotten(&mut self, id: SessionId, memory_id: &str, now: u64) {
        let result = self.finishes.get(&id.0).and_then(|finish| finish.result);
        if result.is_some_and(|result| result.memory_id == memory_id) {
            if let Some(session) = self.sessions.get(id) {
                self.upload_noted(&session);
            }
            self.sessions.end(id, now);
            self.finishes.remove(&id.0);
        }
    }

    /// Drops a noted deletion that `index` refused for good.
    ///
    /// After: it isn't noted. Another call may have been allowed, and its answer lost. So a job
    /// asks later whether the memory is gone, and then deletes its blob.
    pub fn deletion_cancelled(&mut self, key: &String, index: Principal, now: u64) {
        if let Some(deletion) = self.deletions.remove(key) {
            let look = Task::PurgeMemory(Purge {
                memory: memory_of(key).to_string(),
                index,
                store: deletion.store,
                key: deletion.key,
                purge_at: NEVER_PURGED,
            });
            self.jobs.push(now + LOST_CALL_NS, look);
        }
    }

    /// Forgets a deletion that is done for a day. After: nothing is left of it.
    pub fn deletion_forgotten(&mut self, key: &String) {
        self.deletions.remove(key);
    }
}
