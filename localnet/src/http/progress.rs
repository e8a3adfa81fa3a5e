//! Automatic progress: a background task that sets an instance's time to the wall clock and runs rounds.

use super::error::Refusal;
use super::extract::{Body, Target};
use super::instances::Instance;
use axum::Json;
use pocket_ic::common::rest::AutoProgressConfig;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The pause between two rounds: short enough for a person at a browser, long enough to idle cheaply.
const MIN_PAUSE: Duration = Duration::from_millis(20);

/// The pause while nothing waits but time; what comes in ends it.
const IDLE_PAUSE: Duration = Duration::from_millis(250);

/// A running background task. It ends when this is dropped, after the round it is in.
pub struct Progress {
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Instance {
    /// Runs the first round and leaves the further ones to a background task.
    pub async fn start_progress(
        self: &Arc<Self>,
        config: &AutoProgressConfig,
    ) -> Result<(), Refusal> {
        let mut progress = self.progress.lock().await;
        if progress.as_ref().is_some_and(|p| !p.task.is_finished()) {
            return Err(Refusal::bad_request(format!(
                "automatic progress of instance {} is already enabled",
                self.id
            )));
        }
        let mut idle = round(self).await?;
        let delay = Duration::from_millis(config.artificial_delay_ms.unwrap_or(0));
        let (stop, mut stopped) = watch::channel(());
        let instance = self.clone();
        let task = tokio::spawn(async move {
            loop {
                let pause = match idle {
                    true => IDLE_PAUSE,
                    false => MIN_PAUSE,
                };
                tokio::select! {
                    // `Err` is the ordinary case: the sender was dropped
                    _ = stopped.changed() => break,
                    () = tokio::time::sleep(pause.max(delay)) => {}
                    () = instance.wake.notified(), if delay.is_zero() => {}
                }
                // the instance was deleted or has failed: the next request says so
                match round(&instance).await {
                    Ok(now_idle) => idle = now_idle,
                    Err(_) => break,
                }
            }
        });
        *progress = Some(Progress { stop, task });
        Ok(())
    }

    /// Returns when no further round will run.
    pub async fn stop_progress(&self) {
        let progress = self.progress.lock().await.take();
        if let Some(Progress { stop, task }) = progress {
            drop(stop);
            // it ends by itself; its failure would be that of the instance, which every request reports
            let _ended = task.await;
        }
    }
}

/// One round at the time of the wall clock; an instance whose time is ahead keeps it. Tells whether nothing is left to do.
async fn round(instance: &Instance) -> Result<bool, Refusal> {
    let idle = instance
        .with(|live| {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_nanos() as u64);
            live.tick_at(now)?;
            Ok(live.network.is_idle())
        })
        .await?;
    instance.rounds.send_replace(());
    Ok(idle)
}

pub async fn start(
    target: Target,
    Body(config): Body<AutoProgressConfig>,
) -> Result<Json<()>, Refusal> {
    target.instance.start_progress(&config).await.map(Json)
}

pub async fn stop(target: Target) -> Json<()> {
    target.instance.stop_progress().await;
    Json(())
}

pub async fn enabled(target: Target) -> Json<bool> {
    let progress = target.instance.progress.lock().await;
    Json(progress.as_ref().is_some_and(|p| !p.task.is_finished()))
}
