//! Expiry: an index ordered by time, so that work grows with what expires and not with what lives.

use super::service::SessionService;
use super::types::{SessionId, SessionMeta, SessionStatus};
use ic_stable_structures::Memory;

const PENDING: u8 = 0;
const COMMITTED: u8 = 1;

/// (kind, time, id), big-endian, so that byte order is time order.
pub(super) type TimelineKey = [u8; 17];

/// What one `tick_ttl` removed.
#[derive(Debug, Default)]
pub struct Ticked {
    pub expired: Vec<SessionMeta>,
    /// Committed sessions whose record was kept long enough.
    pub retired: Vec<SessionMeta>,
}

impl<M: Memory> SessionService<M> {
    /// Removes at most `max` sessions whose time is over; looks at no others.
    pub fn tick_ttl(&mut self, now: u64, max: usize) -> Ticked {
        let mut ticked = Ticked::default();
        for id in self.before(PENDING, now.saturating_sub(self.limits.ttl), max) {
            let meta = self.expect(id);
            ticked
                .expired
                .push(self.remove(meta, SessionStatus::Expired));
        }
        let rest = max - ticked.expired.len();
        for id in self.before(COMMITTED, now.saturating_sub(self.limits.retention), rest) {
            let meta = self.expect(id);
            let status = meta.status;
            ticked.retired.push(self.remove(meta, status));
        }
        ticked
    }

    /// When `tick_ttl` next has something to do.
    pub fn next_tick(&self) -> Option<u64> {
        let pending = self
            .first(PENDING)
            .map(|t| t.saturating_add(self.limits.ttl));
        let committed = self
            .first(COMMITTED)
            .map(|t| t.saturating_add(self.limits.retention));
        [pending, committed]
            .into_iter()
            .flatten()
            .min()
            .map(|t| t.saturating_add(1))
    }

    /// When a session's time is over unless its owner is heard of before; a committed one's record retires then.
    pub fn ends_at(&self, meta: &SessionMeta) -> Option<u64> {
        match meta.status {
            SessionStatus::Pending => Some(meta.last_seen.saturating_add(self.limits.ttl)),
            SessionStatus::Committed { completed_at } => {
                Some(completed_at.saturating_add(self.limits.retention))
            }
            SessionStatus::Finishing | SessionStatus::Aborted | SessionStatus::Expired => None,
        }
    }

    /// Sessions of one kind with a time strictly before `time`, oldest first.
    fn before(&self, kind: u8, time: u64, max: usize) -> Vec<SessionId> {
        let range = timeline_key(kind, 0, 0)..timeline_key(kind, time, 0);
        let keys = self.timeline.keys_range(range).take(max);
        keys.map(|key| SessionId(split_timeline_key(&key).1))
            .collect()
    }

    fn first(&self, kind: u8) -> Option<u64> {
        let range = timeline_key(kind, 0, 0)..=timeline_key(kind, u64::MAX, u64::MAX);
        let key = self.timeline.keys_range(range).next()?;
        Some(split_timeline_key(&key).0)
    }
}

fn timeline_key(kind: u8, time: u64, id: u64) -> TimelineKey {
    let mut key = [kind; 17];
    key[1..9].copy_from_slice(&time.to_be_bytes());
    key[9..].copy_from_slice(&id.to_be_bytes());
    key
}

/// (time, id)
fn split_timeline_key(key: &TimelineKey) -> (u64, u64) {
    let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().expect("BUG: 8 bytes"));
    (number(&key[1..9]), number(&key[9..]))
}

pub(super) fn timeline_of(meta: &SessionMeta) -> Option<TimelineKey> {
    match meta.status {
        SessionStatus::Pending => Some(timeline_key(PENDING, meta.last_seen, meta.id.0)),
        SessionStatus::Committed { completed_at } => {
            Some(timeline_key(COMMITTED, completed_at, meta.id.0))
        }
        // A timer drives it on; it never expires.
        SessionStatus::Finishing => None,
        SessionStatus::Aborted | SessionStatus::Expired => None,
    }
}
