//! A background task that runs rounds by itself until it is stopped.

use crate::server::messages::tell;
use crate::server::refusal::Refusal;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// The pause between two rounds: short enough for a person at a browser, long enough to idle
/// cheaply.
const MIN_PAUSE: Duration = Duration::from_millis(20);

/// The pause while a round would only move time on. A new message ends it.
const IDLE_PAUSE: Duration = Duration::from_millis(250);

/// A running background task. Dropping it ends the task after the current round.
pub struct Progress {
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Progress {
    /// Runs `round` again and again, with pauses of at least `delay`; a delay of zero lets `wake`
    /// end a pause. A round returns whether nothing is left to do. `idle` is the result of
    /// the latest round. A round that is refused for a while is tried again.
    pub fn start<F>(
        mut idle: bool,
        delay: Duration,
        wake: Arc<Notify>,
        round: impl Fn() -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<bool, Refusal>> + Send,
    {
        let (stop, mut stopped) = watch::channel(());
        let task = tokio::spawn(async move {
            let mut waiting = false;
            loop {
                let pause = match idle {
                    true => IDLE_PAUSE,
                    false => MIN_PAUSE,
                };
                tokio::select! {
                    // the sender never sends: this ends with `Err` once the sender is dropped
                    _ = stopped.changed() => break,
                    () = tokio::time::sleep(pause.max(delay)) => {}
                    () = wake.notified(), if delay.is_zero() => {}
                }
                match round().await {
                    Ok(now_idle) => {
                        if waiting {
                            tell("the network goes on");
                        }
                        (idle, waiting) = (now_idle, false);
                    }
                    Err(refusal) if refusal.is_temporary() => {
                        if !waiting {
                            tell(&refusal.message);
                        }
                        (idle, waiting) = (true, true);
                    }
                    // The instance was deleted or has failed. The next request reports it.
                    Err(_) => break,
                }
            }
        });
        Self { stop, task }
    }

    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// Returns when no further round will run.
    pub async fn stop(self) {
        drop(self.stop);
        // A failure of the task is a failure of its instance, which every request reports.
        let _ended = self.task.await;
    }
}
