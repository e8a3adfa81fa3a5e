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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replica::NetworkConfig;
    use crate::server::instances::instance::Instance;
    use crate::server::pocket_ic::graph;
    use crate::server::pocket_ic::state::Server;
    use axum::extract::{Path, State};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    /// How long a test waits for an event. It only turns a hang into a failure.
    const HANG: Duration = Duration::from_secs(300);

    fn instance(server: &Server) -> Arc<Instance> {
        let config = NetworkConfig {
            application_subnets: 1,
            ..NetworkConfig::default()
        };
        server
            .instances
            .add(LiveNetwork::new(config).expect("a network"))
    }

    fn target(server: &Server, instance: &Arc<Instance>, patience: Duration) -> Target {
        Target {
            server: server.clone(),
            instance: instance.clone(),
            patience,
        }
    }

    /// An operation that runs until `release` is dropped, and the answer to its impatient client.
    async fn hold(
        server: &Server,
        instance: &Arc<Instance>,
    ) -> (mpsc::Sender<()>, StartedOrBusyResponse) {
        let (release, held) = mpsc::channel::<()>();
        let response = target(server, instance, Duration::ZERO)
            .run("hold", move |_| {
                let _released = held.recv();
                Ok(7)
            })
            .await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        (release, decoded(response).await)
    }

    async fn decoded(response: Response) -> StartedOrBusyResponse {
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        serde_json::from_slice(&bytes.expect("is in memory")).expect("is started or busy")
    }

    async fn poll(server: &Server, operation: &StartedOrBusyResponse) -> StatusCode {
        let key = (operation.state_label.clone(), operation.op_id.clone());
        let answer = graph::read(State(server.graph.clone()), Path(key)).await;
        answer.into_response().status()
    }

    #[tokio::test]
    async fn a_busy_instance_refuses_clients_without_patience_and_serves_the_others_in_turn() {
        let server = Server::default();
        let instance = instance(&server);
        let (release, started) = hold(&server, &instance).await;

        let look = |patience| target(&server, &instance, patience).run("look", |_| Ok(()));
        let refused = look(Duration::ZERO).await;
        assert_eq!(refused.status(), StatusCode::CONFLICT);
        assert_eq!(decoded(refused).await.op_id, started.op_id);
        assert_eq!(poll(&server, &started).await, StatusCode::NOT_FOUND);

        let patient = tokio::spawn(look(HANG));
        drop(release);
        assert_eq!(patient.await.expect("passes").status(), StatusCode::OK);
        let done = async {
            while poll(&server, &started).await == StatusCode::NOT_FOUND {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(HANG, done).await.expect("is done");
        assert_eq!(poll(&server, &started).await, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_busy_instance_holds_up_no_other_one() {
        let server = Server::default();
        let (slow, other) = (instance(&server), instance(&server));
        let (release, started) = hold(&server, &slow).await;
        let ticked = target(&server, &other, HANG)
            .run("tick", |live| live.tick())
            .await;
        assert_eq!(ticked.status(), StatusCode::OK);
        assert_eq!(poll(&server, &started).await, StatusCode::NOT_FOUND);
        drop(release);
    }

    #[tokio::test]
    async fn an_operation_that_panics_makes_its_instance_unusable() {
        let server = Server::default();
        let instance = instance(&server);
        let broken = target(&server, &instance, HANG)
            .run("break", |_| -> Result<(), Refusal> { panic!("torn") })
            .await;
        assert_eq!(broken.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let later = target(&server, &instance, HANG)
            .run("look", |_| Ok(()))
            .await;
        assert_eq!(later.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
