//! How a session ends without a commit and before its time.

use super::service::SessionService;
use super::standing::Standing;
use super::types::{SessionId, SessionMeta, SessionStatus};
use crate::failure::{Failure, Result};
use candid::Principal;
use ic_stable_structures::Memory;

impl<M: Memory> SessionService<M> {
    /// Ends a pending session when its owner asks. `None` if the id is unknown: it is gone already.
    ///
    /// Errors: `Unauthorized`, `Conflict` (not pending).
    pub fn abort(
        &mut self,
        id: SessionId,
        caller: Principal,
        now: u64,
    ) -> Result<Option<SessionMeta>> {
        let meta = match self.owned(id, caller) {
            Err(Failure::NotFound) => return Ok(None),
            other => other?,
        };
        match meta.status {
            SessionStatus::Pending => Ok(Some(self.remove(meta, SessionStatus::Aborted, now))),
            status => Err(Failure::conflict(format!(
                "session {id} is {}, expected pending to abort it",
                status.name()
            ))),
        }
    }

    /// Ends a session in any state.
    pub fn end(&mut self, id: SessionId, now: u64) -> Option<SessionMeta> {
        let meta = self.get(id)?;
        Some(self.remove(meta, SessionStatus::Aborted, now))
    }

    /// Ends a session that is pending, as if it expired; any other stays.
    pub fn end_pending(&mut self, id: SessionId, now: u64) -> Option<SessionMeta> {
        let meta = self.get(id)?;
        let pending = meta.status == SessionStatus::Pending;
        pending.then(|| self.remove(meta, SessionStatus::Expired, now))
    }

    /// Whether `caller` owned a session that ended in the last 24 hours. The newest ended sessions
    /// are remembered, twice as many as may be active.
    pub fn ended_lately(&self, id: SessionId, caller: Principal, now: u64) -> bool {
        self.ended.has(id, caller, now)
    }

    /// The `max` owners of this standing that have most active sessions, the largest first: owner,
    /// sessions, and since when the oldest pending one made no progress.
    pub fn largest_holders(
        &self,
        standing: Standing,
        max: usize,
    ) -> Vec<(Principal, u32, Option<u64>)> {
        self.holders.largest(standing).take(max).collect()
    }

    /// The pending sessions of one owner in one scope, among `max` of its pending ones in any
    /// scope. The second value is where the search goes on, `None` at its end.
    ///
    /// A session that makes progress during the search moves ahead of it. So none is missed.
    pub fn pending_in(
        &mut self,
        (owner, scope): (Principal, &str),
        after: Option<(u64, u64)>,
        max: usize,
    ) -> (Vec<SessionId>, Option<(u64, u64)>) {
        // A look at the scope saves those at the sessions of an owner that has none there.
        if self.scope(scope).active == 0 {
            return (Vec::new(), None);
        }
        self.index_owner(owner);
        let behind = self.holders.pending_behind(owner, after.unwrap_or((0, 0)));
        let looked_at: Vec<_> = behind.take(max).collect();
        let last = looked_at.last().copied();
        let ids = looked_at.iter().map(|(_, id)| SessionId(*id));
        let found = ids.filter(|id| self.expect(*id).spec.scope == scope);
        (found.collect(), last.filter(|_| looked_at.len() == max))
    }

    /// Tells the owner's begins in flight in a scope that it lost its right there.
    pub fn right_lost(&self, owner: Principal, scope: &str) {
        self.reservations.right_lost(scope, owner);
    }

    /// At most `max` pending sessions of one owner.
    pub fn pending_of(&mut self, owner: Principal, max: usize) -> Vec<SessionId> {
        self.index_owner(owner);
        self.holders.pending(owner).take(max).collect()
    }
}
