//! Operations that outlasted their request: their answers are kept until the client has polled and
//! pruned them.

use super::answer::Answer;
use crate::server::instances::instance::InstanceId;
use crate::server::refusal::Refusal;
use axum::Json;
use axum::extract::{Path, State};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// Identifies an operation: the label of its instance's state, and its own id.
pub type OperationKey = (String, String);

/// `None` stands for an operation that still runs.
type Operations = HashMap<OperationKey, Option<Answer>>;

/// The operations that clients still poll for.
#[derive(Clone, Default)]
pub struct Graph(Arc<Mutex<Operations>>);

/// The label under which a client polls the operations of an instance.
pub fn state_label(instance: InstanceId) -> String {
    format!("instance-{instance}")
}

impl Graph {
    pub fn start(&self, key: OperationKey) {
        self.lock().insert(key, None);
    }

    /// Keeps the answer, unless its entry was removed before.
    pub fn finish(&self, key: &OperationKey, answer: Answer) {
        if let Some(entry) = self.lock().get_mut(key) {
            *entry = Some(answer);
        }
    }

    /// Removes all operations of one instance.
    pub fn forget(&self, state_label: &str) {
        self.lock().retain(|(label, _), _| label != state_label);
    }

    fn lock(&self) -> MutexGuard<'_, Operations> {
        self.0
            .lock()
            .expect("BUG: a holder of the operation graph panicked")
    }
}

/// The answer of an operation. While it runs the status is 404, and the client polls again. An
/// unknown operation has another status (410), so that no client polls forever.
pub async fn read(
    State(graph): State<Graph>,
    Path(key): Path<OperationKey>,
) -> Result<Answer, Refusal> {
    match graph.lock().get(&key) {
        Some(Some(answer)) => Ok(answer.clone()),
        Some(None) => Err(Refusal::not_found(format!(
            "operation {} still runs",
            key.1
        ))),
        None => Err(Refusal::gone(format!(
            "there is no operation {} of state {}: its client pruned it, its instance was deleted, \
             or it never ran",
            key.1, key.0
        ))),
    }
}

pub async fn prune(
    State(graph): State<Graph>,
    Path(key): Path<OperationKey>,
) -> Result<Json<()>, Refusal> {
    let mut entries = graph.lock();
    match entries.get(&key) {
        Some(None) => Err(Refusal::bad_request(format!(
            "operation {} still runs",
            key.1
        ))),
        Some(Some(_)) => {
            entries.remove(&key);
            Ok(Json(()))
        }
        None => Err(Refusal::not_found(format!(
            "there is no operation {} of state {}",
            key.1, key.0
        ))),
    }
}
