//! The instances of a server: each a network behind its own lock, so that a slow one never holds up another.

use super::error::Refusal;
use super::live::Live;
use super::operations::perform;
use super::progress::Progress;
use pocket_ic::common::rest::InstanceId;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use tokio::task::spawn_blocking;

/// What stands behind an instance's lock.
pub enum Slot {
    Live(Box<Live>),
    /// An operation panicked: the network may be torn and answers nothing any more.
    Failed(String),
    Deleted,
}

impl Slot {
    /// The network, or why there is none.
    pub fn live(&mut self) -> Result<&mut Live, Refusal> {
        match self {
            Self::Live(live) => Ok(live),
            Self::Failed(reason) => Err(Refusal::internal(format!(
                "this instance failed in an earlier operation and is unusable: {reason}"
            ))),
            Self::Deleted => Err(Refusal::not_found("this instance was deleted")),
        }
    }
}

/// One network and what is going on with it.
pub struct Instance {
    pub id: InstanceId,
    /// Fair: operations run in the order in which their requests came.
    pub slot: Arc<tokio::sync::Mutex<Slot>>,
    /// The operation that holds the slot.
    current: Mutex<Option<String>>,
    pub progress: tokio::sync::Mutex<Option<Progress>>,
    /// Has the next round run at once.
    pub wake: tokio::sync::Notify,
    /// Changes after each round.
    pub rounds: tokio::sync::watch::Sender<()>,
}

impl Instance {
    /// The label under which the client polls the operations of this instance.
    pub fn state_label(&self) -> String {
        format!("instance-{}", self.id)
    }

    /// Runs a short operation on the network, off the async threads; it waits its turn.
    pub async fn with<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Live) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let mut slot = self.slot.clone().lock_owned().await;
        let work = spawn_blocking(move || perform(&mut slot, operation));
        work.await
            .unwrap_or_else(|e| Err(Refusal::internal(format!("localnet failed: {e}"))))
    }

    /// The id of the operation that runs, if one does.
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
}

/// All instances by their ids, which count up from 0; a deleted one leaves its place empty.
#[derive(Default)]
pub struct Instances(RwLock<Vec<Option<Arc<Instance>>>>);

impl Instances {
    pub fn add(&self, live: Live) -> Arc<Instance> {
        let mut all = self.0.write().expect("BUG: a writer of instances panicked");
        let instance = Arc::new(Instance {
            id: all.len(),
            slot: Arc::new(tokio::sync::Mutex::new(Slot::Live(Box::new(live)))),
            current: Mutex::new(None),
            progress: tokio::sync::Mutex::new(None),
            wake: tokio::sync::Notify::new(),
            rounds: tokio::sync::watch::Sender::new(()),
        });
        all.push(Some(instance.clone()));
        instance
    }

    pub fn get(&self, id: InstanceId) -> Result<Arc<Instance>, Refusal> {
        let all = self.0.read().expect("BUG: a writer of instances panicked");
        match all.get(id) {
            Some(Some(instance)) => Ok(instance.clone()),
            Some(None) => Err(Refusal::not_found(format!("instance {id} was deleted"))),
            None => Err(Refusal::not_found(format!("there is no instance {id}"))),
        }
    }

    /// Takes the instance out, so that no further request finds it.
    pub fn remove(&self, id: InstanceId) -> Option<Arc<Instance>> {
        let mut all = self.0.write().expect("BUG: a writer of instances panicked");
        all.get_mut(id)?.take()
    }

    /// One word for each instance ever created, in the order of their ids.
    pub fn states(&self) -> Vec<String> {
        let all = self.0.read().expect("BUG: a writer of instances panicked");
        all.iter()
            .map(|place| match place {
                None => "Deleted".to_string(),
                Some(instance) => match instance.current() {
                    Some(operation) => format!("Busy({operation})"),
                    None => "Available".to_string(),
                },
            })
            .collect()
    }
}
