//! One instance: a network behind a fair lock, the operation that holds it, and its automatic
//! rounds.

use super::live_network::LiveNetwork;
use super::progress::Progress;
use super::slot::Slot;
use crate::server::messages::tell;
use crate::server::refusal::Refusal;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, OwnedMutexGuard, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

/// Instances count up from 0.
pub type InstanceId = usize;

/// One network and what goes on with it.
pub struct Instance {
    pub id: InstanceId,
    /// A fair lock: operations run in the order of their requests.
    slot: Arc<tokio::sync::Mutex<Slot>>,
    /// The id of the operation that holds the slot.
    current: Mutex<Option<String>>,
    progress: tokio::sync::Mutex<Option<Progress>>,
    /// Starts the next automatic round at once.
    wake: Arc<Notify>,
    /// Changes after each automatic round.
    rounds: watch::Sender<()>,
}

impl Instance {
    pub fn new(id: InstanceId, live: LiveNetwork) -> Self {
        Self {
            id,
            slot: Arc::new(tokio::sync::Mutex::new(Slot::Live(Box::new(live)))),
            current: Mutex::new(None),
            progress: tokio::sync::Mutex::new(None),
            wake: Arc::new(Notify::new()),
            rounds: watch::Sender::new(()),
        }
    }

    /// Waits for this caller's turn and takes the slot.
    pub async fn turn(&self) -> OwnedMutexGuard<Slot> {
        self.slot.clone().lock_owned().await
    }

    /// Runs a short operation on the network, off the async threads, when its turn comes.
    pub async fn with<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut LiveNetwork) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let mut slot = self.turn().await;
        let work = spawn_blocking(move || slot.perform(operation));
        work.await
            .unwrap_or_else(|e| Err(Refusal::internal(format!("localnet failed: {e}"))))
    }

    /// The id of the running operation, if there is one.
    pub fn current(&self) -> Option<String> {
        self.current_lock().clone()
    }

    pub fn set_current(&self, operation: Option<String>) {
        *self.current_lock() = operation;
    }

    fn current_lock(&self) -> MutexGuard<'_, Option<String>> {
        self.current
            .lock()
            .expect("BUG: a holder of the current operation panicked")
    }

    /// Runs the first round and leaves further rounds to a background task, with pauses of at least
    /// `delay`.
    ///
    /// # Errors
    ///
    /// Refuses with 400 if the instance progresses already, and with the round's refusal if the
    /// round fails.
    pub async fn start_progress(self: &Arc<Self>, delay: Duration) -> Result<(), Refusal> {
        let mut progress = self.progress.lock().await;
        if progress.as_ref().is_some_and(Progress::is_running) {
            return Err(Refusal::bad_request(format!(
                "automatic progress of instance {} is already enabled",
                self.id
            )));
        }
        let idle = self.round().await?;
        let instance = self.clone();
        let rounds = move || {
            let instance = instance.clone();
            async move { instance.round().await }
        };
        *progress = Some(Progress::start(idle, delay, self.wake.clone(), rounds));
        Ok(())
    }

    /// Returns when no further automatic round will run.
    pub async fn stop_progress(&self) {
        let progress = self.progress.lock().await.take();
        if let Some(progress) = progress {
            progress.stop().await;
        }
    }

    pub async fn is_progressing(&self) -> bool {
        let progress = self.progress.lock().await;
        progress.as_ref().is_some_and(Progress::is_running)
    }

    /// Lets the next automatic round begin at once, if the instance progresses by itself.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Starts a round at once and asks `look` after each round, until it finds something.
    /// Returns `None` when `patience` is over.
    pub async fn wait_for<T: Send + 'static>(
        &self,
        patience: Duration,
        look: impl Fn(&LiveNetwork) -> Option<T> + Clone + Send + 'static,
    ) -> Result<Option<T>, Refusal> {
        // subscribed before the first look, so that no round goes unseen
        let mut rounds = self.rounds.subscribe();
        self.wake();
        let deadline = Instant::now() + patience;
        loop {
            let look = look.clone();
            if let Some(found) = self.with(move |live| Ok(look(live))).await? {
                return Ok(Some(found));
            }
            // `changed` fails only without a sender, which lives as long as the instance
            if !matches!(timeout_at(deadline, rounds.changed()).await, Ok(Ok(()))) {
                return Ok(None);
            }
        }
    }

    /// One round at the time of the wall clock; a network whose time is ahead keeps its time.
    /// Returns whether nothing is left to do.
    async fn round(&self) -> Result<bool, Refusal> {
        let idle = self
            .with(|live| {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| since.as_nanos() as u64);
                live.tick_at(now)?;
                Ok(live.network.is_idle())
            })
            .await?;
        self.rounds.send_replace(());
        Ok(idle)
    }

    /// Frees the network after the operation that still runs on it.
    pub async fn free(&self) {
        self.stop_progress().await;
        let mut slot = self.turn().await;
        spawn_blocking(move || *slot = Slot::Deleted)
            .await
            .unwrap_or_else(|e| tell(&format!("cannot free instance {}: {e}", self.id)));
    }
}
