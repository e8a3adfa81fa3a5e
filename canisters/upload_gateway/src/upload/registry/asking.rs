//! When each store is asked for its next report.

use super::Registry;
use super::listed::{Asking, REPORT_NS, Told};
use candid::Principal;
use ic_stable_structures::Memory;

impl<M: Memory> Registry<M> {
    /// When the next store is to be asked, in nanoseconds since 1970. `None` while some are.
    pub fn next_question(&self) -> Option<u64> {
        self.next_question.filter(|_| !self.asking.get())
    }

    /// Begins to ask the stores whose time has come. `None` if there are none, or they are being
    /// asked.
    pub fn begin_asking(&self, now: u64) -> Option<Asking> {
        self.next_question().filter(|due| *due <= now)?;
        Some(Asking::begin(&self.asking))
    }

    /// The store whose question is due longest. It counts as asked from now on; if the answer is
    /// cut off, it is asked again at its next time.
    pub fn next_to_ask(&mut self, now: u64) -> Option<Principal> {
        let asked = self.listed.iter().filter(|(_, listed)| listed.is_asked());
        let due = asked.filter(|(_, listed)| listed.ask_at <= now);
        let (id, _) = due.min_by_key(|(id, listed)| (listed.ask_at, **id))?;
        let id = *id;
        self.asked(id, now);
        Some(id)
    }

    /// The question to this store leaves now.
    pub fn asked(&mut self, id: Principal, now: u64) {
        self.update(id, |listed| {
            listed.questions += 1;
            listed.store.asked();
            listed.ask_at = now.saturating_add(REPORT_NS);
        });
    }

    /// The answer to the last question to this store.
    pub fn told(&mut self, id: Principal, told: Told, now: u64) {
        self.update(id, |listed| listed.told(told, now));
    }
}
