//! The timer's work: it ends sessions whose time is over, runs the jobs that are due, and asks the
//! stores for their reports and the index for purges and for blobs to move.
//!
//! A turn is bounded by its instructions and by the calls that it opens, never by a number of jobs.
//! While something is due, the next turn follows at once.

use super::queue::{JobId, Need, Run, Task};
use crate::runtime::Runtime;
use crate::upload::service::UploadService;
use crate::upload::types::SessionId;
use ic_stable_structures::Memory;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The instructions after which a turn starts no more jobs. A message above 2 G instructions takes
/// several rounds of the subnet; the last job and the end of the turn need the difference.
const TURN_INSTRUCTIONS: u64 = 1_500_000_000;

/// The part of them that catching up on what release 0.1.0 left may use.
const CATCH_UP_INSTRUCTIONS: u64 = TURN_INSTRUCTIONS / 4;

/// The part of them after which a turn ends no more sessions.
const END_INSTRUCTIONS: u64 = TURN_INSTRUCTIONS / 2;

/// Jobs that are counted, or sessions that are ended, between two looks at the instructions.
const BATCH: usize = 20;

/// The most jobs of a busy peer that one turn passes over, to reach jobs of other peers.
const MAX_POSTPONED: usize = 200;

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// Takes one turn of the timer.
    pub async fn tick(&self) {
        while self.runtime.instructions() < CATCH_UP_INSTRUCTIONS
            && self.with(|state| state.caught_up(BATCH))
        {}
        self.end_overdue();
        let mut runs = self.start_jobs().await;
        let service = self.clone();
        runs.start(Box::pin(async move {
            service.ask_stores().await;
            // The jobs of this turn may still wait for slow calls.
            service.schedule();
        }))
        .await;
        let service = self.clone();
        runs.start(Box::pin(async move {
            service.ask_for_purges().await;
            service.schedule();
        }))
        .await;
        let service = self.clone();
        runs.start(Box::pin(async move {
            service.find_blobs_to_move().await;
            service.schedule();
        }))
        .await;
        // The timer must wake for the other jobs while these wait for their calls.
        self.schedule();
        runs.await;
        self.schedule();
    }

    /// Expires pending sessions that are idle for longer than the TTL, and retires old committed
    /// ones. Returns how many expired.
    fn end_overdue(&self) -> usize {
        let now = self.runtime.now();
        let mut count = 0;
        while self.runtime.instructions() < END_INSTRUCTIONS
            && self.with(|state| state.has_overdue_sessions(now))
        {
            let expired = self.with(|state| state.overdue_ended(now, BATCH));
            self.log_expired(&expired);
            count += expired.len();
        }
        self.schedule();
        count
    }

    /// Ends what is overdue now, and returns a line about it.
    pub fn cleanup_expired(&self) -> String {
        let expired = self.end_overdue();
        let jobs = self.with(|state| state.queued_jobs());
        format!("Expired sessions: {expired}, Queued jobs: {jobs}")
    }

    /// Starts jobs that are due, until the instructions of the turn or the calls are used up. Jobs
    /// whose peer is busy wait, so that they don't keep back those of other peers.
    async fn start_jobs(&self) -> AllOf {
        let now = self.runtime.now();
        let mut runs = AllOf::default();
        let mut postponed = 0;
        while self.runtime.instructions() < TURN_INSTRUCTIONS && postponed < MAX_POSTPONED {
            let Some(due) = self.with(|state| state.job_due(now)) else {
                break;
            };
            let callee = match self.with(|state| state.need_of(&due.job.task)) {
                Need::Nothing => {
                    self.with(|state| state.job_dropped(due));
                    continue;
                }
                Need::Instructions => None,
                _ if !self.peers.have_room_for_jobs() => break,
                Need::Store(store) => Some(store),
                // Without an index the run fails, and comes again later.
                Need::Index(index) => index.or_else(|| self.index().ok()),
            };
            if callee.is_some_and(|callee| self.peers.is_busy_with_jobs(callee)) {
                self.with(|state| state.job_postponed(due, now));
                postponed += 1;
                continue;
            }
            let task = due.job.task.clone();
            let id = self.with(|state| state.job_started(due, now));
            let service = self.clone();
            // Its first call leaves now, so that it counts for the next job.
            runs.start(Box::pin(async move { service.run(id, task).await }))
                .await;
        }
        runs
    }

    async fn run(&self, id: JobId, task: Task) {
        let run = match task {
            Task::DeleteBlob { store, key } => self.run_delete_blob(store, key).await,
            Task::ReleaseBlob { store, key } => self.run_release_blob(store, key).await,
            Task::Finish { session } => self.run_finish(SessionId(session)).await,
            Task::Digest { session } => self.run_digest(SessionId(session)).await,
            Task::DeleteMemory { memory } => self.run_delete_memory(memory).await,
            Task::TrashMemory { memory } => self.run_trash_memory(memory).await,
            Task::PurgeMemory(purge) => self.run_purge_memory(purge).await,
            Task::ForgetDeletion { memory } => Ok(self.run_forget_deletion(&memory)),
            Task::MoveBlob { store, key } => self.run_move_blob(store, key).await,
            Task::EndSessions(leaver) => {
                self.end_sessions_of(leaver, TURN_INSTRUCTIONS);
                Ok(Run::Done)
            }
        };
        let now = self.runtime.now();
        // A run that failed is tried again later.
        let run = run.unwrap_or(Run::Later);
        self.with(|state| state.job_ended(id, run, now));
        // The other jobs of this turn may still wait for slow calls.
        self.schedule();
    }
}

/// Runs futures side by side until all of them are done.
#[derive(Default)]
struct AllOf(Vec<Option<Pin<Box<dyn Future<Output = ()>>>>>);

impl AllOf {
    /// Polls a future once, and keeps it unless it is done.
    async fn start(&mut self, future: Pin<Box<dyn Future<Output = ()>>>) {
        let mut future = Some(future);
        poll_fn(|context| {
            if let Some(mut future) = future.take()
                && future.as_mut().poll(context).is_pending()
            {
                self.0.push(Some(future));
            }
            Poll::Ready(())
        })
        .await;
    }
}

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
