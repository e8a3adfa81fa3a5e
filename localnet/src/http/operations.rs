//! Runs one operation on an instance: on a blocking thread, one after the other, with the protocol for those that last.
//!
//! A request waits its turn and then for its result, together no longer than its patience. Not yet its turn: 409 (Busy),
//! nothing has happened, the client asks again. Begun but not done: 202 (Started), the client polls for the answer.

use super::error::Refusal;
use super::extract::Target;
use super::instances::Slot;
use super::live::Live;
use axum::Json;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use pocket_ic::common::rest::{ApiResponse, StartedOrBusyResponse};
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, timeout_at};

/// A finished operation's HTTP answer, serialised.
#[derive(Clone)]
pub struct Answer {
    status: StatusCode,
    body: Bytes,
}

impl Answer {
    fn success<T: Serialize>(value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self {
                status: StatusCode::OK,
                body: body.into(),
            },
            Err(e) => {
                Refusal::internal(format!("the answer cannot be written as JSON: {e}")).into()
            }
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let body = ApiResponse::<()>::Error {
            message: refusal.message,
        };
        Self {
            status: refusal.status,
            body: serde_json::to_vec(&body)
                .expect("BUG: a message is always JSON")
                .into(),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let content_type = [(header::CONTENT_TYPE, "application/json")];
        (self.status, content_type, self.body).into_response()
    }
}

/// Makes the ids of operations unique within this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Target {
    /// Runs `operation` on the instance; `name` stands in its id.
    pub async fn run<T, F>(self, name: &'static str, operation: F) -> Response
    where
        T: Serialize,
        F: FnOnce(&mut Live) -> Result<T, Refusal> + Send + 'static,
    {
        let deadline = Instant::now() + self.patience;
        let state_label = self.instance.state_label();
        let Ok(mut slot) = timeout_at(deadline, self.instance.slot.clone().lock_owned()).await
        else {
            let op_id = self.instance.current().unwrap_or("finishing".to_string());
            let busy = StartedOrBusyResponse { state_label, op_id };
            return (StatusCode::CONFLICT, Json(busy)).into_response();
        };
        let op_id = format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.instance.set_current(Some(op_id.clone()));
        let instance = self.instance.clone();
        // From here on the operation runs to its end, even if the client goes away.
        let mut work = spawn_blocking(move || {
            let answer = match perform(&mut slot, operation) {
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
        let server = self.server;
        server.graph.start(key.clone());
        tokio::spawn(async move { server.graph.finish(&key, finished(work.await)) });
        let started = StartedOrBusyResponse { state_label, op_id };
        (StatusCode::ACCEPTED, Json(started)).into_response()
    }
}

/// Runs `operation` on the live network. A panic makes the instance unusable, because its state may be torn.
pub fn perform<T>(
    slot: &mut Slot,
    operation: impl FnOnce(&mut Live) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let live = slot.live()?;
    catch_unwind(AssertUnwindSafe(|| operation(live))).unwrap_or_else(|panic| {
        let reason = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap_or("a panic without a message".to_string());
        *slot = Slot::Failed(reason.clone());
        Err(Refusal::internal(format!(
            "localnet failed in this operation: {reason}"
        )))
    })
}

fn finished(result: Result<Answer, JoinError>) -> Answer {
    result.unwrap_or_else(|e| Refusal::internal(format!("localnet failed: {e}")).into())
}
