//! All instances of a server by their ids.

use super::instance::{Instance, InstanceId};
use super::live_network::LiveNetwork;
use crate::server::refusal::Refusal;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

type Places = Vec<Option<Arc<Instance>>>;

/// Instances at the places that their ids name. A deleted instance leaves its place empty, so ids
/// are never reused.
#[derive(Clone, Default)]
pub struct Instances(Arc<RwLock<Places>>);

impl Instances {
    pub fn add(&self, live: LiveNetwork) -> Arc<Instance> {
        let mut all = self.write();
        let instance = Arc::new(Instance::new(all.len(), live));
        all.push(Some(instance.clone()));
        instance
    }

    /// # Errors
    ///
    /// Refuses with 404 if there is no such instance, or no longer.
    pub fn get(&self, id: InstanceId) -> Result<Arc<Instance>, Refusal> {
        match self.read().get(id) {
            Some(Some(instance)) => Ok(instance.clone()),
            Some(None) => Err(Refusal::not_found(format!("instance {id} was deleted"))),
            None => Err(Refusal::not_found(format!("there is no instance {id}"))),
        }
    }

    /// Takes the instance out, so that no further request finds it.
    pub fn remove(&self, id: InstanceId) -> Option<Arc<Instance>> {
        self.write().get_mut(id)?.take()
    }

    /// Every instance ever created, in the order of their ids; `None` for a deleted one.
    pub fn all(&self) -> Places {
        self.read().clone()
    }

    fn read(&self) -> RwLockReadGuard<'_, Places> {
        self.0.read().expect("BUG: a writer of instances panicked")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Places> {
        self.0.write().expect("BUG: a writer of instances panicked")
    }
}
