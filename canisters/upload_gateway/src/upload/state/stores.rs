//! The transitions of the registry of stores.

use super::State;
use super::uploads::Opening;
use crate::config::check_peer;
use crate::failure::{Failure, Result};
use crate::upload::registry::{Asking, Question, Refusal, Told};
use candid::Principal;
use capsule_shared::blob_store::{LEAST_CAPACITY_BYTES, MOST_CAPACITY_BYTES};
use capsule_shared::stores::{StoreEntry, StoreReport, StoreState};
use ic_stable_structures::Memory;

/// The environment may name so many stores: `blob_store`, `blob_store_2`, and so on.
///
/// Source: our choice; a look at all the names takes less than 1 M instructions.
const MAX_NAMED: u32 = 100;

impl<M: Memory> State<M> {
    // ---- stores that come by themselves -------------------------------------------------------

    /// Moves the stores that an older release listed in the settings into the registry.
    pub(super) fn list_taken_over(&mut self, now: u64) {
        let mut config = self.config.get().clone();
        let stores = config.take_stores();
        if !stores.is_empty() {
            self.config.set(config);
            self.stores_proposed(&stores, now);
        }
    }

    /// `ResourceExhausted` unless all of these stores can be listed.
    pub(super) fn check_proposed(&self, stores: &[Principal]) -> Result<()> {
        let unknown = stores
            .iter()
            .filter(|store| self.registry.is_unknown(**store));
        self.registry.check_room(unknown.count())
    }

    /// A list names these stores. After: those that were never listed take new uploads, and all
    /// others are as they were.
    pub(super) fn stores_proposed(&mut self, stores: &[Principal], now: u64) {
        for store in stores {
            self.registry.propose(*store, now);
        }
    }

    /// Adds the stores that the environment names and that were never listed. The first of them
    /// counts only while there never was a store, because its name may move to another one.
    pub(super) fn named_stores_added(
        &mut self,
        named: impl Fn(&str) -> Option<Principal>,
        now: u64,
    ) {
        let never = !self.config.get().had_stores() && !self.registry.was_used();
        let first = never.then(|| "blob_store".to_string());
        let others = (2..=MAX_NAMED).map(|number| format!("blob_store_{number}"));
        for name in first.into_iter().chain(others) {
            if let Some(store) = named(&name).filter(|store| check_peer(store).is_ok()) {
                self.registry.propose(store, now);
            }
        }
    }

    // ---- the operator -------------------------------------------------------------------------

    /// All stores, in the order in which they were added.
    pub fn stores(&self) -> Vec<StoreEntry> {
        self.registry.entries()
    }

    pub fn has_store(&self, store: Principal) -> bool {
        self.registry.is_listed(store)
    }

    pub fn has_active_store(&self) -> bool {
        !self.registry.active().is_empty()
    }

    /// `ResourceExhausted` if the registry is full.
    pub fn check_another_store(&self) -> Result<()> {
        self.registry.check_room(1)
    }

    /// The store takes new uploads, whatever was before. A new one may have given a report.
    /// `ResourceExhausted`.
    pub fn store_added(
        &mut self,
        store: Principal,
        report: Option<StoreReport>,
        now: u64,
    ) -> Result<()> {
        self.registry.add(store, report, now)
    }

    /// An active store takes no new uploads any more. Any other stays as it is.
    pub fn store_removed(&mut self, store: Principal, now: u64) {
        if self.store_state(store) == Some(StoreState::Active) {
            let changed = self.registry.set_state(store, StoreState::ReadOnly, now);
            changed.expect("BUG: a store with a state is listed");
        }
    }

    /// `NotFound` unless the store is listed. `Conflict` if it is to be drained and no other store
    /// could take its blobs.
    pub fn store_state_set(&mut self, id: Principal, state: StoreState, now: u64) -> Result<()> {
        if state == StoreState::Draining
            && self.registry.is_listed(id)
            && !self.registry.active().iter().any(|other| *other != id)
        {
            return Err(Failure::conflict(format!(
                "no other store than {id} is Active, expected one that takes its blobs"
            )));
        }
        self.registry.set_state(id, state, now)
    }

    /// `NotFound` unless the store is listed, `InvalidArgument` for a capacity out of range.
    pub fn store_capacity_set(&mut self, store: Principal, bytes: Option<u64>) -> Result<()> {
        let range = LEAST_CAPACITY_BYTES..=MOST_CAPACITY_BYTES;
        if let Some(bytes) = bytes
            && !range.contains(&bytes)
        {
            return Err(Failure::invalid(format!(
                "capacity_bytes is {bytes}, expected {LEAST_CAPACITY_BYTES} to \
                 {MOST_CAPACITY_BYTES}"
            )));
        }
        self.registry.set_capacity(store, bytes)
    }

    /// Whether the store is yet to be retired: `NotFound` unless it is or was listed, `Conflict` if
    /// it takes new uploads.
    fn is_retirable(&self, store: Principal) -> Result<bool> {
        match self.store_state(store) {
            None if self.registry.is_retired(store) => Ok(false),
            None => Err(Failure::NotFound),
            Some(StoreState::Active) => Err(Failure::conflict(format!(
                "the store {store} is Active, expected ReadOnly, Draining or Offline"
            ))),
            Some(_) => Ok(true),
        }
    }

    /// The question whether the store is empty leaves now. `None` if the store is retired already.
    /// `NotFound`, `Conflict`, temporary while another question to it is open.
    pub fn retiring(&mut self, store: Principal, now: u64) -> Result<Option<Question>> {
        if !self.is_retirable(store)? {
            return Ok(None);
        }
        let question = self.registry.ask(store, now);
        question.map(Some).ok_or_else(|| {
            Failure::temporary(format!("the store {store} is being asked for a report"))
        })
    }

    /// The store answered that it has `blobs` blobs. `Conflict` if it isn't empty, takes new
    /// uploads again, or took one since the question.
    ///
    /// After: the store isn't listed, and no name and no list brings it back.
    pub fn store_retired(&mut self, store: Principal, blobs: u64) -> Result<()> {
        if blobs > 0 {
            return Err(Failure::conflict(format!(
                "the store {store} has {blobs} blobs, expected 0"
            )));
        }
        if self.is_retirable(store)? {
            if self.registry.was_opening(store) {
                return Err(Failure::conflict(format!(
                    "an upload began in the store {store} meanwhile, expected none"
                )));
            }
            self.registry.retire(store);
        }
        Ok(())
    }

    fn store_state(&self, store: Principal) -> Option<StoreState> {
        self.registry.get(store).map(|store| store.state)
    }

    // ---- reports ------------------------------------------------------------------------------

    /// Begins to ask the stores that are due; see [`Asking`].
    pub fn asking_begun(&self, now: u64) -> Option<Asking> {
        self.registry.begin_asking(now)
    }

    /// The question to the next store, which leaves now.
    pub fn ask_next(&mut self, now: u64) -> Option<Question> {
        self.registry.ask_next(now)
    }

    /// The answer to a question.
    pub fn store_told(&mut self, question: &Question, told: Told, now: u64) {
        self.registry.told(question, told, now);
    }

    /// The store didn't open the blob, or nobody knows. The promise of its bytes is taken back.
    pub fn open_failed(&mut self, opening: &Opening, refusal: Refusal, now: u64) {
        self.registry.not_opened(opening.promise, refusal, now);
    }
}
