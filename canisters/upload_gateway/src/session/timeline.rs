//! The timeline: the sessions that a time will end, ordered by that time.
//!
//! Expiry reads it from the front, so its work grows with what ends and not with what lives.

use super::types::{SessionId, SessionMeta, SessionStatus};
use ic_stable_structures::{Memory, StableBTreeMap};

/// Kind, time and session id, big-endian, so that byte order is time order within a kind.
pub(super) type TimelineKey = [u8; 17];

/// Which of a session's times ends it.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A pending session, by when its owner was last seen.
    Pending,
    /// A committed session, by when it was committed.
    Committed,
}

impl Kind {
    /// How keys begin.
    fn byte(self) -> u8 {
        match self {
            Kind::Pending => 0,
            Kind::Committed => 1,
        }
    }
}

pub(super) struct Timeline<M: Memory>(StableBTreeMap<TimelineKey, (), M>);

impl<M: Memory> Timeline<M> {
    pub(super) fn new(region: M) -> Self {
        Timeline(StableBTreeMap::init(region))
    }

    /// Moves a session from the place of its `old` state to that of its `new` one.
    pub(super) fn move_session(&mut self, old: Option<&SessionMeta>, new: Option<&SessionMeta>) {
        let (old_key, new_key) = (old.and_then(key_of), new.and_then(key_of));
        if old_key == new_key {
            return;
        }
        if let Some(key) = old_key {
            self.0.remove(&key);
        }
        if let Some(key) = new_key {
            self.0.insert(key, ());
        }
    }

    /// At most `max` sessions of one kind with a time strictly before `time`, oldest first.
    pub(super) fn before(&self, kind: Kind, time: u64, max: usize) -> Vec<SessionId> {
        let range = key(kind, 0, 0)..key(kind, time, 0);
        let keys = self.0.keys_range(range).take(max);
        keys.map(|key| split(&key).1).collect()
    }

    /// The earliest time of one kind.
    pub(super) fn first(&self, kind: Kind) -> Option<u64> {
        let range = key(kind, 0, 0)..=key(kind, u64::MAX, u64::MAX);
        let key = self.0.keys_range(range).next()?;
        Some(split(&key).0)
    }
}

/// Where a session is in the timeline; `None` if no time ends it.
pub(super) fn key_of(meta: &SessionMeta) -> Option<TimelineKey> {
    match meta.status {
        SessionStatus::Pending => Some(key(Kind::Pending, meta.last_seen, meta.id.0)),
        SessionStatus::Committed { completed_at } => {
            Some(key(Kind::Committed, completed_at, meta.id.0))
        }
        // A job drives it on; it never expires.
        SessionStatus::Finishing => None,
        SessionStatus::Aborted | SessionStatus::Expired => None,
    }
}

fn key(kind: Kind, time: u64, id: u64) -> TimelineKey {
    let mut key = [kind.byte(); 17];
    key[1..9].copy_from_slice(&time.to_be_bytes());
    key[9..].copy_from_slice(&id.to_be_bytes());
    key
}

fn split(key: &TimelineKey) -> (u64, SessionId) {
    let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().expect("BUG: 8 bytes"));
    (number(&key[1..9]), SessionId(number(&key[9..])))
}
