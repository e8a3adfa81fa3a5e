//! The timer's work: it ends sessions whose time is over, and runs the jobs that are due.

use super::queue::{JobId, Run, Task};
use crate::runtime::Runtime;
use crate::upload::service::UploadService;
use crate::upload::types::SessionId;
use ic_stable_structures::Memory;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How many sessions one message ends.
const TICK_SESSIONS: usize = 200;

/// How many jobs one message runs side by side.
const TICK_JOBS: usize = 10;

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// Takes one turn of the timer.
    pub async fn tick(&self) {
        self.end_overdue();
        let now = self.runtime.now();
        let jobs = self.with(|state| state.jobs_started(now, TICK_JOBS));
        // The timer must wake for the other jobs while these wait for their calls.
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

    /// Expires pending sessions that are idle for longer than the TTL, and retires old committed
    /// ones. Returns how many expired.
    fn end_overdue(&self) -> usize {
        let now = self.runtime.now();
        let expired = self.with(|state| state.overdue_ended(now, TICK_SESSIONS));
        for session in &expired {
            self.runtime
                .log(&format!("SESSION_EXPIRED sid={}", session.id));
        }
        self.schedule();
        expired.len()
    }

    /// Ends what is overdue now, and returns a line about it.
    pub fn cleanup_expired(&self) -> String {
        let expired = self.end_overdue();
        let jobs = self.with(|state| state.queued_jobs());
        format!("Expired sessions: {expired}, Queued jobs: {jobs}")
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
