//! The session types of the whole gateway; `upload::types` re-exports them.

use crate::failure::Result;
use candid::Principal;
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;
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
///
/// A write is named by chunk index and may be repeated: the same bytes again succeed, other bytes are `Conflict`.
pub trait ByteSink {
    /// Takes the bytes before it returns, so that the future borrows nothing.
    fn write(&self, index: u32, bytes: &[u8]) -> LocalFuture<Result<()>>;
}

/// What a caller asks for when a session begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSpec {
    /// What limits are counted by beside the owner; the session layer doesn't know what it means.
    pub scope: String,
    pub owner: Principal,
    /// The idempotency key: the same (scope, owner, key) is the same session.
    pub idem: String,
    /// What must be equal when a key is used again, beside the numbers below.
    pub label: String,
    pub expected_chunks: u32,
    /// Bytes of the whole upload; 0 means "not declared".
    pub bytes_expected: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    /// Takes chunks.
    Pending,
    /// Everything is received and verified; being committed.
    Finishing,
    Committed {
        completed_at: u64,
    },
    /// Never stored: what `abort` returns. The session is gone.
    Aborted,
    /// Never stored: what `tick_ttl` returns. The session is gone.
    Expired,
}

/// Which chunks are there: all below `next`, and those beyond it whose bit is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub next: u32,
    /// Bit k stands for index `next + 1 + k`.
    ahead: u64,
}

/// How far beyond the first missing chunk one can be received: what [`Received`] has bits for.
pub const MAX_AHEAD: u32 = 64;
/// The largest reorder window; the rest of [`MAX_AHEAD`] is room for chunks in flight.
pub const MAX_REORDER_WINDOW: u32 = 32;

const _: () = assert!(MAX_REORDER_WINDOW < MAX_AHEAD);

impl Received {
    pub fn contains(&self, index: u32) -> bool {
        match index.checked_sub(self.next) {
            None => true,
            Some(0) => false,
            Some(d) => d <= MAX_AHEAD && self.ahead & (1 << (d - 1)) != 0,
        }
    }

    /// `index` must not be further than [`MAX_AHEAD`] beyond `next`.
    pub fn insert(&mut self, index: u32) {
        match index.checked_sub(self.next) {
            None => {}
            Some(0) => {
                let run = self.ahead.trailing_ones();
                self.next += 1 + run;
                // One more than the run: the bit of the new `next` itself is clear.
                self.ahead = self.ahead.checked_shr(run + 1).unwrap_or(0);
            }
            Some(d) => {
                assert!(d <= MAX_AHEAD, "BUG: a chunk beyond the reorder bitmap");
                self.ahead |= 1 << (d - 1);
            }
        }
    }

    pub fn count(&self) -> u32 {
        self.next + self.ahead.count_ones()
    }

    /// The indexes below `end` that aren't there, as ranges from the first to the last of each: few, since all that is
    /// received lies below `next` or in the bitmap.
    pub fn missing(&self, end: u32) -> Vec<(u32, u32)> {
        let mut ranges = Vec::new();
        let mut first = self.next;
        let bitmap_end = self.next.saturating_add(MAX_AHEAD + 1).min(end);
        for index in self.next..bitmap_end {
            if self.contains(index) {
                if first < index {
                    ranges.push((first, index - 1));
                }
                first = index + 1;
            }
        }
        if first < end {
            ranges.push((first, end - 1));
        }
        ranges
    }
}

/// One session, as it is in stable memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionMeta {
    pub id: SessionId,
    pub spec: SessionSpec,
    pub status: SessionStatus,
    pub created_at: u64,
    /// The last sign of life of the owner.
    pub last_seen: u64,
    pub received: Received,
    pub bytes_received: u64,
    /// Bytes of every chunk but the last; 0 until the first of them was reserved.
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

    /// What the session counts against the bytes of its scope while it is active.
    pub fn pending_bytes(&self) -> u64 {
        self.spec.bytes_expected.max(self.bytes_received)
    }
}

/// Layout, version 1: status (0 pending, 1 finishing, 2 committed), id, owner, scope, idem, label,
/// expected chunks, expected bytes, completed_at, created_at, last_seen, next, ahead, bytes, chunk
/// size, last length.
impl Record for SessionMeta {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        let (status, completed_at) = match self.status {
            SessionStatus::Pending => (0, 0),
            SessionStatus::Finishing => (1, 0),
            SessionStatus::Committed { completed_at } => (2, completed_at),
            SessionStatus::Aborted | SessionStatus::Expired => {
                unreachable!("BUG: an ended session is never stored")
            }
        };
        fields
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
            .u64(self.last_seen)
            .u32(self.received.next)
            .u64(self.received.ahead)
            .u64(self.bytes_received)
            .u32(self.chunk_size)
            .u32(self.last_len)
    }

    fn read(version: u8, r: &mut Reader<'_>) -> Self {
        if version != 1 {
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
        SessionMeta {
            id,
            spec,
            status: match status {
                0 => SessionStatus::Pending,
                1 => SessionStatus::Finishing,
                2 => SessionStatus::Committed { completed_at },
                _ => unreachable!("BUG: an unknown session status"),
            },
            created_at: r.u64(),
            last_seen: r.u64(),
            received: Received {
                next: r.u32(),
                ahead: r.u64(),
            },
            bytes_received: r.u64(),
            chunk_size: r.u32(),
            last_len: r.u32(),
        }
    }
}

storable!(SessionMeta);

/// What one scope holds, while it has active sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScopeUsage {
    pub active: u32,
    /// Of active sessions: declared bytes, or what arrived where nothing was declared.
    pub pending_bytes: u64,
    /// What is stored for good, as last told, and what was committed since.
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

/// How many sessions there are, by state, and the next id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    pub next_id: u64,
    pub pending: u64,
    pub finishing: u64,
    pub committed: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Counters {
            next_id: 1,
            pending: 0,
            finishing: 0,
            committed: 0,
        }
    }
}

/// Layout, version 1: next id, then pending, finishing and committed sessions.
impl Record for Counters {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        fields
            .u64(self.next_id)
            .u64(self.pending)
            .u64(self.finishing)
            .u64(self.committed)
    }

    fn read(version: u8, r: &mut Reader<'_>) -> Self {
        if version != 1 {
            unknown(version);
        }
        Counters {
            next_id: r.u64(),
            pending: r.u64(),
            finishing: r.u64(),
            committed: r.u64(),
        }
    }
}

storable!(Counters);

/// What may be configured. Times are nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub active_per_owner: u32,
    pub active_per_scope: u32,
    pub active_total: u32,
    pub bytes_per_scope: u64,
    pub ttl: u64,
    pub retention: u64,
    pub reorder_window: u32,
}
