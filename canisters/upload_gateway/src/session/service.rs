//! The session state: every record, and the indexes that make each rule one look-up.
//!
//! The rules are in the sibling files; this file keeps the indexes in step with the records.
//!
//! ```text
//! counters : next id, sessions by state
//! sessions : id -> SessionMeta
//! keys     : SHA-256(scope, owner, idempotency key) -> id
//! timeline : (0, last_seen, id) of pending, (1, completed_at, id) of committed sessions
//! owners   : owner -> active sessions
//! owned    : (owner, id)
//! scopes   : scope -> ScopeUsage, while the scope has active sessions
//! holders  : the idle sessions and the largest holders; see `holders.rs`
//! ended    : id -> owner and time of sessions that ended lately
//! ```

use super::ended::EndedSessions;
use super::holders::Holders;
use super::reservations::Reservations;
use super::standing::Standing;
use super::timeline::{Kind, Timeline};
use super::types::{Counters, IdemHash, Limits, ScopeUsage, SessionId, SessionMeta, SessionStatus};
use crate::failure::{Failure, Result};
use crate::regions::SessionRegions;
use candid::Principal;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};
use std::ops::Bound;

pub struct SessionService<M: Memory> {
    pub(super) limits: Limits,
    pub(super) reservations: Reservations,
    pub(super) timeline: Timeline<M>,
    pub(super) holders: Holders<M>,
    pub(super) ended: EndedSessions<M>,
    counters: StableCell<Counters, M>,
    sessions: StableBTreeMap<u64, SessionMeta, M>,
    keys: StableBTreeMap<IdemHash, u64, M>,
    owners: StableBTreeMap<Principal, u32, M>,
    owned: StableBTreeMap<(Principal, u64), (), M>,
    scopes: StableBTreeMap<String, ScopeUsage, M>,
    /// The last owner that the timer has put into the indexes since the start; see `indexing.rs`.
    pub(super) indexed_to: Option<Principal>,
}

impl<M: Memory> SessionService<M> {
    pub fn new(regions: SessionRegions<M>, limits: Limits) -> Self {
        let mut sessions = SessionService {
            limits,
            reservations: Reservations::default(),
            timeline: Timeline::new(regions.timeline),
            holders: Holders::new(regions.idle, regions.holders),
            ended: EndedSessions::new(regions.ended),
            counters: StableCell::init(regions.counters, Counters::default()),
            sessions: StableBTreeMap::init(regions.sessions),
            keys: StableBTreeMap::init(regions.keys),
            owners: StableBTreeMap::init(regions.owners),
            owned: StableBTreeMap::init(regions.owned),
            scopes: StableBTreeMap::init(regions.scopes),
            indexed_to: None,
        };
        sessions.start_indexing();
        sessions
    }

    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    // ---- reading ------------------------------------------------------------------------------

    pub fn counters(&self) -> Counters {
        *self.counters.get()
    }

    pub fn get(&self, id: SessionId) -> Option<SessionMeta> {
        self.sessions.get(&id.0)
    }

    /// The session, if `caller` may touch it: `NotFound`, `Unauthorized`.
    pub fn owned(&self, id: SessionId, caller: Principal) -> Result<SessionMeta> {
        let meta = self.get(id).ok_or(Failure::NotFound)?;
        if meta.spec.owner != caller {
            return Err(Failure::Unauthorized);
        }
        Ok(meta)
    }

    /// The session that an index names.
    pub(super) fn expect(&self, id: SessionId) -> SessionMeta {
        self.get(id)
            .expect("BUG: an index names a session without a record")
    }

    /// The first `max` sessions of one owner, or of all.
    pub fn list(&self, owner: Option<Principal>, max: usize) -> Vec<SessionMeta> {
        match owner {
            None => self.sessions.values().take(max).collect(),
            Some(owner) => self
                .ids_of(owner)
                .take(max)
                .map(|id| self.expect(id))
                .collect(),
        }
    }

    /// The newest `max` sessions of one owner, the newest first.
    pub fn newest(&self, owner: Principal, max: usize) -> impl Iterator<Item = SessionMeta> {
        let ids = self.ids_of(owner).rev().take(max);
        ids.map(|id| self.expect(id))
    }

    /// The owners of the `max` oldest committed sessions, each with the time of the commit.
    pub fn oldest_committed(&self, max: usize) -> Vec<(Principal, u64)> {
        let ids = self.timeline.before(Kind::Committed, u64::MAX, max);
        let committed = ids.into_iter().map(|id| self.expect(id));
        committed
            .filter_map(|meta| match meta.status {
                SessionStatus::Committed { completed_at } => Some((meta.spec.owner, completed_at)),
                _ => None,
            })
            .collect()
    }

    pub(super) fn ids_of(&self, owner: Principal) -> impl DoubleEndedIterator<Item = SessionId> {
        let keys = self.owned.keys_range((owner, 0)..=(owner, u64::MAX));
        keys.map(|(_, id)| SessionId(id))
    }

    /// Each owner of active sessions, with their number.
    #[cfg(debug_assertions)]
    pub fn active_by_owner(&self) -> Vec<(Principal, u32)> {
        self.owners.iter().map(|entry| entry.into_pair()).collect()
    }

    /// How many owners have active sessions.
    pub(super) fn owner_count(&self) -> u64 {
        self.owners.len()
    }

    /// The next owner of active sessions behind another one, or the first.
    pub(super) fn owner_behind(&self, before: Option<Principal>) -> Option<Principal> {
        let start = before.map_or(Bound::Unbounded, Bound::Excluded);
        self.owners.keys_range((start, Bound::Unbounded)).next()
    }

    pub(super) fn active_of_owner(&self, owner: &Principal) -> u32 {
        self.owners.get(owner).unwrap_or(0)
    }

    /// The session that a begin with this idempotency key made.
    pub(super) fn of_key(&self, key: &IdemHash) -> Option<SessionId> {
        self.keys.get(key).map(SessionId)
    }

    pub(super) fn scope(&self, scope: &str) -> ScopeUsage {
        self.scopes.get(&scope.to_string()).unwrap_or_default()
    }

    // ---- writing ------------------------------------------------------------------------------

    /// The next session gets at least this id.
    pub fn count_from(&mut self, first: u64) {
        let mut counters = self.counters();
        if counters.next_id < first {
            counters.next_id = first;
            self.counters.set(counters);
        }
    }

    /// Returns the next session id and uses it up, even if the begin fails later.
    pub fn allocate_id(&mut self) -> SessionId {
        let mut counters = self.counters();
        let id = counters.next_id;
        counters.next_id += 1;
        self.counters.set(counters);
        SessionId(id)
    }

    /// Adds a new session; its scope holds `stored` committed bytes.
    pub(super) fn insert(
        &mut self,
        key: IdemHash,
        meta: &SessionMeta,
        stored: u64,
        standing: Standing,
    ) {
        let mut scope = self.scope(&meta.spec.scope);
        scope.stored_bytes = stored;
        self.scopes.insert(meta.spec.scope.clone(), scope);
        self.keys.insert(key, meta.id.0);
        self.owned.insert((meta.spec.owner, meta.id.0), ());
        self.count_active(meta, 1, standing);
        self.place(None, Some(meta));
    }

    /// Removes a session; returns it with `status`, how it ended.
    pub(super) fn remove(
        &mut self,
        mut meta: SessionMeta,
        status: SessionStatus,
        now: u64,
    ) -> SessionMeta {
        self.index_owner(meta.spec.owner);
        if meta.is_active() {
            let standing = self.standing_of(&meta);
            self.count_active(&meta, -1, standing);
        }
        let most = 2 * u64::from(self.limits.active_total);
        self.ended.add(&meta, now, most);
        self.place(Some(&meta), None);
        self.keys.remove(&meta.spec.idem_hash());
        self.owned.remove(&(meta.spec.owner, meta.id.0));
        meta.status = status;
        meta
    }

    /// Moves a session from one state to the next.
    pub(super) fn change(
        &mut self,
        id: SessionId,
        from: SessionStatus,
        to: SessionStatus,
        now: u64,
    ) -> SessionMeta {
        let old = self.expect(id);
        assert_eq!(old.status, from, "BUG: a session changes state out of turn");
        self.index_owner(old.spec.owner);
        let mut meta = old.clone();
        meta.status = to;
        meta.seen(now, self.limits.ttl);
        if old.is_active() && !meta.is_active() {
            let standing = self.standing_of(&old);
            self.count_active(&old, -1, standing);
        }
        self.place(Some(&old), Some(&meta));
        meta
    }

    /// Notes that the owner of a pending session was seen.
    pub fn touch(&mut self, id: SessionId, now: u64) {
        let old = self.get(id);
        if let Some(old) = old.filter(|meta| meta.status == SessionStatus::Pending) {
            let mut meta = old.clone();
            meta.seen(now, self.limits.ttl);
            self.place(Some(&old), Some(&meta));
        }
    }

    /// Notes progress of a pending session that isn't a chunk: a part of it was hashed.
    pub fn advanced(&mut self, id: SessionId, now: u64) {
        let old = self.get(id);
        if let Some(old) = old.filter(|meta| meta.status == SessionStatus::Pending) {
            let mut meta = old.clone();
            meta.last_progress = now;
            self.place(Some(&old), Some(&meta));
        }
    }

    /// Writes the record and moves it in the timeline and the counters.
    pub(super) fn place(&mut self, old: Option<&SessionMeta>, new: Option<&SessionMeta>) {
        if let Some(meta) = new.or(old) {
            self.index_owner(meta.spec.owner);
        }
        let mut counters = self.counters();
        if let Some(meta) = old {
            *count_of(&mut counters, meta.status) -= 1;
        }
        if let Some(meta) = new {
            *count_of(&mut counters, meta.status) += 1;
        }
        if counters != self.counters() {
            self.counters.set(counters);
        }
        self.timeline.move_session(old, new);
        if let Some(meta) = new.or(old) {
            let held = self.active_of_owner(&meta.spec.owner);
            self.holders.move_session(held, old, new);
        }
        match (old, new) {
            (_, Some(meta)) => {
                self.sessions.insert(meta.id.0, meta.clone());
            }
            (Some(meta), None) => {
                self.sessions.remove(&meta.id.0);
            }
            (None, None) => {}
        }
    }

    /// Adds a session to the active ones of its owner and its scope, or takes it away.
    fn count_active(&mut self, meta: &SessionMeta, by: i32, standing: Standing) {
        let owner = meta.spec.owner;
        self.index_owner(owner);
        let before = self.active_of_owner(&owner);
        let count = before.checked_add_signed(by).expect("BUG: owner count");
        self.holders.change(owner, before, (standing, count));
        if standing == Standing::New {
            self.count_strangers(|strangers| {
                let strangers = strangers.checked_add_signed(by.into());
                strangers.expect("BUG: strangers count")
            });
        }
        match count {
            0 => self.owners.remove(&owner),
            _ => self.owners.insert(owner, count),
        };
        let mut scope = self.scope(&meta.spec.scope);
        scope.active = scope
            .active
            .checked_add_signed(by)
            .expect("BUG: scope count");
        let bytes = meta.pending_bytes();
        scope.pending_bytes = match by {
            1.. => scope.pending_bytes.checked_add(bytes),
            _ => scope.pending_bytes.checked_sub(bytes),
        }
        .expect("BUG: scope bytes");
        match scope.active {
            0 => self.scopes.remove(&meta.spec.scope),
            _ => self.scopes.insert(meta.spec.scope.clone(), scope),
        };
    }

    /// The standing of the owner of an active session.
    fn standing_of(&self, meta: &SessionMeta) -> Standing {
        let owner = meta.spec.owner;
        let standing = self.holders.standing(owner, self.active_of_owner(&owner));
        standing.expect("BUG: an active session without its holder")
    }

    pub(super) fn count_strangers(&mut self, change: impl FnOnce(u64) -> u64) {
        let mut counters = self.counters();
        counters.strangers = Some(change(counters.strangers()));
        self.counters.set(counters);
    }

    /// Changes the figures of a scope with active sessions; other scopes have none.
    pub(super) fn change_scope(&mut self, scope: &str, change: impl FnOnce(&mut ScopeUsage)) {
        let scope = scope.to_string();
        if let Some(mut usage) = self.scopes.get(&scope) {
            change(&mut usage);
            self.scopes.insert(scope, usage);
        }
    }
}

fn count_of(counters: &mut Counters, status: SessionStatus) -> &mut u64 {
    match status {
        SessionStatus::Pending => &mut counters.pending,
        SessionStatus::Finishing => &mut counters.finishing,
        SessionStatus::Committed { .. } => &mut counters.committed,
        SessionStatus::Aborted | SessionStatus::Expired => {
            unreachable!("BUG: an ended session is counted")
        }
    }
}
