//! Runs one operation on an instance, on a blocking thread, and answers as PocketIC's clients
//! expect of long operations.
//!
//! A request waits for its turn and then for its result, in all no longer than its patience. If its
//! turn doesn't come, the answer is 409 (busy): nothing has happened, and the client asks again. If
//! the operation has begun but isn't done, the answer is 202 (started), and the client polls.

use super::answer::Answer;
use super::graph::state_label;
use super::target::Target;
use crate::server::instances::live_network::LiveNetwork;
use crate::server::refusal::Refusal;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pocket_ic::common::rest::StartedOrBusyResponse;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, timeout_at};

/// Makes the ids of operations unique within this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Target {
    /// Runs `operation` on the instance; `name` is part of the operation's id.
    pub async fn run<T, F>(self, name: &'static str, operation: F) -> Response
    where
        T: Serialize,
        F: FnOnce(&mut LiveNetwork) -> Result<T, Refusal> + Send + 'static,
    {
        let deadline = Instant::now() + self.patience;
        let state_label = state_label(self.instance.id);
        let Ok(mut slot) = timeout_at(deadline, self.instance.turn()).await else {
            let op_id = self.instance.current().unwrap_or("finishing".to_string());
            let busy = StartedOrBusyResponse { state_label, op_id };
            return (StatusCode::CONFLICT, Json(busy)).into_response();
        };
        let op_id = format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.instance.set_current(Some(op_id.clone()));
        let instance = self.instance.clone();
        // From here on the operation runs to its end, even if the client disconnects.
        let mut work = spawn_blocking(move || {
            let answer = match slot.perform(operation) {
                Ok(value) => Answer::success(&value),
                Err(refusal) => refusal.into(),
            };
            instance.set_current(None);
            answer
        });
        if let Ok(done) = timeout_at(deadline, &mut work).await {
            return finished(done).into_response();
        }
        let key = (state_label.clone(), op_id.clone());
        let graph = self.server.graph;
        graph.start(key.clone());
        tokio::spawn(async move { graph.finish(&key, finished(work.await)) });
        let started = StartedOrBusyResponse { state_label, op_id };
        (StatusCode::ACCEPTED, Json(started)).into_response()
    }
}

fn finished(result: Result<Answer, JoinError>) -> Answer {
    result.unwrap_or_else(|e| Refusal::internal(format!("localnet failed: {e}")).into())
}
