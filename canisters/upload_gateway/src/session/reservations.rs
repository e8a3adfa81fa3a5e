//! The reservations that live while somebody awaits: begins, chunks in flight and finishes.
//!
//! They are on the heap: losing them loses nothing that was acknowledged. Each one gives itself
//! back when it is dropped, even if a callback traps.

use super::standing::Standing;
use super::types::{IdemHash, SessionId, SessionSpec};
use crate::failure::{Failure, Result};
use candid::Principal;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Begins in flight, which a check counts besides the active sessions.
#[derive(Clone, Copy, Default)]
pub(super) struct Begins {
    pub all: u32,
    pub of_strangers: u32,
}

/// The begins in flight of one owner in one scope.
#[derive(Clone, Copy, Default)]
struct Reserved {
    sessions: u32,
    /// Those of them whose owner may write in the scope, and their declared bytes.
    admitted: u32,
    admitted_bytes: u64,
    /// Bytes committed to the scope since the first of these begins.
    committed: u64,
    /// How often the owner lost its right in the scope since then.
    losses: u32,
}

#[derive(Default)]
struct Inner {
    begins: BTreeSet<IdemHash>,
    of_strangers: u32,
    admitted: Begins,
    by_owner: BTreeMap<Principal, u32>,
    by_scope: BTreeMap<(String, Principal), Reserved>,
    /// Lengths of the chunks in flight.
    chunks: BTreeMap<(SessionId, u32), u32>,
    /// Bytes in flight of sessions that declared no size, by scope.
    undeclared: BTreeMap<String, u64>,
    finishing: BTreeSet<SessionId>,
}

/// The admitted begins in flight in one scope, split by whether they are the owner's.
#[derive(Clone, Copy, Default)]
pub(super) struct ScopeBegins {
    pub own_sessions: u32,
    pub own_bytes: u64,
    pub other_sessions: u32,
    pub other_bytes: u64,
}

/// Every reservation of the gateway; a clone shares them.
#[derive(Clone, Default)]
pub(super) struct Reservations(Rc<RefCell<Inner>>);

impl Inner {
    /// The begins in flight in the scope, by owner.
    fn of_scope(&self, scope: &str) -> impl Iterator<Item = (&Principal, &Reserved)> {
        // The management canister's principal is the empty one, so it sorts first.
        let first = (scope.to_string(), Principal::management_canister());
        let entries = self.by_scope.range(first..);
        entries
            .take_while(move |((s, _), _)| s == scope)
            .map(|((_, owner), reserved)| (owner, reserved))
    }
}

impl Reservations {
    /// All begins in flight.
    pub(super) fn in_flight_begins(&self) -> Begins {
        let inner = self.0.borrow();
        Begins {
            all: inner.begins.len() as u32,
            of_strangers: inner.of_strangers,
        }
    }

    /// The begins in flight whose owners have the right to write.
    pub(super) fn admitted(&self) -> Begins {
        self.0.borrow().admitted
    }

    pub(super) fn begins_of_owner(&self, owner: &Principal) -> u32 {
        self.0.borrow().by_owner.get(owner).copied().unwrap_or(0)
    }

    /// The sessions and declared bytes that admitted begins in flight reserve in the scope. A begin
    /// isn't admitted before the right to write is known.
    pub(super) fn admitted_to(&self, scope: &str, owner: &Principal) -> ScopeBegins {
        let inner = self.0.borrow();
        let mut begins = ScopeBegins::default();
        for (who, reserved) in inner.of_scope(scope) {
            let (sessions, bytes) = match who == owner {
                true => (&mut begins.own_sessions, &mut begins.own_bytes),
                false => (&mut begins.other_sessions, &mut begins.other_bytes),
            };
            *sessions += reserved.admitted;
            *bytes += reserved.admitted_bytes;
        }
        begins
    }

    pub(super) fn is_beginning(&self, key: &IdemHash) -> bool {
        self.0.borrow().begins.contains(key)
    }

    pub(super) fn begin(
        &self,
        key: IdemHash,
        spec: SessionSpec,
        standing: Standing,
    ) -> BeginReservation {
        let mut inner = self.0.borrow_mut();
        assert!(
            inner.begins.insert(key),
            "BUG: a key was reserved for two begins"
        );
        *inner.by_owner.entry(spec.owner).or_default() += 1;
        inner.of_strangers += strangers(standing);
        let scope = (spec.scope.clone(), spec.owner);
        let scope = inner.by_scope.entry(scope).or_default();
        scope.sessions += 1;
        let committed_before = scope.committed;
        let losses_before = scope.losses;
        BeginReservation {
            reservations: self.clone(),
            key,
            spec,
            standing,
            admitted: false,
            committed_before,
            losses_before,
        }
    }

    /// Tells the owner's begins in flight in the scope that it lost its right there.
    pub(super) fn right_lost(&self, scope: &str, owner: Principal) {
        let mut inner = self.0.borrow_mut();
        if let Some(reserved) = inner.by_scope.get_mut(&(scope.to_string(), owner)) {
            reserved.losses += 1;
        }
    }

    /// Tells the begins in flight in the scope that `bytes` were committed to it.
    pub(super) fn committed(&self, scope: &str, bytes: u64) {
        let mut inner = self.0.borrow_mut();
        let owners: Vec<Principal> = inner.of_scope(scope).map(|(owner, _)| *owner).collect();
        for owner in owners {
            let reserved = inner.by_scope.get_mut(&(scope.to_string(), owner));
            reserved.expect("BUG: it was there").committed += bytes;
        }
    }

    /// The length of the chunk, if it is in flight.
    pub(super) fn in_flight(&self, id: SessionId, index: u32) -> Option<u32> {
        self.0.borrow().chunks.get(&(id, index)).copied()
    }

    /// Whether a chunk of the session other than `index` is in flight.
    pub(super) fn has_other_chunks(&self, id: SessionId, index: u32) -> bool {
        let inner = self.0.borrow();
        let mut of_session = inner.chunks.range((id, 0)..=(id, u32::MAX));
        of_session.any(|((_, other), _)| *other != index)
    }

    pub(super) fn bytes_in_flight(&self, id: SessionId) -> u64 {
        let inner = self.0.borrow();
        let of_session = inner.chunks.range((id, 0)..=(id, u32::MAX));
        of_session.map(|(_, len)| u64::from(*len)).sum()
    }

    /// Bytes in flight of the scope's sessions that declared no size.
    pub(super) fn undeclared_in_flight(&self, scope: &str) -> u64 {
        self.0.borrow().undeclared.get(scope).copied().unwrap_or(0)
    }

    /// Reserves a chunk. `scope` is given if the session declared no size.
    pub(super) fn chunk(
        &self,
        id: SessionId,
        index: u32,
        len: u32,
        scope: Option<String>,
    ) -> ChunkReservation {
        let mut inner = self.0.borrow_mut();
        let before = inner.chunks.insert((id, index), len);
        assert!(before.is_none(), "BUG: a chunk was reserved twice");
        if let Some(scope) = &scope {
            *inner.undeclared.entry(scope.clone()).or_default() += u64::from(len);
        }
        ChunkReservation {
            reservations: self.clone(),
            id,
            index,
            len,
            scope,
        }
    }

    /// Reserves the finish of a session; `None` while another caller holds it.
    pub(super) fn finish(&self, id: SessionId) -> Option<FinishGuard> {
        let fresh = self.0.borrow_mut().finishing.insert(id);
        fresh.then(|| FinishGuard {
            reservations: self.clone(),
            id,
        })
    }

    /// The numbers of (begins, chunks, finishes) in flight.
    #[cfg(test)]
    pub(super) fn open(&self) -> (usize, usize, usize) {
        let inner = self.0.borrow();
        (
            inner.begins.len(),
            inner.chunks.len(),
            inner.finishing.len(),
        )
    }
}

/// Holds an idempotency key and a place within the limits while a begin is in flight.
#[must_use = "dropping it gives the key and the place back"]
pub struct BeginReservation {
    reservations: Reservations,
    pub(super) key: IdemHash,
    pub(super) spec: SessionSpec,
    pub(super) standing: Standing,
    /// Whether the owner may write in the scope; only then the begin counts there.
    admitted: bool,
    committed_before: u64,
    losses_before: u32,
}

/// How many of one begin are strangers'.
fn strangers(standing: Standing) -> u32 {
    u32::from(standing == Standing::New)
}

impl BeginReservation {
    /// Counts the begin in its scope from now on.
    pub(super) fn admit(&mut self) {
        assert!(!self.admitted, "BUG: a begin was admitted twice");
        self.admitted = true;
        let mut inner = self.reservations.0.borrow_mut();
        inner.admitted.all += 1;
        inner.admitted.of_strangers += strangers(self.standing);
        let scope = (self.spec.scope.clone(), self.spec.owner);
        let reserved = inner.by_scope.get_mut(&scope);
        let reserved = reserved.expect("BUG: a reservation without its scope");
        reserved.admitted += 1;
        reserved.admitted_bytes += self.spec.bytes_expected;
    }

    /// Bytes committed to the scope since this reservation. A figure of committed bytes that was
    /// asked for meanwhile may lack them.
    pub(super) fn committed_since(&self) -> u64 {
        let inner = self.reservations.0.borrow();
        let scope = (self.spec.scope.clone(), self.spec.owner);
        let now = inner.by_scope.get(&scope).map(|r| r.committed);
        now.unwrap_or(self.committed_before) - self.committed_before
    }

    /// Temporary if the owner lost its right in the scope since this reservation. A right that the
    /// begin has asked for meanwhile may be older than the loss.
    pub fn check_right(&self) -> Result<()> {
        let inner = self.reservations.0.borrow();
        let scope = (self.spec.scope.clone(), self.spec.owner);
        match inner.by_scope.get(&scope) {
            Some(reserved) if reserved.losses != self.losses_before => Err(Failure::temporary(
                "the right to write changed during the begin",
            )),
            _ => Ok(()),
        }
    }
}

impl Drop for BeginReservation {
    fn drop(&mut self) {
        let mut inner = self.reservations.0.borrow_mut();
        inner.begins.remove(&self.key);
        inner.of_strangers -= strangers(self.standing);
        if self.admitted {
            inner.admitted.all -= 1;
            inner.admitted.of_strangers -= strangers(self.standing);
        }
        if let Some(n) = inner.by_owner.get_mut(&self.spec.owner) {
            *n -= 1;
            if *n == 0 {
                inner.by_owner.remove(&self.spec.owner);
            }
        }
        let scope = (self.spec.scope.clone(), self.spec.owner);
        if let Some(reserved) = inner.by_scope.get_mut(&scope) {
            reserved.sessions -= 1;
            if self.admitted {
                reserved.admitted -= 1;
                reserved.admitted_bytes -= self.spec.bytes_expected;
            }
            if reserved.sessions == 0 {
                inner.by_scope.remove(&scope);
            }
        }
    }
}

/// Holds the index and the bytes of one chunk while it is being written.
#[must_use = "dropping it releases the chunk; confirm it once it is written"]
pub struct ChunkReservation {
    reservations: Reservations,
    pub(super) id: SessionId,
    pub(super) index: u32,
    pub(super) len: u32,
    scope: Option<String>,
}

impl ChunkReservation {
    pub fn bytes(&self) -> u32 {
        self.len
    }
}

impl Drop for ChunkReservation {
    fn drop(&mut self) {
        let mut inner = self.reservations.0.borrow_mut();
        inner.chunks.remove(&(self.id, self.index));
        if let Some(scope) = &self.scope
            && let Some(bytes) = inner.undeclared.get_mut(scope)
        {
            *bytes -= u64::from(self.len);
            if *bytes == 0 {
                inner.undeclared.remove(scope);
            }
        }
    }
}

/// Makes its holder the only driver of a session's finish.
#[must_use = "dropping it lets others drive the finish"]
pub struct FinishGuard {
    reservations: Reservations,
    id: SessionId,
}

impl FinishGuard {
    pub fn session(&self) -> SessionId {
        self.id
    }
}

impl Drop for FinishGuard {
    fn drop(&mut self) {
        self.reservations.0.borrow_mut().finishing.remove(&self.id);
    }
}
