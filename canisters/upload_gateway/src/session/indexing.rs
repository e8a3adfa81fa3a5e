//! Makes the indexes of idle sessions and of holders for sessions of release 0.1.0, which had none.
//!
//! An upgrade doesn't wait for it: the timer does one owner after the other. An owner who acts
//! before its turn is done at once. So whatever changes sessions finds their owner in the indexes.
//! Until the end, room for others comes only from sessions that are done.
//!
//! An owner is in the indexes with all of its sessions or with none. So all are done when there are
//! as many holders as owners, and nothing else is stored about the progress.

use super::service::SessionService;
use super::standing::Standing;
use super::types::SessionStatus;
use candid::Principal;
use ic_stable_structures::Memory;

/// The most sessions, active and committed, of which the start does all owners.
const DONE_AT_START: u64 = 500;

impl<M: Memory> SessionService<M> {
    /// Counts the sessions of release 0.1.0, which knew no strangers. Does the owners if they have
    /// few sessions.
    pub(super) fn start_indexing(&mut self) {
        if self.counters().strangers.is_none() {
            // All owners count as known until they begin again, so that strangers aren't above
            // their share.
            self.count_strangers(|_| 0);
        }
        let counters = self.counters();
        let sessions = counters.pending + counters.finishing + counters.committed;
        while !self.is_indexed() && sessions <= DONE_AT_START {
            self.index_next_owner();
        }
    }

    /// Whether all owners of active sessions are in the indexes. It reads no stable memory.
    pub fn is_indexed(&self) -> bool {
        self.holders.len() == self.owner_count()
    }

    /// Does one more owner. Returns whether others wait.
    pub fn index_next_owner(&mut self) -> bool {
        if self.is_indexed() {
            return false;
        }
        self.indexed_to = self.owner_behind(self.indexed_to);
        if let Some(owner) = self.indexed_to {
            self.index_owner(owner);
        }
        !self.is_indexed()
    }

    /// Puts an owner into the indexes unless it is there.
    pub fn index_owner(&mut self, owner: Principal) {
        if self.is_indexed() {
            return;
        }
        let held = self.active_of_owner(&owner);
        if held == 0 || self.holders.contains(owner, held) {
            return;
        }
        // The committed sessions of an owner have no bound, and active ones are newer than most of
        // them. So it looks from the newest on, until it has all active ones.
        let sessions = self.ids_of(owner).rev().map(|id| self.expect(id));
        let active =
            sessions.filter(|meta| !matches!(meta.status, SessionStatus::Committed { .. }));
        for meta in active.take(held as usize).collect::<Vec<_>>() {
            if meta.status == SessionStatus::Pending {
                self.holders.move_session(0, None, Some(&meta));
            }
        }
        self.holders.change(owner, 0, (Standing::Known, held));
    }
}
