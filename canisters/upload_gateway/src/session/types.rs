//! The session types of the whole gateway. `upload::types` re-exports them.
//!
//! Every time is in nanoseconds since 1970, every size in bytes.

use super::received::Received;
use crate::failure::Result;
use candid::Principal;
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;
use sha2::{Digest, Sha256};
use std::future::Future;
use std::pin::Pin;

pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Counts up from 1; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Nanoseconds since 1970.
pub trait Clock {
    fn now(&self) -> u64;
}

/// Where the bytes of a session go: the border between sessions and storage.
pub trait ByteSink {
    /// The bytes of one chunk and its index, in a buffer that needs no copy.
    type Chunk;

    /// Writes one chunk. A write may be repeated: the same bytes again succeed, other bytes are
    /// `Conflict`. Takes the chunk, so that the future borrows nothing.
    fn write(&self, chunk: Self::Chunk) -> LocalFuture<Result<()>>;
}

/// SHA-256 over (scope, owner, idempotency key), each behind its length.
pub type IdemHash = [u8; 32];

/// The caller's request for a new session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSpec {
    /// Limits count sessions and bytes by scope. The session layer doesn't know what a scope is.
    pub scope: String,
    pub owner: Principal,
    /// The idempotency key: the same (scope, owner, key) is the same session.
    pub idem: String,
    /// A repeated begin must give the same label, like the numbers below.
    pub label: String,
    pub expected_chunks: u32,
    /// Bytes of the whole upload; 0 means "not declared".
    pub bytes_expected: u64,
}

impl SessionSpec {
    pub(super) fn idem_hash(&self) -> IdemHash {
        let mut hasher = Sha256::new();
        for part in [
            self.scope.as_bytes(),
            self.owner.as_slice(),
            self.idem.as_bytes(),
        ] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    /// Takes chunks.
    Pending,
    /// All bytes are received and verified; the commit is in flight.
    Finishing,
    Committed {
        completed_at: u64,
    },
    /// Never stored: `abort` and `end` return it. The session is gone.
    Aborted,
    /// Never stored: `tick_ttl` returns it. The session is gone.
    Expired,
}

impl SessionStatus {
    pub fn name(self) -> &'static str {
        match self {
            SessionStatus::Pending => "pending",
            SessionStatus::Finishing => "finishing",
            SessionStatus::Committed { .. } => "committed",
            SessionStatus::Aborted => "aborted",
            SessionStatus::Expired => "expired",
        }
    }
}

/// One session, as it is in stable memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionMeta {
    pub id: SessionId,
    pub spec: SessionSpec,
    pub status: SessionStatus,
    pub created_at: u64,
    /// When the owner last gave a sign of life.
    pub last_seen: u64,
    /// When a new chunk was confirmed last, or the session began. When room is short, a session
    /// without progress ends.
    pub last_progress: u64,
    pub received: Received,
    pub bytes_received: u64,
    /// Bytes of every chunk but the last; 0 until the first of them is reserved.
    pub chunk_size: u32,
    /// Bytes of the last chunk; 0 until it is received.
    pub last_len: u32,
}

impl SessionMeta {
    pub fn is_active(&self) -> bool {
        matches!(
            self.status,
            SessionStatus::Pending | SessionStatus::Finishing
        )
    }

    pub fn is_complete(&self) -> bool {
        self.received.next == self.spec.expected_chunks
    }

    /// Notes a sign of life that is no progress. Such signs keep the session for at most `ttl`
    /// nanoseconds longer than its progress does, so that they can't keep it for ever.
    pub(super) fn seen(&mut self, now: u64, ttl: u64) {
        let most = self.last_progress.saturating_add(ttl);
        self.last_seen = self.last_seen.max(now.min(most));
    }

    /// Notes progress: a new chunk is stored.
    pub(super) fn progressed(&mut self, now: u64) {
        self.last_seen = now;
        self.last_progress = now;
    }

    /// Bytes that the session takes of its scope's limit while it is active.
    pub fn pending_bytes(&self) -> u64 {
        self.spec.bytes_expected.max(self.bytes_received)
    }
}

/// Layout, version 2: status (0 pending, 1 finishing, 2 committed), id, owner, scope, idem, label,
/// expected chunks, expected bytes, completed_at, created_at, last_seen, received (next, bitmap),
/// bytes, chunk size, last length, last_progress. Version 1, of release 0.1.0, lacks last_progress:
/// it is last_seen.
impl Record for SessionMeta {
    const VERSION: u8 = 2;

    fn write(&self, fields: Writer) -> Writer {
        let (status, completed_at) = match self.status {
            SessionStatus::Pending => (0, 0),
            SessionStatus::Finishing => (1, 0),
            SessionStatus::Committed { completed_at } => (2, completed_at),
            SessionStatus::Aborted | SessionStatus::Expired => {
                unreachable!("BUG: an ended session is never stored")
            }
        };
        let fields = fields
            .u8(status)
            .u64(self.id.0)
            .blob(self.spec.owner.as_slice())
            .blob(self.spec.scope.as_bytes())
            .blob(self.spec.idem.as_bytes())
            .blob(self.spec.label.as_bytes())
            .u32(self.spec.expected_chunks)
            .u64(self.spec.bytes_expected)
            .u64(completed_at)
            .u64(self.created_at)
            .u64(self.last_seen);
        self.received
            .write(fields)
            .u64(self.bytes_received)
            .u32(self.chunk_size)
            .u32(self.last_len)
            .u64(self.last_progress)
    }

    fn read(version: u8, r: &mut Reader<'_>) -> Self {
        if !matches!(version, 1 | 2) {
            unknown(version);
        }
        let status = r.u8();
        let id = SessionId(r.u64());
        let spec = SessionSpec {
            owner: r.principal(),
            scope: r.text(),
            idem: r.text(),
            label: r.text(),
            expected_chunks: r.u32(),
            bytes_expected: r.u64(),
        };
        let completed_at = r.u64();
        let created_at = r.u64();
        let last_seen = r.u64();
        let mut meta = SessionMeta {
            id,
            spec,
            status: match status {
                0 => SessionStatus::Pending,
                1 => SessionStatus::Finishing,
                2 => SessionStatus::Committed { completed_at },
                _ => unreachable!("BUG: an unknown session status"),
            },
            created_at,
            last_seen,
            last_progress: last_seen,
            received: Received::read(r),
            bytes_received: r.u64(),
            chunk_size: r.u32(),
            last_len: r.u32(),
        };
        if version > 1 {
            meta.last_progress = r.u64();
        }
        meta
    }
}

storable!(SessionMeta);

/// The figures of one scope while it has active sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScopeUsage {
    pub active: u32,
    /// The sum of [`SessionMeta::pending_bytes`] over the active sessions.
    pub pending_bytes: u64,
    /// Committed bytes: the newest figure that a begin gave, and every commit since.
    pub stored_bytes: u64,
}

/// Layout, version 1: active, pending bytes, stored bytes.
impl Record for ScopeUsage {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        fields
            .u32(self.active)
            .u64(self.pending_bytes)
            .u64(self.stored_bytes)
    }

    fn read(version: u8, r: &mut Reader<'_>) -> Self {
        if version != 1 {
            unknown(version);
        }
        ScopeUsage {
            active: r.u32(),
            pending_bytes: r.u64(),
            stored_bytes: r.u64(),
        }
    }
}

storable!(ScopeUsage);

/// The next id, and how many sessions each state has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    pub next_id: u64,
    pub pending: u64,
    pub finishing: u64,
    pub committed: u64,
    /// Active sessions of strangers; `None` in a record of release 0.1.0, before the first start.
    pub strangers: Option<u64>,
}

impl Counters {
    pub fn strangers(&self) -> u64 {
        self.strangers.unwrap_or_default()
    }
}

impl Default for Counters {
    fn default() -> Self {
        Counters {
            next_id: 1,
            pending: 0,
            finishing: 0,
            committed: 0,
            strangers: Some(0),
        }
    }
}

/// Layout, version 2: next id, then pending, finishing and committed sessions, then active ones of
/// strangers. Version 1, of release 0.1.0, lacks the last.
impl Record for Counters {
    const VERSION: u8 = 2;

    fn write(&self, fields: Writer) -> Writer {
        fields
            .u64(self.next_id)
            .u64(self.pending)
            .u64(self.finishing)
            .u64(self.committed)
            .u64(self.strangers())
    }

    fn read(version: u8, r: &mut Reader<'_>) -> Self {
        if !matches!(version, 1 | 2) {
            unknown(version);
        }
        Counters {
            next_id: r.u64(),
            pending: r.u64(),
            finishing: r.u64(),
            committed: r.u64(),
            strangers: (version > 1).then(|| r.u64()),
        }
    }
}

storable!(Counters);

/// The configurable limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub active_per_owner: u32,
    pub active_per_scope: u32,
    pub active_total: u32,
    /// Bytes that a scope may hold, committed and pending together.
    pub bytes_per_scope: u64,
    /// A pending session expires when its owner wasn't seen for more than this, in nanoseconds.
    pub ttl: u64,
    /// When room is short, a pending session may end that made no progress for this long, in
    /// nanoseconds.
    pub idle: u64,
    /// The record of a committed session is kept for this long, in nanoseconds.
    pub retention: u64,
    /// How far a chunk may be ahead of the expected one; 0 is strict order.
    pub reorder_window: u32,
}
