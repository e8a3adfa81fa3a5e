//! The transitions that keep strangers within their share: standings, budgets, blocks, and the end
//! of sessions for others' sake.

use super::State;
use crate::failure::{Failure, Result};
use crate::session::standing::Standing;
use crate::upload::flows::{Ask, UsedUp};
use crate::upload::people::{MarkKind, People};
use crate::upload::types::{BeginReservation, SessionId, SessionMeta, SessionStatus};
use candid::Principal;
use ic_stable_structures::Memory;

/// How many committed sessions of release 0.1.0 tell the start who has a finished upload. Others
/// tell it when they retire.
const MAX_SEEDS: usize = 500;

impl<M: Memory> State<M> {
    /// Notes the owners of sessions that release 0.1.0 committed, once.
    pub(super) fn seed_people(&mut self) {
        if self.people.is_new() {
            for (owner, at) in self.sessions.oldest_committed(MAX_SEEDS) {
                self.people.mark(MarkKind::Uploaded, owner, at);
            }
        }
    }

    /// Notes the owner of a committed session that is about to be forgotten. Release 0.1.0 noted
    /// nobody at the commit.
    pub(super) fn upload_noted(&mut self, session: &SessionMeta) {
        if let SessionStatus::Committed { completed_at } = session.status {
            let owner = session.spec.owner;
            self.people.mark(MarkKind::Uploaded, owner, completed_at);
        }
    }

    pub fn people(&self) -> &People<M> {
        &self.people
    }

    pub fn standing(&self, who: Principal, now: u64) -> Standing {
        self.people.standing(who, now)
    }

    /// `Unauthorized` unless `caller` may change anything here.
    pub fn check_updates(&self, caller: Principal) -> Result<()> {
        self.config().check_caller(caller)?;
        match self.people.is_blocked(caller) {
            true => Err(Failure::Unauthorized),
            false => Ok(()),
        }
    }

    // ---- room ---------------------------------------------------------------------------------

    /// The index said that the owner may write: gives the reserved session its place. Returns the
    /// sessions that ended for it, and whether it got the place.
    ///
    /// After: each ended session has left nothing but a job that deletes its blob. Otherwise stable
    /// memory stays as it was; the place is on the heap.
    pub fn admitted(
        &mut self,
        reservation: &mut BeginReservation,
        stored: u64,
        now: u64,
    ) -> (Vec<SessionMeta>, Result<()>) {
        // A begin that its scope refuses ends no session of others.
        if let Err(refused) = self.sessions.check_scope(reservation, stored) {
            return (Vec::new(), Err(refused));
        }
        let ended = self.sessions.make_room(reservation, now);
        self.events.sessions_evicted += ended.len() as u64;
        for session in &ended {
            self.discard(session, now);
        }
        (ended, self.sessions.admit(reservation, stored))
    }

    /// Ends pending sessions by id, as if they expired. Sessions in other states stay.
    ///
    /// After: each ended session has left nothing but a job that deletes its blob.
    pub fn ended(&mut self, ids: &[SessionId], now: u64) -> Vec<SessionMeta> {
        let mut ended = Vec::new();
        for id in ids {
            if let Some(session) = self.sessions.end_pending(*id, now) {
                self.discard(&session, now);
                ended.push(session);
            }
        }
        self.events.sessions_ended += ended.len() as u64;
        ended
    }

    /// Ends at most `max` pending sessions of one owner; see [`State::ended`].
    pub fn sessions_of_ended(&mut self, who: Principal, max: usize, now: u64) -> Vec<SessionMeta> {
        let ids = self.sessions.pending_of(who, max);
        self.ended(&ids, now)
    }

    // ---- budgets ------------------------------------------------------------------------------

    /// Counts the bytes of a chunk in the budgets of its sender, whatever becomes of it.
    ///
    /// After: the budgets hold them; or, if one is used up, it holds them as refused.
    pub fn charged(&mut self, who: Principal, bytes: usize, now: u64) -> Result<()> {
        let ask = self.ask(who, bytes, now);
        let charged = self.flows.charge(ask, self.config.get().public());
        charged.map_err(|UsedUp { budget, failure }| {
            self.events.budget_refused(budget);
            failure
        })
    }

    /// Whether the budgets let a chunk run.
    pub fn budgets_admit(&self, who: Principal, bytes: usize, now: u64) -> bool {
        let ask = self.ask(who, bytes, now);
        self.flows.admits(ask, self.config.get().public())
    }

    fn ask(&self, who: Principal, bytes: usize, now: u64) -> Ask {
        Ask {
            who,
            standing: self.standing(who, now),
            bytes: bytes as u64,
            now,
        }
    }

    // ---- the operator's lists -----------------------------------------------------------------

    /// Marks a principal, or takes the mark away. Its active sessions get its new standing.
    pub fn principal_marked(&mut self, kind: MarkKind, who: Principal, marked: bool, now: u64) {
        match marked {
            true => self.people.mark(kind, who, now),
            false => self.people.unmark(kind, who),
        }
        let standing = self.people.standing(who, now);
        self.sessions.set_standing(who, standing);
    }
}
