//! The transitions of a principal that lost its right in a capsule: its pending sessions there end.

use super::State;
use crate::upload::jobs::queue::{Leaver, Task};
use crate::upload::types::{SessionId, SessionMeta};
use candid::Principal;
use ic_stable_structures::Memory;

impl<M: Memory> State<M> {
    /// `index` says that `who` has no right in the capsule. Its begins in flight there make no
    /// session. Stable memory stays as it was.
    pub fn right_lost(&mut self, who: Principal, capsule: &str, index: Principal) -> Leaver {
        self.sessions.right_lost(who, capsule);
        Leaver {
            who,
            capsule: capsule.to_string(),
            index,
            before: self.sessions.counters().next_id,
            after: None,
        }
    }

    /// Ends pending sessions of a leaver in its capsule, as if they expired, after a look at `max`
    /// of its sessions. Finishing ones stay: the index judges their commit. Returns the ended ones,
    /// and who has sessions left to look at.
    ///
    /// After: each ended session has left nothing but a job that deletes its blob.
    pub fn leaver_ended(
        &mut self,
        leaver: Leaver,
        now: u64,
        max: usize,
    ) -> (Vec<SessionMeta>, Option<Leaver>) {
        let place = (leaver.who, leaver.capsule.as_str());
        let (mut ids, after) = self.sessions.pending_in(place, leaver.after, max);
        // Another index may have a capsule of the same id.
        ids.retain(|id| id.0 < leaver.before && self.index_of_session(*id) == Some(leaver.index));
        let ended = self.ended(&ids, now);
        let rest = after.map(|after| Leaver {
            after: Some(after),
            ..leaver
        });
        (ended, rest)
    }

    /// After: a job ends the sessions that are left.
    pub fn leaver_noted(&mut self, leaver: Leaver, now: u64) {
        self.jobs.push(now, Task::EndSessions(leaver));
    }

    fn index_of_session(&self, id: SessionId) -> Option<Principal> {
        self.index_of(self.upload(id)?.index)
    }
}
