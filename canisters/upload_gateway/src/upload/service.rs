//! The upload service: the gateway's whole state, and the handle through which every operation reaches it.

use super::hash::Hashes;
use super::jobs::{JobQueue, Task};
use super::metrics::Events;
use super::types::{Deletion, FinishRecord, SessionId, SessionMeta, UploadMeta};
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::peers::Peers;
use crate::regions::Regions;
use crate::runtime::Runtime;
use crate::session::service::SessionService;
use candid::Principal;
use canister_common::funds::{MIN_WITH_CALLS, check_funds};
use capsule_shared::gateway::{GatewayArgs, GatewayConfig};
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Everything the gateway knows. All of it is in stable memory, but for reservations and tentative midstates, which digests are asked for,
/// and counts of events.
pub struct State<M: Memory> {
    pub(super) config: StableCell<Config, M>,
    pub(super) sessions: SessionService<M>,
    pub(super) metas: StableBTreeMap<u64, UploadMeta, M>,
    pub(super) hashes: Hashes<M>,
    pub(super) finishes: StableBTreeMap<u64, FinishRecord, M>,
    pub(super) jobs: JobQueue<M>,
    pub(super) deletions: StableBTreeMap<String, Deletion, M>,
    /// Whose digest is asked for by a job in the queue, as far as the heap knows: a second job would do no harm.
    pub(super) digesting: BTreeSet<SessionId>,
    pub(super) events: Events,
}

impl<M: Memory> State<M> {
    pub fn new(memories: Regions<M>) -> Self {
        let config = StableCell::init(memories.config, Config::default());
        let limits = config.get().limits();
        State {
            config,
            sessions: SessionService::new(memories.sessions, limits),
            metas: StableBTreeMap::init(memories.upload_meta),
            hashes: Hashes::new(memories.upload_hash),
            finishes: StableBTreeMap::init(memories.upload_finish),
            jobs: JobQueue::new(memories.jobs, memories.job_counter),
            deletions: StableBTreeMap::init(memories.deletions),
            digesting: BTreeSet::new(),
            events: Events::default(),
        }
    }

    pub(super) fn meta(&self, id: SessionId) -> UploadMeta {
        self.metas
            .get(&id.0)
            .expect("BUG: an active session without its upload")
    }

    /// Forgets an upload whose session just ended without a commit, and has its blob deleted.
    pub(super) fn discard(&mut self, session: &SessionMeta, now: u64) {
        let id = session.id;
        if let Some(meta) = self.metas.remove(&id.0) {
            let (store, key) = (meta.store, meta.key(id));
            self.jobs.push(now, Task::DeleteBlob { store, key });
        }
        self.hashes.remove(id);
        self.digesting.remove(&id);
        self.finishes.remove(&id.0);
    }
}

/// A handle on the gateway; a clone is the same gateway.
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
    pub fn new(memories: Regions<M>, runtime: R) -> Self {
        UploadService {
            state: Rc::new(RefCell::new(State::new(memories))),
            peers: Peers::new(runtime.clone()),
            runtime,
        }
    }

    /// The state, for as long as nothing is awaited.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut State<M>) -> T) -> T {
        work(&mut self.state.borrow_mut())
    }

    pub fn open_calls(&self) -> u32 {
        self.peers.open_calls()
    }

    /// New work is refused while there are too few cycles for what has begun.
    pub(super) fn check_funds(&self) -> Result<()> {
        check_funds("the gateway", self.runtime.liquid_cycles(), MIN_WITH_CALLS)?;
        Ok(())
    }

    // ---- settings ---------------------------------------------------------------------------------------------

    pub fn configure(&self, args: GatewayArgs) -> Result<()> {
        self.with(|state| {
            let config = state.config.get().with(args)?;
            state.sessions.set_limits(config.limits());
            state.config.set(config);
            Ok::<_, Failure>(())
        })?;
        self.schedule();
        Ok(())
    }

    pub fn configuration(&self) -> GatewayConfig {
        self.with(|state| state.config.get().0.clone())
    }

    pub(super) fn index(&self) -> Result<Principal> {
        self.with(|state| state.config.get().0.memory_index)
            .or_else(|| self.runtime.named_peer("memory_index"))
            .ok_or_else(|| Failure::temporary("memory_index is not configured"))
    }

    /// The blob stores that take new uploads; at least one.
    pub(super) fn stores(&self) -> Result<Vec<Principal>> {
        let stores = self.with(|state| state.config.get().0.blob_stores.clone());
        if !stores.is_empty() {
            return Ok(stores);
        }
        let named = self.runtime.named_peer("blob_store");
        let store = named.ok_or_else(|| Failure::temporary("no blob_store is configured"))?;
        Ok(vec![store])
    }

    // ---- timer ------------------------------------------------------------------------------------------------

    /// Has the timer wake for what is due next.
    pub fn schedule(&self) {
        let due = self.with(|state| {
            let due = [state.jobs.next_due(), state.sessions.next_tick()];
            due.into_iter().flatten().min()
        });
        if let Some(due) = due {
            self.runtime.wake_at(due);
        }
    }
}
