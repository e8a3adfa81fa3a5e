//! The session service: the rules of a session's life, and the indexes that make each of them one look-up.
//!
//! ```text
//! counters : next id, sessions by state
//! sessions : id -> SessionMeta
//! keys     : SHA-256(scope, owner, idempotency key) -> id
//! timeline : (0, last_seen, id) of pending, (1, completed_at, id) of committed sessions
//! owners   : owner -> active sessions
//! owned    : (owner, id)
//! scopes   : scope -> ScopeUsage, while the scope has active sessions
//! ```

use super::expiry::{TimelineKey, timeline_of};
use super::ledger::{BeginReservation, FinishGuard, IdemHash, Ledger};
use super::types::{
    Counters, Limits, ScopeUsage, SessionId, SessionMeta, SessionSpec, SessionStatus,
};
use crate::failure::{Failure, Result};
use crate::regions::SessionRegions;
use candid::Principal;
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_CHUNKS};
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};
use sha2::{Digest, Sha256};

pub struct SessionService<M: Memory> {
    pub(super) limits: Limits,
    pub(super) ledger: Ledger,
    counters: StableCell<Counters, M>,
    sessions: StableBTreeMap<u64, SessionMeta, M>,
    keys: StableBTreeMap<IdemHash, u64, M>,
    pub(super) timeline: StableBTreeMap<TimelineKey, (), M>,
    owners: StableBTreeMap<Principal, u32, M>,
    owned: StableBTreeMap<(Principal, u64), (), M>,
    pub(super) scopes: StableBTreeMap<String, ScopeUsage, M>,
}

/// What `reserve_begin` found.
pub enum Begin {
    /// The key already names this session.
    Existing(SessionId),
    Reserved(BeginReservation),
}

impl<M: Memory> SessionService<M> {
    pub fn new(memories: SessionRegions<M>, limits: Limits) -> Self {
        SessionService {
            limits,
            ledger: Ledger::default(),
            counters: StableCell::init(memories.counters, Counters::default()),
            sessions: StableBTreeMap::init(memories.sessions),
            keys: StableBTreeMap::init(memories.keys),
            timeline: StableBTreeMap::init(memories.timeline),
            owners: StableBTreeMap::init(memories.owners),
            owned: StableBTreeMap::init(memories.owned),
            scopes: StableBTreeMap::init(memories.scopes),
        }
    }

    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub fn counters(&self) -> Counters {
        *self.counters.get()
    }

    pub fn get(&self, id: SessionId) -> Option<SessionMeta> {
        self.sessions.get(&id.0)
    }

    /// Active sessions by owner.
    #[cfg(debug_assertions)]
    pub fn active_by_owner(&self) -> Vec<(Principal, u32)> {
        self.owners.iter().map(|entry| entry.into_pair()).collect()
    }

    /// The session, if `caller` may touch it: `NotFound`, `Unauthorized`.
    pub fn owned(&self, id: SessionId, caller: Principal) -> Result<SessionMeta> {
        let meta = self.get(id).ok_or(Failure::NotFound)?;
        if meta.spec.owner != caller {
            return Err(Failure::Unauthorized);
        }
        Ok(meta)
    }

    /// The first `max` sessions of one owner, or of all.
    pub fn list(&self, owner: Option<Principal>, max: usize) -> Vec<SessionMeta> {
        match owner {
            None => self.sessions.values().take(max).collect(),
            Some(owner) => {
                let of_owner = self.owned.keys_range((owner, 0)..=(owner, u64::MAX));
                let metas = of_owner.map(|(_, id)| self.get(SessionId(id)));
                let metas = metas.map(|m| m.expect("BUG: an owned session without a record"));
                metas.take(max).collect()
            }
        }
    }

    /// The newest `max` sessions of one owner, the newest first.
    pub fn newest(&self, owner: Principal, max: usize) -> impl Iterator<Item = SessionMeta> {
        let of_owner = self.owned.keys_range((owner, 0)..=(owner, u64::MAX));
        let ids = of_owner.rev().map(|(_, id)| SessionId(id));
        ids.take(max).map(|id| self.expect(id))
    }

    pub(super) fn scope(&self, scope: &str) -> ScopeUsage {
        self.scopes.get(&scope.to_string()).unwrap_or_default()
    }

    // ---- begin ------------------------------------------------------------------------------------------------

    /// Finds the session of the key, or reserves the key and a place within the limits: `Conflict` (the key was used
    /// for something else), `ResourceExhausted`, temporary (the same begin is under way).
    pub fn reserve_begin(&mut self, spec: SessionSpec) -> Result<Begin> {
        let chunks = u64::from(spec.expected_chunks);
        if spec.expected_chunks == 0 || spec.expected_chunks > MAX_CHUNKS {
            return Err(Failure::invalid(format!(
                "expected_chunks is {chunks}, expected 1 to {MAX_CHUNKS}"
            )));
        }
        let most = chunks * MAX_CHUNK_BYTES as u64;
        if spec.bytes_expected != 0 && !(chunks..=most).contains(&spec.bytes_expected) {
            return Err(Failure::invalid(format!(
                "{} bytes are declared, expected 0 (not declared) or {chunks} to {most} for {chunks} chunks",
                spec.bytes_expected
            )));
        }
        let key = idem_hash(&spec);
        if let Some(id) = self.keys.get(&key) {
            let old = self.expect(SessionId(id)).spec;
            if old != spec {
                return Err(Failure::conflict(format!(
                    "the idempotency key is session {id}'s, begun with name {:?}, {} bytes in {} chunks",
                    old.label, old.bytes_expected, old.expected_chunks
                )));
            }
            return Ok(Begin::Existing(SessionId(id)));
        }
        if self.ledger.is_beginning(&key) {
            return Err(Failure::temporary("the same upload is just being begun"));
        }
        let counters = self.counters();
        let own = self.ledger.begins_of_owner(&spec.owner);
        let others = u64::from(self.ledger.begins_total() - own);
        let begins = self.ledger.begins_of_scope(&spec.scope, &spec.owner);
        let total = counters.pending + counters.finishing + u64::from(own);
        let of_owner = self.owners.get(&spec.owner).unwrap_or(0) + own;
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
        Ok(Begin::Reserved(self.ledger.begin(key, spec)))
    }

    /// Checks that the reserved session fits its scope, which holds `stored` bytes besides.
    pub fn check_bytes(&self, reservation: &BeginReservation, stored: u64) -> Result<()> {
        let stored = stored.saturating_add(reservation.committed_since());
        // The reservation itself is among the begins.
        self.check_room(&reservation.spec, stored, 0)
    }

    /// Checks that `more` bytes of `spec`'s owner fit its scope beside what is stored, pending and reserved.
    pub(super) fn check_room(&self, spec: &SessionSpec, stored: u64, more: u64) -> Result<()> {
        let begins = self.ledger.begins_of_scope(&spec.scope, &spec.owner);
        let taken = self
            .scope(&spec.scope)
            .pending_bytes
            .saturating_add(begins.own_bytes)
            .saturating_add(self.ledger.undeclared_in_flight(&spec.scope))
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

    /// The next session id. It is used up, whatever comes of it.
    pub fn allocate_id(&mut self) -> SessionId {
        let mut counters = self.counters();
        let id = counters.next_id;
        counters.next_id += 1;
        self.counters.set(counters);
        SessionId(id)
    }

    /// Makes the reserved session. `stored` is what its scope was said to hold, asked for after the reservation.
    pub fn begin_with_id(
        &mut self,
        id: SessionId,
        reservation: BeginReservation,
        stored: u64,
        now: u64,
    ) -> SessionMeta {
        let spec = reservation.spec.clone();
        let meta = SessionMeta {
            id,
            status: SessionStatus::Pending,
            created_at: now,
            last_seen: now,
            received: Default::default(),
            bytes_received: 0,
            chunk_size: 0,
            last_len: 0,
            spec,
        };
        let mut scope = self.scope(&meta.spec.scope);
        scope.stored_bytes = stored.saturating_add(reservation.committed_since());
        self.scopes.insert(meta.spec.scope.clone(), scope);
        self.keys.insert(reservation.key, id.0);
        self.owned.insert((meta.spec.owner, id.0), ());
        self.count_active(&meta, 1);
        self.place(None, Some(&meta));
        meta
    }

    /// Notes a sign of life of the owner of a session that could expire.
    pub fn touch(&mut self, id: SessionId, now: u64) {
        let old = self.get(id);
        if let Some(old) = old.filter(|meta| meta.status == SessionStatus::Pending) {
            let mut meta = old.clone();
            meta.last_seen = now;
            self.place(Some(&old), Some(&meta));
        }
    }

    // ---- finish -----------------------------------------------------------------------------------------------

    /// Makes the caller the one who drives the session's finish; temporary when somebody does already.
    pub fn guard_finish(&self, id: SessionId) -> Result<FinishGuard> {
        self.ledger
            .finish(id)
            .ok_or_else(|| Failure::temporary(format!("session {id} is just being finished")))
    }

    /// Whether every chunk is received and the sizes agree.
    pub fn check_complete(&self, meta: &SessionMeta, total_len: u64) -> Result<()> {
        let count = meta.spec.expected_chunks;
        if !meta.is_complete() {
            let missing = meta.received.next;
            if self.ledger.in_flight(meta.id, missing).is_some() {
                return Err(Failure::temporary(format!(
                    "chunk {missing} is being stored just now"
                )));
            }
            return Err(Failure::invalid(format!(
                "chunk {missing} is missing: {} of {count} chunks are received",
                meta.received.count()
            )));
        }
        let received = meta.bytes_received;
        let declared = meta.spec.bytes_expected;
        if declared != 0 && received != declared {
            return Err(Failure::invalid(format!(
                "{received} bytes are received, expected {declared} as declared"
            )));
        }
        if total_len != received {
            return Err(Failure::invalid(format!(
                "total_len is {total_len}, expected {received} as received"
            )));
        }
        Ok(())
    }

    /// Pending -> Finishing.
    pub fn start_finishing(&mut self, id: SessionId, now: u64) {
        self.change(id, SessionStatus::Pending, SessionStatus::Finishing, now);
    }

    /// Finishing -> Pending, after a definite refusal that the owner can mend.
    pub fn reopen(&mut self, id: SessionId, now: u64) {
        self.change(id, SessionStatus::Finishing, SessionStatus::Pending, now);
    }

    /// Finishing -> Committed.
    pub fn commit(&mut self, id: SessionId, now: u64) {
        let status = SessionStatus::Committed { completed_at: now };
        self.change(id, SessionStatus::Finishing, status, now);
    }

    // ---- the end ----------------------------------------------------------------------------------------------

    /// Ends a pending session at its owner's wish. An unknown one is as good as aborted.
    pub fn abort(&mut self, id: SessionId, caller: Principal) -> Result<Option<SessionMeta>> {
        let meta = match self.owned(id, caller) {
            Err(Failure::NotFound) => return Ok(None),
            other => other?,
        };
        match meta.status {
            SessionStatus::Pending => Ok(Some(self.remove(meta, SessionStatus::Aborted))),
            status => Err(Failure::conflict(format!(
                "session {id} is {} and can't be aborted",
                name_of(status)
            ))),
        }
    }

    /// Ends a session whatever its state is.
    pub fn end(&mut self, id: SessionId) -> Option<SessionMeta> {
        let meta = self.get(id)?;
        Some(self.remove(meta, SessionStatus::Aborted))
    }

    #[cfg(test)]
    pub(super) fn open_reservations(&self) -> (usize, usize, usize) {
        self.ledger.open()
    }

    // ---- inside -----------------------------------------------------------------------------------------------

    pub(super) fn expect(&self, id: SessionId) -> SessionMeta {
        self.get(id)
            .expect("BUG: an index names a session without a record")
    }

    fn change(&mut self, id: SessionId, from: SessionStatus, to: SessionStatus, now: u64) {
        let old = self.expect(id);
        assert_eq!(old.status, from, "BUG: a session changes state out of turn");
        let mut meta = old.clone();
        meta.status = to;
        meta.last_seen = now;
        if old.is_active() && !meta.is_active() {
            self.count_active(&old, -1);
        }
        if matches!(to, SessionStatus::Committed { .. }) {
            self.add_stored(&meta.spec.scope, meta.bytes_received);
        }
        self.place(Some(&old), Some(&meta));
    }

    /// Committed bytes matter only where somebody else is active: without, the next begin asks anew.
    fn add_stored(&mut self, scope: &str, bytes: u64) {
        self.ledger.committed(scope, bytes);
        if let Some(mut usage) = self.scopes.get(&scope.to_string()) {
            usage.stored_bytes = usage.stored_bytes.saturating_add(bytes);
            self.scopes.insert(scope.to_string(), usage);
        }
    }

    /// Stored bytes of the scope are gone.
    pub fn free_stored(&mut self, scope: &str, bytes: u64) {
        if let Some(mut usage) = self.scopes.get(&scope.to_string()) {
            usage.stored_bytes = usage.stored_bytes.saturating_sub(bytes);
            self.scopes.insert(scope.to_string(), usage);
        }
    }

    pub(super) fn remove(&mut self, mut meta: SessionMeta, status: SessionStatus) -> SessionMeta {
        if meta.is_active() {
            self.count_active(&meta, -1);
        }
        self.place(Some(&meta), None);
        self.keys.remove(&idem_hash(&meta.spec));
        self.owned.remove(&(meta.spec.owner, meta.id.0));
        meta.status = status;
        meta
    }

    /// Writes the record and moves it in the timeline and the counters.
    pub(super) fn place(&mut self, old: Option<&SessionMeta>, new: Option<&SessionMeta>) {
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
        let (old_key, new_key) = (old.and_then(timeline_of), new.and_then(timeline_of));
        if old_key != new_key {
            if let Some(key) = old_key {
                self.timeline.remove(&key);
            }
            if let Some(key) = new_key {
                self.timeline.insert(key, ());
            }
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

    /// Adds a session to, or takes it from, what its owner and its scope have active.
    fn count_active(&mut self, meta: &SessionMeta, by: i32) {
        let owner = meta.spec.owner;
        let count = self.owners.get(&owner).unwrap_or(0);
        let count = count.checked_add_signed(by).expect("BUG: owner count");
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
}

/// Only begins of others, under way, are in the way. Their right isn't known yet: a stranger's must not look like a limit
/// that is reached.
fn others_begin() -> Failure {
    Failure::temporary("others are just beginning uploads")
}

fn idem_hash(spec: &SessionSpec) -> IdemHash {
    let mut hasher = Sha256::new();
    for part in [
        spec.scope.as_bytes(),
        spec.owner.as_slice(),
        spec.idem.as_bytes(),
    ] {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
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

pub fn name_of(status: SessionStatus) -> &'static str {
    match status {
        SessionStatus::Pending => "pending",
        SessionStatus::Finishing => "finishing",
        SessionStatus::Committed { .. } => "committed",
        SessionStatus::Aborted => "aborted",
        SessionStatus::Expired => "expired",
    }
}
