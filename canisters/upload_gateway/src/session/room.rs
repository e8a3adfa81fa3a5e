//! Room for one more session: the share of strangers, and which idle sessions end when it is short.
//!
//! Strangers together hold at most half of all sessions. A begin that finds no room ends sessions
//! without progress, those of the largest holder first. It needs the right to write before, so
//! that nobody ends sessions of others in vain.

use super::limits::others_begin;
use super::reservations::{BeginReservation, Begins};
use super::service::SessionService;
use super::standing::Standing;
use super::types::{SessionId, SessionMeta, SessionStatus};
use crate::failure::{Failure, Result};
use candid::Principal;
use ic_stable_structures::Memory;

/// The most sessions that one begin ends. More than one is needed only after `active_total` was
/// lowered.
const MAX_ENDED: usize = 10;

impl<M: Memory> SessionService<M> {
    /// The most active sessions of all strangers: half of all, rounded up.
    pub fn strangers_share(&self) -> u32 {
        self.limits.active_total.div_ceil(2)
    }

    /// Sets the standing of an owner, with all its active sessions.
    pub fn set_standing(&mut self, owner: Principal, standing: Standing) {
        self.index_owner(owner);
        let held = self.active_of_owner(&owner);
        let old = self.holders.standing(owner, held);
        if old.is_some_and(|old| old != standing) {
            self.holders.change(owner, held, (standing, held));
            self.count_strangers(|strangers| match standing {
                Standing::New => strangers + u64::from(held),
                Standing::Known => strangers - u64::from(held),
            });
        }
    }

    /// Whether one more session fits beside the active ones and `begins`.
    pub(super) fn has_room(&self, standing: Standing, begins: Begins) -> bool {
        let counters = self.counters();
        let active = counters.pending + counters.finishing;
        let strangers = counters.strangers() + u64::from(begins.of_strangers);
        let fits = active + u64::from(begins.all) < u64::from(self.limits.active_total);
        fits && (standing == Standing::Known || strangers < u64::from(self.strangers_share()))
    }

    /// The idle session that ends first so that an owner of this standing gets room.
    ///
    /// A stranger's session goes first. A known owner's goes for another known owner, and for a
    /// stranger only while known owners hold more than their half.
    pub(super) fn victim(&self, standing: Standing, now: u64) -> Option<SessionId> {
        if self.limits.active_total == 0 {
            return None;
        }
        let before = now.checked_sub(self.limits.idle)?;
        if let Some(victim) = self.holders.victim(Standing::New, before) {
            return Some(victim);
        }
        let counters = self.counters();
        let strangers = counters.strangers();
        let known = counters.pending + counters.finishing - strangers;
        let half = u64::from(self.limits.active_total - self.strangers_share());
        let may = standing == Standing::Known
            || (known > half && strangers < u64::from(self.strangers_share()));
        let victim = may.then(|| self.holders.victim(Standing::Known, before));
        victim.flatten()
    }

    /// How many sessions must end so that one more fits.
    fn missing(&self, standing: Standing, begins: Begins) -> u64 {
        let counters = self.counters();
        let above = |used: u64, most: u32| (used + 1).saturating_sub(most.into());
        let active = counters.pending + counters.finishing + u64::from(begins.all);
        let of_all = above(active, self.limits.active_total);
        let strangers = counters.strangers() + u64::from(begins.of_strangers);
        match standing {
            Standing::Known => of_all,
            Standing::New => of_all.max(above(strangers, self.strangers_share())),
        }
    }

    /// Ends idle sessions until the reserved one has room, at most ten. Ends none if ten aren't
    /// enough. Returns them as expired.
    pub fn make_room(&mut self, reservation: &BeginReservation, now: u64) -> Vec<SessionMeta> {
        let standing = reservation.standing;
        let begins = self.reservations.admitted();
        let mut ended = Vec::new();
        if self.missing(standing, begins) > MAX_ENDED as u64 {
            return ended;
        }
        while ended.len() < MAX_ENDED
            && !self.has_room(standing, begins)
            && let Some(id) = self.victim(standing, now)
        {
            let meta = self.expect(id);
            ended.push(self.remove(meta, SessionStatus::Expired, now));
        }
        ended
    }

    /// Gives the reserved session, which holds the right to write, its place in the scope and in
    /// all: `ResourceExhausted`, temporary. `stored` is the committed bytes of the scope.
    pub fn admit(&mut self, reservation: &mut BeginReservation, stored: u64) -> Result<()> {
        self.check_scope(reservation, stored)?;
        let standing = reservation.standing;
        if !self.has_room(standing, self.reservations.admitted()) {
            return Err(match self.has_room(standing, Begins::default()) {
                true => others_begin(),
                false => Failure::ResourceExhausted,
            });
        }
        reservation.admit();
        Ok(())
    }
}
