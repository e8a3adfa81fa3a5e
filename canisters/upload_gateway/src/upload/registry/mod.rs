//! The registry: which stores there are, which of them take new uploads, and what each reported.
//!
//! Stable memory has a record for each store. The heap has the same, so that a begin and the timer
//! read no stable memory, and what may be lost: when each is asked next, and how much it refused.

mod asking;
mod listed;
mod openings;
mod promise;
mod question;
pub mod record;
#[cfg(test)]
mod tests;

pub use listed::{Asking, Told};
pub use promise::{Promise, Refusal};
pub use question::Question;

use super::placement::Offer;
use crate::config::MAX_STORES;
use crate::failure::{Failure, Result};
use candid::Principal;
use capsule_shared::stores::{StoreEntry, StoreReport, StoreState};
use ic_stable_structures::{Memory, StableBTreeMap};
use listed::{FIRST_NS, Listed};
use question::Questions;
use record::{Noted, Store};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// ```text
/// noted : Principal (store) -> Noted
/// ```
pub struct Registry<M: Memory> {
    noted: StableBTreeMap<Principal, Noted, M>,
    listed: BTreeMap<Principal, Listed>,
    retired: BTreeSet<Principal>,
    /// When the next store is asked, in nanoseconds since 1970.
    next_question: Option<u64>,
    /// Whether stores are being asked now.
    asking: Rc<Cell<bool>>,
    questions: Questions,
}

impl<M: Memory> Registry<M> {
    /// Reads all records. The stores are asked soon, because what they refused since their reports
    /// is lost.
    pub fn new(memory: M, now: u64) -> Self {
        let mut registry = Registry {
            noted: StableBTreeMap::init(memory),
            listed: BTreeMap::new(),
            retired: BTreeSet::new(),
            next_question: None,
            asking: Rc::default(),
            questions: Questions::default(),
        };
        for entry in registry.noted.iter() {
            match entry.value() {
                Noted::Store(store) => {
                    let listed = Listed::new(store, now.saturating_add(FIRST_NS));
                    registry.listed.insert(*entry.key(), listed);
                }
                Noted::Retired => {
                    registry.retired.insert(*entry.key());
                }
            }
        }
        registry.find_next_question();
        registry
    }

    // ---- reading ------------------------------------------------------------------------------

    /// Whether a store was ever listed.
    pub fn was_used(&self) -> bool {
        !self.listed.is_empty() || !self.retired.is_empty()
    }

    pub fn is_listed(&self, store: Principal) -> bool {
        self.listed.contains_key(&store)
    }

    /// Whether the store was never listed.
    pub fn is_unknown(&self, store: Principal) -> bool {
        !self.is_listed(store) && !self.is_retired(store)
    }

    pub fn is_retired(&self, store: Principal) -> bool {
        self.retired.contains(&store)
    }

    pub fn get(&self, store: Principal) -> Option<&Store> {
        self.listed.get(&store).map(|listed| &listed.store)
    }

    /// The stores that take new uploads, in the order in which they were added.
    pub fn active(&self) -> Vec<Principal> {
        self.in_state(StoreState::Active)
    }

    /// Whether a store is in this state. Every message asks, so nothing is sorted for it.
    pub fn has_any(&self, state: StoreState) -> bool {
        let mut listed = self.listed.values();
        listed.any(|listed| listed.store.state == state)
    }

    /// The stores in a state, in the order in which they were added.
    pub fn in_state(&self, state: StoreState) -> Vec<Principal> {
        let listed = self.in_order().into_iter();
        let found = listed.filter(|(_, listed)| listed.store.state == state);
        found.map(|(id, _)| id).collect()
    }

    /// The offers of the stores that take new uploads, and stay within the operator's bound with
    /// one that needs this room.
    pub fn offers(&self, room: u64) -> Vec<Offer> {
        let listed = self.listed.iter();
        listed
            .filter(|(_, listed)| {
                let store = &listed.store;
                store.state == StoreState::Active && store.may_take(room)
            })
            .map(|(id, listed)| Offer {
                store: *id,
                free: listed.store.free(),
                refused: listed.refused,
                silent: listed.store.silent_since.is_some(),
            })
            .collect()
    }

    /// All stores, in the order in which they were added.
    pub fn entries(&self) -> Vec<StoreEntry> {
        let listed = self.in_order().into_iter();
        listed
            .map(|(id, listed)| {
                let store = &listed.store;
                StoreEntry {
                    store: id,
                    state: store.state,
                    capacity_bytes: store.capacity_bytes,
                    report: store.report.clone(),
                    promised_bytes: store.promised.sum(),
                    silent_since: store.silent_since,
                }
            })
            .collect()
    }

    fn in_order(&self) -> Vec<(Principal, &Listed)> {
        let mut all: Vec<_> = self.listed.iter().map(|(id, l)| (*id, l)).collect();
        all.sort_by_key(|(_, listed)| listed.store.number);
        all
    }

    /// `ResourceExhausted` unless `more` stores can be added.
    pub fn check_room(&self, more: usize) -> Result<()> {
        match self.listed.len() + more <= MAX_STORES {
            true => Ok(()),
            false => Err(Failure::ResourceExhausted),
        }
    }

    // ---- stores that come and go --------------------------------------------------------------

    /// Has a store take new uploads, and adds it if it isn't listed: `ResourceExhausted` above
    /// [`MAX_STORES`]. `report` is what a new store gave before it was listed.
    pub fn add(&mut self, id: Principal, report: Option<StoreReport>, now: u64) -> Result<()> {
        if self.is_listed(id) {
            // Nobody knows which promises the report counted, so it is ignored.
            return self.set_state(id, StoreState::Active, now);
        }
        self.check_room(1)?;
        let last = self.listed.values().map(|listed| listed.store.number).max();
        let store = Store::new(last.map_or(0, |last| last + 1));
        let mut listed = Listed::new(store, now.saturating_add(FIRST_NS));
        if let Some(report) = report {
            listed.told(Told::Report(report), now);
        }
        self.retired.remove(&id);
        self.noted.insert(id, Noted::Store(listed.store.clone()));
        self.listed.insert(id, listed);
        self.find_next_question();
        Ok(())
    }

    /// Adds a store that a list or a name proposes, if there is room. One that was ever listed
    /// stays as it is: only the operator has it take new uploads again, or come back.
    pub fn propose(&mut self, id: Principal, now: u64) {
        if self.is_unknown(id) && self.check_room(1).is_ok() {
            self.add(id, None, now).expect("BUG: there is room");
        }
    }

    /// `NotFound` unless the store is listed.
    pub fn set_state(&mut self, id: Principal, state: StoreState, now: u64) -> Result<()> {
        self.change(id, |listed| {
            if listed.store.state == StoreState::Offline {
                listed.ask_at = now.saturating_add(FIRST_NS);
            }
            listed.store.state = state;
        })
    }

    /// `NotFound` unless the store is listed.
    pub fn set_capacity(&mut self, id: Principal, bytes: Option<u64>) -> Result<()> {
        self.change(id, |listed| listed.store.capacity_bytes = bytes)
    }

    /// Takes a store off the list for good. Only [`Registry::add`] brings it back.
    pub fn retire(&mut self, id: Principal) {
        if self.listed.remove(&id).is_some() {
            self.retired.insert(id);
            self.noted.insert(id, Noted::Retired);
            self.find_next_question();
        }
    }

    // ---- changes ------------------------------------------------------------------------------

    /// Changes a store, on the heap and, if its record changed, in stable memory.
    fn change(&mut self, id: Principal, change: impl FnOnce(&mut Listed)) -> Result<()> {
        let listed = self.listed.get_mut(&id).ok_or(Failure::NotFound)?;
        let before = listed.store.clone();
        change(listed);
        if listed.store != before {
            self.noted.insert(id, Noted::Store(listed.store.clone()));
        }
        self.find_next_question();
        Ok(())
    }

    /// The same for a store that may have been retired meanwhile. Then nothing is left to change.
    fn update(&mut self, id: Principal, change: impl FnOnce(&mut Listed)) {
        let _ = self.change(id, change);
    }

    fn find_next_question(&mut self) {
        let asked = self.listed.values().filter(|listed| listed.is_asked());
        self.next_question = asked.map(|listed| listed.ask_at).min();
    }
}
