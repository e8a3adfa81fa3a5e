//! The upload service: the handle through which every operation reaches state, peers and runtime.

use super::state::State;
use crate::failure::{Failure, Result};
use crate::peers::call::Peers;
use crate::regions::Regions;
use crate::runtime::Runtime;
use candid::Principal;
use canister_common::funds::{MIN_WITH_CALLS, check_funds};
use capsule_shared::gateway::{ConfigureReport, GatewayArgs, GatewayConfig};
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
            state: Rc::new(RefCell::new(State::new(regions, runtime.now()))),
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

    /// The same by class of the calls.
    pub(super) fn open_calls_by_class(&self) -> [(&'static str, u32); 3] {
        self.peers.open_calls_by_class()
    }

    /// Refuses new work while there are too few cycles to end what has begun.
    pub(super) fn check_funds(&self) -> Result<()> {
        check_funds("the gateway", self.runtime.liquid_cycles(), MIN_WITH_CALLS)?;
        Ok(())
    }

    // ---- settings -----------------------------------------------------------------------------

    /// Starts a new gateway with its first settings: `InvalidArgument`.
    pub fn installed(&self, args: GatewayArgs) -> Result<()> {
        let now = self.runtime.now();
        self.with(|state| state.configured(args, now))?;
        self.register_named_peers();
        self.schedule();
        Ok(())
    }

    /// Changes settings: `InvalidArgument`, `ResourceExhausted`.
    ///
    /// Before that it registers the peers that were in force, so that no change replaces one that
    /// the environment names. The first start after release 0.1.0 does the same.
    pub fn configure(&self, args: GatewayArgs) -> Result<()> {
        self.register_named_peers();
        let now = self.runtime.now();
        self.with(|state| state.configured(args, now))?;
        self.schedule();
        Ok(())
    }

    /// What [`UploadService::configure`] would do.
    pub fn configure_check(&self, args: GatewayArgs) -> Result<ConfigureReport> {
        self.register_named_peers();
        let now = self.runtime.now();
        self.with(|state| state.configure_report(args, now))
    }

    pub fn configuration(&self) -> GatewayConfig {
        self.register_named_peers();
        self.with(|state| state.configuration())
    }

    // ---- peers --------------------------------------------------------------------------------

    /// Registers the peers that the environment names; see `State::named_peers_registered`. Deploy
    /// tools may set the environment after the install. In a query nothing of this stays.
    pub(super) fn register_named_peers(&self) {
        let named = |name: &str| self.runtime.named_peer(name);
        let now = self.runtime.now();
        self.with(|state| state.named_peers_registered(named, now));
    }

    /// The memory index for reads and for what begins now.
    pub(super) fn index(&self) -> Result<Principal> {
        let known = || self.with(|state| state.config().public().memory_index);
        known()
            .or_else(|| {
                self.register_named_peers();
                known()
            })
            .ok_or_else(|| Failure::temporary("memory_index is not configured"))
    }

    /// The memory index of an upload or a deletion whose record names `noted`.
    pub(super) fn index_of(&self, noted: Option<Principal>) -> Result<Principal> {
        match self.with(|state| state.index_of(noted)) {
            Some(index) => Ok(index),
            None => self.index(),
        }
    }

    /// A temporary error unless a store takes new uploads.
    pub(super) fn check_stores(&self) -> Result<()> {
        let is_there = || self.with(|state| state.has_active_store());
        if is_there() {
            return Ok(());
        }
        self.register_named_peers();
        match is_there() {
            true => Ok(()),
            false => Err(Failure::temporary("blob_store is not configured")),
        }
    }

    /// Whether a canister is a listed store, in any state.
    pub(super) fn is_store(&self, canister: Principal) -> bool {
        // It registers a store that the environment names.
        let _ = self.check_stores();
        self.with(|state| state.has_store(canister))
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
