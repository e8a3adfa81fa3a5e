//! The transitions of jobs: started, postponed, ended. Records that name a job follow it.

use super::State;
use super::moves::Moving;
use crate::upload::jobs::queue::{Due, JobId, Need, Run, Task};
use crate::upload::types::SessionId;
use ic_stable_structures::Memory;

impl<M: Memory> State<M> {
    /// The first job, if it is due.
    pub fn job_due(&self, now: u64) -> Option<Due> {
        self.jobs.first_due(now)
    }

    /// The need of a run now. It reads a few records.
    pub fn need_of(&self, task: &Task) -> Need {
        let at_store = |session: &u64| match self.uploads.get(session) {
            Some(upload) => Need::Store(upload.store),
            None => Need::Nothing,
        };
        match task {
            Task::DeleteBlob { store, .. } | Task::ReleaseBlob { store, .. } => Need::Store(*store),
            Task::MoveBlob { store, key } => match self.moving(*store, *key) {
                Moving::Done => Need::Nothing,
                Moving::Relocating(record) => Need::Index(Some(record.index)),
                Moving::Copying(_) | Moving::Stray => Need::Store(*store),
            },
            Task::Finish { session } if self.is_finishing(SessionId(*session)) => at_store(session),
            Task::Digest { session } if !self.hashes.is_settled(SessionId(*session)) => {
                at_store(session)
            }
            Task::DeleteMemory { memory } => match self.deletions.get(memory) {
                Some(deletion) if !deletion.done => Need::Index(self.index_of(deletion.index)),
                _ => Need::Nothing,
            },
            Task::TrashMemory { memory } => match self.trashings.get(memory) {
                Some(note) => Need::Index(Some(note.index)),
                None => Need::Nothing,
            },
            Task::PurgeMemory(purge) => Need::Index(Some(purge.index)),
            Task::EndSessions(_) => Need::Instructions,
            Task::Finish { .. } | Task::Digest { .. } | Task::ForgetDeletion { .. } => {
                Need::Nothing
            }
        }
    }

    /// Ends a job that needs nothing. After: it has left the queue, and if it is there to forget a
    /// deletion, that is forgotten.
    pub fn job_dropped(&mut self, due: Due) {
        self.jobs.remove(due.id);
        match due.job.task {
            Task::ForgetDeletion { memory } => self.deletion_forgotten(&memory),
            Task::Digest { session } => self.hashes.set_job(SessionId(session), None),
            _ => {}
        }
    }

    /// Starts a job that is due, and returns its new id. Before and after, it is in the queue.
    /// After, it is due when its run must have failed.
    pub fn job_started(&mut self, due: Due, now: u64) -> JobId {
        let task = due.job.task.clone();
        let id = self.jobs.start(due, now);
        self.job_named(&task, id);
        id
    }

    /// Has a job wait for a second. Before and after, it is in the queue, and isn't started.
    pub fn job_postponed(&mut self, due: Due, now: u64) {
        let task = due.job.task.clone();
        let id = self.jobs.postpone(due, now);
        self.job_named(&task, id);
    }

    /// Enters how a run ended. The job leaves the queue if it is done, and is due soon if it has
    /// more to do. Otherwise it stays as [`State::job_started`] left it.
    pub fn job_ended(&mut self, id: JobId, run: Run, now: u64) {
        if let Some((id, task)) = self.jobs.settle(id, run, now) {
            self.job_named(&task, id);
        }
    }

    /// The session's record follows its job, whose id has changed.
    fn job_named(&mut self, task: &Task, id: JobId) {
        match task {
            Task::Finish { session } => {
                if let Some(mut record) = self.finishes.get(session)
                    && record.result.is_none()
                {
                    record.job = Some(id);
                    self.finishes.insert(*session, record);
                }
            }
            Task::Digest { session } => self.hashes.set_job(SessionId(*session), Some(id)),
            _ => {}
        }
    }

    /// Counts at most `max` jobs that release 0.1.0 left, or else puts the sessions of one of its
    /// owners into the indexes. Returns whether more is left.
    pub fn caught_up(&mut self, max: usize) -> bool {
        self.jobs.count(max) || self.sessions.index_next_owner()
    }
}
