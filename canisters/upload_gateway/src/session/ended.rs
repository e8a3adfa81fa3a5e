//! The sessions that ended lately, so that their owners still get a typed answer about them.

use super::types::{SessionId, SessionMeta};
use candid::Principal;
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;
use ic_stable_structures::{Memory, StableBTreeMap};

/// How long an ended session is remembered, in nanoseconds: 24 hours.
const REMEMBERED_NS: u64 = 24 * 3_600 * 1_000_000_000;

/// How many forgotten sessions one end drops, more than it adds.
const DROPPED_AT_ONCE: usize = 4;

/// The owner of a session that ended, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub owner: Principal,
    /// Nanoseconds since 1970.
    pub at: u64,
}

/// Layout, version 1: owner, time.
impl Record for Ended {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        fields.short(self.owner.as_slice()).u64(self.at)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        if version != 1 {
            unknown(version);
        }
        let owner = Principal::try_from_slice(fields.short());
        Ended {
            owner: owner.expect("BUG: a stored principal isn't one"),
            at: fields.u64(),
        }
    }
}

storable!(Ended);

/// `u64` (session id) to [`Ended`].
pub(super) struct EndedSessions<M: Memory>(StableBTreeMap<u64, Ended, M>);

impl<M: Memory> EndedSessions<M> {
    pub(super) fn new(region: M) -> Self {
        EndedSessions(StableBTreeMap::init(region))
    }

    /// Remembers an ended session, and drops a few old ones. At most `max` stay.
    pub(super) fn add(&mut self, meta: &SessionMeta, now: u64, max: u64) {
        let owner = meta.spec.owner;
        self.0.insert(meta.id.0, Ended { owner, at: now });
        for _ in 0..DROPPED_AT_ONCE {
            let first = self.0.first_key_value();
            match first {
                Some((id, ended)) if self.0.len() > max || !is_fresh(&ended, now) => {
                    self.0.remove(&id);
                }
                _ => break,
            }
        }
    }

    /// Whether `owner` had a session of this id that ended in the last 24 hours.
    pub(super) fn has(&self, id: SessionId, owner: Principal, now: u64) -> bool {
        let ended = self.0.get(&id.0);
        ended.is_some_and(|ended| ended.owner == owner && is_fresh(&ended, now))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> u64 {
        self.0.len()
    }
}

fn is_fresh(ended: &Ended, now: u64) -> bool {
    now.saturating_sub(ended.at) <= REMEMBERED_NS
}
