//! Answers of the operations that outlasted their request, kept until the client has polled and pruned them.

use super::Server;
use super::error::Refusal;
use super::operations::Answer;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::sync::Mutex;

/// Identifies one operation: the label of its instance's state and its own id.
pub type OperationKey = (String, String);

/// An operation that runs has no answer yet.
#[derive(Default)]
pub struct Graph(Mutex<HashMap<OperationKey, Option<Answer>>>);

impl Graph {
    pub fn start(&self, key: OperationKey) {
        self.lock().insert(key, None);
    }

    /// Keeps the answer, unless its entry was pruned meanwhile.
    pub fn finish(&self, key: &OperationKey, answer: Answer) {
        if let Some(entry) = self.lock().get_mut(key) {
            *entry = Some(answer);
        }
    }

    /// Forgets every operation of one instance.
    pub fn forget(&self, state_label: &str) {
        self.lock().retain(|(label, _), _| label != state_label);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<OperationKey, Option<Answer>>> {
        self.0
            .lock()
            .expect("BUG: a holder of the operation graph panicked")
    }
}

/// 404 while the operation runs (the client polls again); an unknown one is an error, so that nobody polls forever.
pub async fn read(State(server): State<Server>, Path(key): Path<OperationKey>) -> Response {
    match server.graph.lock().get(&key) {
        Some(Some(answer)) => answer.clone().into_response(),
        Some(None) => Refusal::not_found(format!("operation {} still runs", key.1)).into_response(),
        None => Refusal::gone(format!(
            "there is no operation {} of state {}: it was pruned, its instance was deleted, or it never was",
            key.1, key.0
        ))
        .into_response(),
    }
}

pub async fn prune(State(server): State<Server>, Path(key): Path<OperationKey>) -> Response {
    let mut entries = server.graph.lock();
    match entries.get(&key) {
        Some(None) => {
            Refusal::bad_request(format!("operation {} still runs", key.1)).into_response()
        }
        Some(Some(_)) => {
            entries.remove(&key);
            axum::Json(()).into_response()
        }
        None => Refusal::not_found(format!(
            "there is no operation {} of state {}",
            key.1, key.0
        ))
        .into_response(),
    }
}
