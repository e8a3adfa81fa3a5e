//! The limits: active sessions per owner, per scope and in all, and bytes per scope.

use super::service::SessionService;
use super::types::SessionSpec;
use crate::failure::{Failure, Result};
use ic_stable_structures::Memory;

impl<M: Memory> SessionService<M> {
    /// Checks that one more session of this owner and scope fits: `ResourceExhausted`, temporary.
    pub(super) fn check_count(&self, spec: &SessionSpec) -> Result<()> {
        let counters = self.counters();
        let own = self.reservations.begins_of_owner(&spec.owner);
        let others = u64::from(self.reservations.begins_total() - own);
        let begins = self.reservations.begins_of_scope(&spec.scope, &spec.owner);
        let total = counters.pending + counters.finishing + u64::from(own);
        let of_owner = self.active_of_owner(&spec.owner) + own;
        let of_scope = self.scope(&spec.scope).active + begins.own_sessions;
        if total >= u64::from(self.limits.active_total)
            || of_owner >= self.limits.active_per_owner
            || of_scope >= self.limits.active_per_scope
        {
            return Err(Failure::ResourceExhausted);
        }
        if total + others >= u64::from(self.limits.active_total)
            || of_scope + begins.other_sessions >= self.limits.active_per_scope
        {
            return Err(others_begin());
        }
        Ok(())
    }

    /// Checks that `more` bytes fit the scope beside its `stored`, pending and reserved bytes:
    /// `ResourceExhausted`, temporary.
    pub(super) fn check_room(&self, spec: &SessionSpec, stored: u64, more: u64) -> Result<()> {
        let begins = self.reservations.begins_of_scope(&spec.scope, &spec.owner);
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

/// Only begins of other owners stand in the way. The index may still refuse them, so a stranger
/// can't make a scope look full: the error is temporary.
fn others_begin() -> Failure {
    Failure::temporary("begins of other callers are in flight")
}
