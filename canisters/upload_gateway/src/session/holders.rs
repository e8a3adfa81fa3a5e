//! The indexes that find the session to end when room is short: the idle one of the owner that
//! holds most.
//!
//! ```text
//! idle    : (owner, last_progress, id) of pending sessions
//! holders : (standing, active sessions with the most first, oldest progress, owner)
//! ```

use super::standing::Standing;
use super::types::{SessionId, SessionMeta, SessionStatus};
use candid::Principal;
use ic_stable_structures::{Memory, StableBTreeMap};
use std::ops::Bound;

/// A principal, padded to its 29 bytes, and its length.
const OWNER_BYTES: usize = 30;
/// Owner, time and session id, big-endian.
pub(super) type IdleKey = [u8; OWNER_BYTES + 16];
/// Standing, the complement of the number of sessions, time and owner, big-endian.
pub(super) type HolderKey = [u8; 1 + 4 + 8 + OWNER_BYTES];

/// The time of an owner none of whose sessions is pending.
const NEVER: u64 = u64::MAX;

pub(super) struct Holders<M: Memory> {
    idle: StableBTreeMap<IdleKey, (), M>,
    holders: StableBTreeMap<HolderKey, (), M>,
}

impl<M: Memory> Holders<M> {
    pub(super) fn new(idle: M, holders: M) -> Self {
        Holders {
            idle: StableBTreeMap::init(idle),
            holders: StableBTreeMap::init(holders),
        }
    }

    /// The standing of an owner of `held` active sessions; `None` if it has none.
    pub(super) fn standing(&self, owner: Principal, held: u32) -> Option<Standing> {
        self.find(owner, held).map(|(standing, _)| standing)
    }

    /// Moves a session of an owner of `held` active sessions from its `old` state to its `new` one.
    pub(super) fn move_session(
        &mut self,
        held: u32,
        old: Option<&SessionMeta>,
        new: Option<&SessionMeta>,
    ) {
        let (old_key, new_key) = (old.and_then(idle_key), new.and_then(idle_key));
        let Some(meta) = new.or(old).filter(|_| old_key != new_key) else {
            return;
        };
        let owner = meta.spec.owner;
        let before = self.find(owner, held);
        if let Some(key) = old_key {
            self.idle.remove(&key);
        }
        if let Some(key) = new_key {
            self.idle.insert(key, ());
        }
        if let Some((standing, oldest)) = before {
            let now = self.oldest(owner);
            if now != oldest {
                self.holders
                    .remove(&holder_key(standing, held, oldest, owner));
                self.holders
                    .insert(holder_key(standing, held, now, owner), ());
            }
        }
    }

    /// An owner of `before` active sessions holds `after` from now on, with this standing.
    pub(super) fn change(&mut self, owner: Principal, before: u32, after: (Standing, u32)) {
        let oldest = self.oldest(owner);
        if let Some(standing) = self.standing(owner, before) {
            self.holders
                .remove(&holder_key(standing, before, oldest, owner));
        }
        let (standing, held) = after;
        if held > 0 {
            self.holders
                .insert(holder_key(standing, held, oldest, owner), ());
        }
    }

    /// A pending session without progress since `before`: the oldest one of the owner that holds
    /// most, among the owners of this standing that have one.
    ///
    /// Looks once for each number of sessions that owners hold: never more than an owner may hold.
    pub(super) fn victim(&self, standing: Standing, before: u64) -> Option<SessionId> {
        let mut from = holder_key(standing, u32::MAX, 0, Principal::management_canister());
        loop {
            let key = self.holders.keys_range(from..).next()?;
            if key[0] != standing.byte() {
                return None;
            }
            let (held, oldest, owner) = split_holder(&key);
            if oldest <= before {
                return self.pending(owner).next();
            }
            let fewer = held.checked_sub(1)?;
            from = holder_key(standing, fewer, 0, Principal::management_canister());
        }
    }

    /// The owners of active sessions, those with the most first: owner, sessions, and since when
    /// the oldest pending one made no progress.
    pub(super) fn largest(
        &self,
        standing: Standing,
    ) -> impl Iterator<Item = (Principal, u32, Option<u64>)> {
        let first = holder_key(standing, u32::MAX, 0, Principal::management_canister());
        let keys = self.holders.keys_range(first..);
        let keys = keys.take_while(move |key| key[0] == standing.byte());
        keys.map(|key| {
            let (held, oldest, owner) = split_holder(&key);
            (owner, held, (oldest != NEVER).then_some(oldest))
        })
    }

    /// The pending sessions of an owner, the one without progress for longest first.
    pub(super) fn pending(&self, owner: Principal) -> impl Iterator<Item = SessionId> {
        let keys = self.idle.keys_range(idle_range(owner));
        keys.map(|key| SessionId(number(&key[OWNER_BYTES + 8..])))
    }

    /// The pending sessions of an owner behind a time of progress and a session id, each with its
    /// own.
    pub(super) fn pending_behind(
        &self,
        owner: Principal,
        (time, id): (u64, u64),
    ) -> impl Iterator<Item = (u64, u64)> {
        let first = key_of(owner, time, id);
        let last = key_of(owner, u64::MAX, u64::MAX);
        let keys = self
            .idle
            .keys_range((Bound::Excluded(first), Bound::Included(last)));
        keys.map(|key| {
            let time = number(&key[OWNER_BYTES..OWNER_BYTES + 8]);
            (time, number(&key[OWNER_BYTES + 8..]))
        })
    }

    /// How many owners the indexes have.
    pub(super) fn len(&self) -> u64 {
        self.holders.len()
    }

    /// Whether an owner of `held` active sessions is in the indexes.
    pub(super) fn contains(&self, owner: Principal, held: u32) -> bool {
        self.look_up(owner, held).is_some()
    }

    /// How many pending sessions and how many owners the indexes have.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.idle.len(), self.holders.len())
    }

    fn find(&self, owner: Principal, held: u32) -> Option<(Standing, u64)> {
        if held == 0 {
            return None;
        }
        let found = self.look_up(owner, held);
        assert!(
            found.is_some(),
            "BUG: an owner of sessions isn't among the holders"
        );
        found
    }

    fn look_up(&self, owner: Principal, held: u32) -> Option<(Standing, u64)> {
        let oldest = self.oldest(owner);
        let is = |standing: &Standing| {
            let key = holder_key(*standing, held, oldest, owner);
            self.holders.contains_key(&key)
        };
        let standing = Standing::ALL.into_iter().find(is)?;
        Some((standing, oldest))
    }

    fn oldest(&self, owner: Principal) -> u64 {
        let first = self.idle.keys_range(idle_range(owner)).next();
        first.map_or(NEVER, |key| number(&key[OWNER_BYTES..OWNER_BYTES + 8]))
    }
}

/// Where a session is among the idle ones; `None` unless it is pending.
pub(super) fn idle_key(meta: &SessionMeta) -> Option<IdleKey> {
    (meta.status == SessionStatus::Pending)
        .then(|| key_of(meta.spec.owner, meta.last_progress, meta.id.0))
}

fn key_of(owner: Principal, time: u64, id: u64) -> IdleKey {
    let mut key = [0; OWNER_BYTES + 16];
    key[..OWNER_BYTES].copy_from_slice(&owner_bytes(owner));
    key[OWNER_BYTES..OWNER_BYTES + 8].copy_from_slice(&time.to_be_bytes());
    key[OWNER_BYTES + 8..].copy_from_slice(&id.to_be_bytes());
    key
}

fn idle_range(owner: Principal) -> std::ops::RangeInclusive<IdleKey> {
    key_of(owner, 0, 0)..=key_of(owner, u64::MAX, u64::MAX)
}

pub(super) fn holder_key(
    standing: Standing,
    held: u32,
    oldest: u64,
    owner: Principal,
) -> HolderKey {
    let mut key = [standing.byte(); 13 + OWNER_BYTES];
    key[1..5].copy_from_slice(&(!held).to_be_bytes());
    key[5..13].copy_from_slice(&oldest.to_be_bytes());
    key[13..].copy_from_slice(&owner_bytes(owner));
    key
}

fn split_holder(key: &HolderKey) -> (u32, u64, Principal) {
    let held = u32::from_be_bytes(key[1..5].try_into().expect("BUG: 4 bytes"));
    let owner = &key[13..];
    let len = usize::from(owner[OWNER_BYTES - 1]);
    (
        !held,
        number(&key[5..13]),
        Principal::from_slice(&owner[..len]),
    )
}

fn owner_bytes(owner: Principal) -> [u8; OWNER_BYTES] {
    let mut bytes = [0; OWNER_BYTES];
    let owner = owner.as_slice();
    bytes[..owner.len()].copy_from_slice(owner);
    bytes[OWNER_BYTES - 1] = owner.len() as u8;
    bytes
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().expect("BUG: 8 bytes"))
}
