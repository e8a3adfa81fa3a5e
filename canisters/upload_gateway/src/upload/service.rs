//! The upload service: the handle through which every operation reaches state, peers and runtime.

use super::state::State;
use crate::failure::{Failure, Result};
use crate::peers::call::Peers;
use crate::regions::Regions;
use crate::runtime::Runtime;
use candid::Principal;
use canister_common::funds::{MIN_WITH_CALLS, check_funds};
use capsule_shared::gateway::{GatewayArgs, GatewayConfig};
use ic_stable_structures::Memory;
use std::cell::RefCell;
use std::rc::Rc;

/// The pause of the timer while no job can start: a second, in nanoseconds.
const PAUSE_NS: u64 = 1_000_000_000;

/// A handle on the gateway. A clone is a handle on the same gateway.
pub struct UploadService<M: Memory, R> {
    state: Rc<RefCell<State<M>>>,
    pub(super) peers: Peers<R>,
    pub(super) runtime: R,
}

impl<M: Memory, R: Clone> Clone for UploadService<M, R> {
    fn clone(&self) -> Self {
        UploadService {
            state: self.state.clone(),
            peers: self.peers.clone(),
            runtime: self.runtime.clone(),
        }
    }
}

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    pub fn new(regions: Regions<M>, runtime: R) -> Self {
        UploadService {
            state: Rc::new(RefCell::new(State::new(regions))),
            peers: Peers::new(runtime.clone()),
            runtime,
        }
    }

    /// Lends the state to `work`, which can't await.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut State<M>) -> T) -> T {
        work(&mut self.state.borrow_mut())
    }

    /// How many calls to other canisters wait for an answer.
    pub fn open_calls(&self) -> u32 {
        self.peers.open_calls()
    }

    /// Refuses new work while there are too few cycles to end what has begun.
    pub(super) fn check_funds(&self) -> Result<()> {
        check_funds("the gateway", self.runtime.liquid_cycles(), MIN_WITH_CALLS)?;
        Ok(())
    }

    // ---- settings -----------------------------------------------------------------------------

    /// Changes settings: `InvalidArgument`.
    pub fn configure(&self, args: GatewayArgs) -> Result<()> {
        self.with(|state| state.configured(args))?;
        self.schedule();
        Ok(())
    }

    pub fn configuration(&self) -> GatewayConfig {
        self.with(|state| state.config().public().clone())
    }

    /// The memory index, from the settings or else from the environment.
    pub(super) fn index(&self) -> Result<Principal> {
        self.with(|state| state.config().public().memory_index)
            .or_else(|| self.runtime.named_peer("memory_index"))
            .ok_or_else(|| Failure::temporary("memory_index is not configured"))
    }

    /// The blob stores that take new uploads: at least one.
    pub(super) fn stores(&self) -> Result<Vec<Principal>> {
        let stores = self.with(|state| state.config().public().blob_stores.clone());
        if !stores.is_empty() {
            return Ok(stores);
        }
        let named = self.runtime.named_peer("blob_store");
        let store = named.ok_or_else(|| Failure::temporary("blob_store is not configured"))?;
        Ok(vec![store])
    }

    // ---- timer --------------------------------------------------------------------------------

    /// Sets the timer to what is due next: to now if something is due already. While no job can
    /// start, a turn would find nothing to do, so it waits a second.
    pub fn schedule(&self) {
        let now = self.runtime.now();
        let soonest = match self.peers.have_room_for_jobs() {
            true => now,
            false => now + PAUSE_NS,
        };
        if let Some(due) = self.with(|state| state.next_due()) {
            self.runtime.wake_at(due.max(soonest));
        }
    }
}
