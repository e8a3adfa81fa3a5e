//! What the timer does: ends sessions whose time is over, and runs the jobs that are due.

use super::deletion::FORGET_NS;
use super::finish::Asked;
use super::jobs::{JobId, Task};
use super::service::UploadService;
use super::types::{SessionId, SessionStatus};
use crate::failure::{Failure, Result};
use crate::peers::{PeerError, index_error, store_error};
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::BlobKey;
use capsule_shared::blob_store::DeleteProgress;
use ic_stable_structures::Memory;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Sessions that one message ends, and jobs that one message runs at once.
const TICK_SESSIONS: usize = 200;
const TICK_JOBS: usize = 10;

/// The longest a job's run may take: its calls and their deadlines.
pub const RUN_TIME_NS: u64 = 300_000_000_000;

/// How long after its checks the timer carries on a finish whose caller doesn't.
pub const FINISH_PAUSE_NS: u64 = 60_000_000_000;

/// How a job's run ended.
enum Run {
    Done,
    /// Do this now rather than after the pause.
    Again,
    /// After the pause that is already in the queue.
    Later,
}

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// One turn of the timer.
    pub async fn tick(&self) {
        self.end_overdue();
        let now = self.runtime.now();
        let jobs = self.with(|state| state.jobs.start_due(now, TICK_JOBS));
        // While the jobs wait for their calls, the timer must wake for the rest.
        self.schedule();
        let runs = jobs.into_iter().map(|(id, task)| {
            let service = self.clone();
            let run: Pin<Box<dyn Future<Output = ()>>> =
                Box::pin(async move { service.run(id, task).await });
            Some(run)
        });
        AllOf(runs.collect()).await;
        self.schedule();
    }

    /// Ends pending sessions that were last seen longer ago than the TTL and retires old committed ones; tells how many
    /// expired.
    pub fn end_overdue(&self) -> usize {
        let now = self.runtime.now();
        let ticked = self.with(|state| {
            let ticked = state.sessions.tick_ttl(now, TICK_SESSIONS);
            state.events.sessions_expired += ticked.expired.len() as u64;
            for session in &ticked.expired {
                state.discard(session, now);
            }
            for session in &ticked.retired {
                state.finishes.remove(&session.id.0);
            }
            ticked
        });
        for session in &ticked.expired {
            self.runtime
                .log(&format!("SESSION_EXPIRED sid={}", session.id));
        }
        self.schedule();
        ticked.expired.len()
    }

    async fn run(&self, id: JobId, task: Task) {
        let run = match task {
            Task::DeleteBlob { store, key } => self.run_delete_blob(store, key).await,
            Task::ReleaseBlob { store, key } => self.run_release_blob(store, key).await,
            Task::Finish { session } => self.run_finish(SessionId(session)).await,
            Task::Digest { session } => self.run_digest(SessionId(session)).await,
            Task::DeleteMemory { memory } => self.run_delete_memory(memory).await,
            Task::ForgetDeletion { memory } => {
                self.with(|state| state.deletions.remove(&memory));
                Ok(Run::Done)
            }
        };
        let now = self.runtime.now();
        self.with(|state| match run {
            Ok(Run::Done) => {
                state.jobs.remove(id);
            }
            Ok(Run::Again) => state.jobs.move_to(id, now),
            Ok(Run::Later) | Err(_) => {}
        });
        // The other jobs of this turn may still wait for slow calls.
        self.schedule();
    }

    async fn run_delete_blob(&self, store: Principal, key: BlobKey) -> Result<Run> {
        match self.peers.blob_delete(store, key).await {
            Ok(DeleteProgress::Done) | Err(PeerError::Refused(Failure::NotFound)) => Ok(Run::Done),
            Ok(DeleteProgress::Remaining(_)) => Ok(Run::Again),
            Err(error) => Err(store_error(error)),
        }
    }

    async fn run_release_blob(&self, store: Principal, key: BlobKey) -> Result<Run> {
        let released = self.peers.blob_release(store, key).await;
        released.map(|()| Run::Done).map_err(store_error)
    }

    async fn run_finish(&self, id: SessionId) -> Result<Run> {
        let guard = self.with(|state| {
            let session = state.sessions.get(id);
            match session.map(|session| session.status) {
                Some(SessionStatus::Finishing) => state.sessions.guard_finish(id).map(Some),
                _ => Ok(None),
            }
        })?;
        if let Some(guard) = guard
            && let Err(error) = self.carry_on(&guard).await
            && error.is_temporary()
        {
            return Ok(Run::Later);
        }
        Ok(Run::Done)
    }

    /// Has the store hash what is there. The next chunk brings another job, unless one came while the store was asked.
    async fn run_digest(&self, id: SessionId) -> Result<Run> {
        let received = || {
            self.with(|state| {
                let session = state.sessions.get(id);
                session.map(|session| session.received.next)
            })
        };
        let before = received();
        let run = match self.ask_digest(id).await {
            Ok(Asked::Hashing { .. }) => Run::Again,
            Err(error) if error.is_temporary() => Run::Later,
            Ok(Asked::Done) => Run::Done,
            // At a gap the store says `Conflict`. Of any other error a finish tells its caller.
            Ok(Asked::Waiting) | Err(_) if received() == before => Run::Done,
            Ok(Asked::Waiting) | Err(_) => Run::Again,
        };
        if matches!(run, Run::Done) {
            self.with(|state| state.digesting.remove(&id));
        }
        Ok(run)
    }

    async fn run_delete_memory(&self, memory: String) -> Result<Run> {
        let Some(deletion) = self.with(|state| state.deletions.get(&memory)) else {
            return Ok(Run::Done);
        };
        if deletion.done {
            return Ok(Run::Done);
        }
        let index = self.index()?;
        let ask = || self.peers.memory_delete(index, deletion.who, &memory);
        let answer = self.peers.ask_index_surely(index, ask).await;
        match self.settle_deletion(&memory, answer) {
            Err(error) if error.is_temporary() => Ok(Run::Later),
            _ => Ok(Run::Done),
        }
    }

    /// Enters the index's answer to a wanted deletion.
    pub(super) fn settle_deletion(
        &self,
        memory: &str,
        answer: std::result::Result<capsule_shared::memory_index::Memory, PeerError>,
    ) -> Result<()> {
        let now = self.runtime.now();
        let settled = self.with(|state| {
            let Some(mut deletion) = state.deletions.get(&memory.to_string()) else {
                return Ok(());
            };
            match answer {
                _ if deletion.done => Ok(()),
                // A memory that was there when the deletion was noted and isn't any more is deleted.
                Ok(_) | Err(PeerError::Refused(Failure::NotFound)) => {
                    if let Ok(deleted) = answer {
                        let bytes = deleted.place.size;
                        state.sessions.free_stored(&deleted.capsule_id, bytes);
                    }
                    deletion.done = true;
                    let (store, key) = (deletion.store, deletion.key);
                    let id = SessionId(deletion.session_id);
                    state.deletions.insert(memory.to_string(), deletion);
                    // The idempotency key is free again.
                    let finish = state.finishes.get(&id.0).and_then(|finish| finish.result);
                    if finish.is_some_and(|result| result.memory_id == memory) {
                        state.sessions.end(id);
                        state.finishes.remove(&id.0);
                    }
                    state.jobs.push(now, Task::DeleteBlob { store, key });
                    let memory = memory.to_string();
                    state
                        .jobs
                        .push(now + FORGET_NS, Task::ForgetDeletion { memory });
                    Ok(())
                }
                Err(error) => {
                    let error = index_error(error);
                    if !error.is_temporary() {
                        state.deletions.remove(&memory.to_string());
                    }
                    Err(error)
                }
            }
        });
        self.schedule();
        settled
    }
}

/// Runs futures side by side until the last is done.
struct AllOf(Vec<Option<Pin<Box<dyn Future<Output = ()>>>>>);

impl Future for AllOf {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        for slot in &mut self.0 {
            if let Some(future) = slot
                && future.as_mut().poll(context).is_ready()
            {
                *slot = None;
            }
        }
        match self.0.iter().all(Option::is_none) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}
