//! The transitions of a memory's way into the trash and out of it.
//!
//! A note has the key of a deletion, which names the memory and its index.

use super::State;
use crate::upload::due::PurgeQuestions;
use crate::upload::jobs::queue::{CALLER_PAUSE_NS, Purge, Task};
use crate::upload::types::{SessionId, Trashing, memory_of};
use capsule_shared::memory_index::MemoryHead;
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> State<M> {
    pub fn trashing(&self, key: &String) -> Option<Trashing> {
        self.trashings.get(key)
    }

    /// A caller wants a memory in the trash. The index isn't asked yet.
    ///
    /// After: the note is there, and a job carries it on. The memory's session and its finish
    /// record are gone, so that the idempotency key is free again. The note replaces an earlier
    /// note: the index tells which time counts. It may have taken the earlier one, so a job purges
    /// the memory then.
    pub fn trashing_noted(&mut self, key: &str, note: Trashing, now: u64) {
        // The idempotency key is free from now on: a new upload must not find this memory.
        self.committed_forgotten(SessionId(note.session_id), memory_of(key), now);
        let memory = key.to_string();
        let purge_at = note.purge_at;
        match self.trashings.insert(memory.clone(), note) {
            None => {
                let due = now + CALLER_PAUSE_NS;
                self.jobs.push(due, Task::TrashMemory { memory });
            }
            Some(earlier) if earlier.purge_at != purge_at => {
                let purge_at = earlier.purge_at;
                self.purge_pushed(key, earlier, purge_at);
            }
            Some(_) => {}
        }
    }

    /// The index has the memory in the trash until `purge_at`.
    ///
    /// Before: the note. After: no note, but a job that purges the memory. Without the note,
    /// nothing changes.
    pub fn trashed(&mut self, key: &String, purge_at: u64) {
        if let Some(note) = self.trashings.remove(key) {
            self.purge_pushed(key, note, purge_at);
        }
    }

    /// Drops the note of a trashing: the index refused it for good, or a caller wants the memory
    /// back or deleted at once. Returns whether there was one.
    ///
    /// After: a job purges the memory if it is in the trash all the same, because an answer was
    /// lost.
    pub fn trashing_cancelled(&mut self, key: &String) -> bool {
        let note = self.trashings.remove(key);
        if let Some(note) = note {
            let purge_at = note.purge_at;
            self.purge_pushed(key, note, purge_at);
            return true;
        }
        false
    }

    /// Drops the note of a trashing that the index refused because it has no trash.
    ///
    /// After: no job purges the memory, because the index can't have taken it.
    pub fn trash_lacking(&mut self, key: &String) {
        self.trashings.remove(key);
    }

    /// The index may have the memory in the trash until `purge_at`. After: a job purges it then. A
    /// second job does no harm.
    pub fn purge_pushed(&mut self, key: &str, note: Trashing, purge_at: u64) {
        let purge = Purge {
            memory: memory_of(key).to_string(),
            index: note.index,
            store: note.store,
            key: note.key,
            purge_at,
        };
        self.jobs.push(purge_at, Task::PurgeMemory(purge));
    }

    /// When the index is asked for purges that have no job.
    pub fn purges_asked(&mut self) -> &mut PurgeQuestions {
        &mut self.purges_asked
    }

    /// The index names a memory that is due. After: a job purges it. A second job does no harm.
    pub fn purge_found(&mut self, purge: Purge, now: u64) {
        self.jobs.push(now, Task::PurgeMemory(purge));
    }

    /// The index has deleted a memory whose time was over. It returned the memory as `expired`, or
    /// had deleted it before. After: a job deletes the blob.
    pub fn purged(&mut self, purge: &Purge, expired: Option<&MemoryHead>, now: u64) {
        if let Some(memory) = expired {
            let bytes = memory.place.size;
            self.sessions.free_stored(&memory.capsule_id, bytes);
            // One that was taken down has its session still: the key is free from now on.
            self.committed_forgotten(SessionId(memory.session_id), &purge.memory, now);
        }
        let told = expired.map(|memory| memory.place.store);
        self.blob_abandoned(purge.key, told, purge.store, now);
    }
}
