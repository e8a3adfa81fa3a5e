//! The limits: active sessions per owner, per scope and in all, and bytes per scope.

use super::reservations::{BeginReservation, Begins};
use super::service::SessionService;
use super::standing::Standing;
use super::types::SessionSpec;
use crate::failure::{Failure, Result};
use ic_stable_structures::Memory;

impl<M: Memory> SessionService<M> {
    /// Checks that one more session of this owner fits, in all and in its share:
    /// `ResourceExhausted`, temporary. The scope isn't asked: its right isn't known yet.
    pub(super) fn check_count(
        &self,
        spec: &SessionSpec,
        standing: Standing,
        now: u64,
    ) -> Result<()> {
        let own = self.reservations.begins_of_owner(&spec.owner);
        if self.active_of_owner(&spec.owner) + own >= self.limits.active_per_owner {
            return Err(Failure::ResourceExhausted);
        }
        let begins = self.reservations.in_flight_begins();
        if self.has_room(standing, begins) || self.victim(standing, now).is_some() {
            return Ok(());
        }
        let own = Begins {
            all: own,
            of_strangers: own,
        };
        Err(match self.has_room(standing, own) {
            true => others_begin(),
            false => Failure::ResourceExhausted,
        })
    }

    /// Checks that the reserved session fits its scope, which holds `stored` committed bytes:
    /// `ResourceExhausted`, temporary. Begins of callers whose right isn't known don't count.
    pub fn check_scope(&self, reservation: &BeginReservation, stored: u64) -> Result<()> {
        let spec = &reservation.spec;
        let begins = self.reservations.admitted_to(&spec.scope, &spec.owner);
        let of_scope = self.scope(&spec.scope).active + begins.own_sessions;
        if of_scope >= self.limits.active_per_scope {
            return Err(Failure::ResourceExhausted);
        }
        if of_scope + begins.other_sessions >= self.limits.active_per_scope {
            return Err(others_begin());
        }
        let stored = stored.saturating_add(reservation.committed_since());
        self.check_room(spec, stored, spec.bytes_expected)
    }

    /// Checks that `more` bytes fit the scope beside its `stored`, pending and reserved bytes:
    /// `ResourceExhausted`, temporary.
    pub(super) fn check_room(&self, spec: &SessionSpec, stored: u64, more: u64) -> Result<()> {
        let begins = self.reservations.admitted_to(&spec.scope, &spec.owner);
        let taken = self
            .scope(&spec.scope)
            .pending_bytes
            .saturating_add(begins.own_bytes)
            .saturating_add(self.reservations.undeclared_in_flight(&spec.scope))
            .saturating_add(stored)
            .saturating_add(more);
        let most = self.limits.bytes_per_scope;
        if taken > most {
            return Err(Failure::ResourceExhausted);
        }
        if taken.saturating_add(begins.other_bytes) > most {
            return Err(others_begin());
        }
        Ok(())
    }
}

/// Only begins of other owners stand in the way. They may still fail, so the error is temporary.
pub(super) fn others_begin() -> Failure {
    Failure::temporary("begins of other callers are in flight")
}
