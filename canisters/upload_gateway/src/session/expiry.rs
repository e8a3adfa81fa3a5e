//! Expiry: pending sessions end after the TTL, committed records retire after the retention.

use super::service::SessionService;
use super::timeline::Kind;
use super::types::{Limits, SessionMeta, SessionStatus};
use ic_stable_structures::Memory;

/// The sessions that one `tick_ttl` removed.
#[derive(Debug, Default)]
pub struct Ticked {
    pub expired: Vec<SessionMeta>,
    /// Committed sessions whose record was kept for the retention.
    pub retired: Vec<SessionMeta>,
}

impl<M: Memory> SessionService<M> {
    /// Removes at most `max` sessions whose time is over, and reads no others.
    pub fn tick_ttl(&mut self, now: u64, max: usize) -> Ticked {
        let mut ticked = Ticked::default();
        let before = now.saturating_sub(self.limits.ttl);
        for id in self.timeline.before(Kind::Pending, before, max) {
            let meta = self.expect(id);
            let expired = self.remove(meta, SessionStatus::Expired, now);
            ticked.expired.push(expired);
        }
        let rest = max - ticked.expired.len();
        let before = now.saturating_sub(self.limits.retention);
        for id in self.timeline.before(Kind::Committed, before, rest) {
            let meta = self.expect(id);
            let status = meta.status;
            ticked.retired.push(self.remove(meta, status, now));
        }
        ticked
    }

    /// How many pending sessions would expire now under `limits`, and how many committed ones would
    /// retire. Counts at most `max` of each.
    pub fn count_overdue(&self, limits: &Limits, now: u64, max: usize) -> [usize; 2] {
        let kinds = [
            (Kind::Pending, limits.ttl),
            (Kind::Committed, limits.retention),
        ];
        kinds.map(|(kind, kept)| {
            let overdue = self.timeline.before(kind, now.saturating_sub(kept), max);
            overdue.len()
        })
    }

    /// When `tick_ttl` next removes a session.
    pub fn next_tick(&self) -> Option<u64> {
        let after = |kind, kept: u64| {
            let first = self.timeline.first(kind);
            first.map(|time| time.saturating_add(kept))
        };
        let pending = after(Kind::Pending, self.limits.ttl);
        let committed = after(Kind::Committed, self.limits.retention);
        let first = [pending, committed].into_iter().flatten().min();
        // A session goes when *more* than its time has passed.
        first.map(|time| time.saturating_add(1))
    }

    /// When the session expires unless its owner is seen before; for a committed one, when its
    /// record retires.
    pub fn ends_at(&self, meta: &SessionMeta) -> Option<u64> {
        match meta.status {
            SessionStatus::Pending => Some(meta.last_seen.saturating_add(self.limits.ttl)),
            SessionStatus::Committed { completed_at } => {
                Some(completed_at.saturating_add(self.limits.retention))
            }
            SessionStatus::Finishing | SessionStatus::Aborted | SessionStatus::Expired => None,
        }
    }
}
