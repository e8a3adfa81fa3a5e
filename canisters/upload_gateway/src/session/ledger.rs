//! What is reserved while somebody awaits: begins, chunks in flight, running finishes. All on the heap: losing it
//! loses nothing that was acknowledged. Each reservation gives itself back when it is dropped.

use super::types::{SessionId, SessionSpec};
use candid::Principal;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// SHA-256 over (scope, owner, idempotency key).
pub type IdemHash = [u8; 32];

#[derive(Clone, Copy, Default)]
struct Reserved {
    sessions: u32,
    bytes: u64,
    /// Bytes committed to the scope while begins are under way in it.
    committed: u64,
}

#[derive(Default)]
struct Inner {
    begins: BTreeSet<IdemHash>,
    by_owner: BTreeMap<Principal, u32>,
    by_scope: BTreeMap<(String, Principal), Reserved>,
    /// Lengths of the chunks in flight.
    chunks: BTreeMap<(SessionId, u32), u32>,
    /// Bytes in flight of sessions that declared no size.
    undeclared: BTreeMap<String, u64>,
    finishing: BTreeSet<SessionId>,
}

/// What is being begun in one scope, as one owner sees it.
#[derive(Clone, Copy, Default)]
pub(super) struct ScopeBegins {
    pub own_sessions: u32,
    pub own_bytes: u64,
    pub other_sessions: u32,
    pub other_bytes: u64,
}

/// The shared book of reservations; a clone is the same book.
#[derive(Clone, Default)]
pub struct Ledger(Rc<RefCell<Inner>>);

impl Inner {
    /// What each owner is beginning in the scope.
    fn of_scope(&self, scope: &str) -> impl Iterator<Item = (&Principal, &Reserved)> {
        // The management canister's principal is the empty one, the first of all.
        let first = (scope.to_string(), Principal::management_canister());
        let entries = self.by_scope.range(first..);
        entries
            .take_while(move |((s, _), _)| s == scope)
            .map(|((_, owner), reserved)| (owner, reserved))
    }
}

impl Ledger {
    pub(super) fn begins_total(&self) -> u32 {
        self.0.borrow().begins.len() as u32
    }

    pub(super) fn begins_of_owner(&self, owner: &Principal) -> u32 {
        self.0.borrow().by_owner.get(owner).copied().unwrap_or(0)
    }

    /// Sessions being begun in the scope, and the bytes they declare: those of `owner`, and those of others, whose right
    /// to the scope may be none.
    pub(super) fn begins_of_scope(&self, scope: &str, owner: &Principal) -> ScopeBegins {
        let inner = self.0.borrow();
        let mut begins = ScopeBegins::default();
        for (who, reserved) in inner.of_scope(scope) {
            let (sessions, bytes) = match who == owner {
                true => (&mut begins.own_sessions, &mut begins.own_bytes),
                false => (&mut begins.other_sessions, &mut begins.other_bytes),
            };
            *sessions += reserved.sessions;
            *bytes += reserved.bytes;
        }
        begins
    }

    pub(super) fn is_beginning(&self, key: &IdemHash) -> bool {
        self.0.borrow().begins.contains(key)
    }

    pub(super) fn begin(&self, key: IdemHash, spec: SessionSpec) -> BeginReservation {
        let mut inner = self.0.borrow_mut();
        assert!(
            inner.begins.insert(key),
            "BUG: a key was reserved for two begins"
        );
        *inner.by_owner.entry(spec.owner).or_default() += 1;
        let scope = (spec.scope.clone(), spec.owner);
        let scope = inner.by_scope.entry(scope).or_default();
        scope.sessions += 1;
        scope.bytes += spec.bytes_expected;
        let committed_before = scope.committed;
        BeginReservation {
            ledger: self.clone(),
            key,
            spec,
            committed_before,
        }
    }

    pub(super) fn committed(&self, scope: &str, bytes: u64) {
        let mut inner = self.0.borrow_mut();
        let owners: Vec<Principal> = inner.of_scope(scope).map(|(owner, _)| *owner).collect();
        for owner in owners {
            let reserved = inner.by_scope.get_mut(&(scope.to_string(), owner));
            reserved.expect("BUG: it was there").committed += bytes;
        }
    }

    pub(super) fn in_flight(&self, id: SessionId, index: u32) -> Option<u32> {
        self.0.borrow().chunks.get(&(id, index)).copied()
    }

    /// Bytes in flight of one session.
    pub(super) fn bytes_in_flight(&self, id: SessionId) -> u64 {
        let inner = self.0.borrow();
        let of_session = inner.chunks.range((id, 0)..=(id, u32::MAX));
        of_session.map(|(_, len)| u64::from(*len)).sum()
    }

    pub(super) fn undeclared_in_flight(&self, scope: &str) -> u64 {
        self.0.borrow().undeclared.get(scope).copied().unwrap_or(0)
    }

    /// `scope` is given when the session declared no size.
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
            ledger: self.clone(),
            id,
            index,
            len,
            scope,
        }
    }

    pub(super) fn finish(&self, id: SessionId) -> Option<FinishGuard> {
        let fresh = self.0.borrow_mut().finishing.insert(id);
        fresh.then(|| FinishGuard {
            ledger: self.clone(),
            id,
        })
    }

    /// (begins, chunks, finishes) that are under way.
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

/// Holds an idempotency key and a place within the limits while a session is being begun.
#[must_use = "dropping it gives the key and the place back"]
pub struct BeginReservation {
    ledger: Ledger,
    pub(super) key: IdemHash,
    pub(super) spec: SessionSpec,
    committed_before: u64,
}

impl BeginReservation {
    /// Bytes committed to the scope since this began: a figure of stored bytes asked for meanwhile may lack them.
    pub(super) fn committed_since(&self) -> u64 {
        let inner = self.ledger.0.borrow();
        let scope = (self.spec.scope.clone(), self.spec.owner);
        let now = inner.by_scope.get(&scope).map(|r| r.committed);
        now.unwrap_or(self.committed_before) - self.committed_before
    }
}

impl Drop for BeginReservation {
    fn drop(&mut self) {
        let mut inner = self.ledger.0.borrow_mut();
        inner.begins.remove(&self.key);
        if let Some(n) = inner.by_owner.get_mut(&self.spec.owner) {
            *n -= 1;
            if *n == 0 {
                inner.by_owner.remove(&self.spec.owner);
            }
        }
        let scope = (self.spec.scope.clone(), self.spec.owner);
        if let Some(reserved) = inner.by_scope.get_mut(&scope) {
            reserved.sessions -= 1;
            reserved.bytes -= self.spec.bytes_expected;
            if reserved.sessions == 0 {
                inner.by_scope.remove(&scope);
            }
        }
    }
}

/// Holds the index and the bytes of one chunk while it is being written.
#[must_use = "dropping it releases the chunk; confirm it once it is written"]
pub struct ChunkReservation {
    ledger: Ledger,
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
        let mut inner = self.ledger.0.borrow_mut();
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

/// Held by the one who drives a session's finish.
#[must_use = "dropping it lets others drive the finish"]
pub struct FinishGuard {
    ledger: Ledger,
    id: SessionId,
}

impl FinishGuard {
    pub fn session(&self) -> SessionId {
        self.id
    }
}

impl Drop for FinishGuard {
    fn drop(&mut self) {
        self.ledger.0.borrow_mut().finishing.remove(&self.id);
    }
}
