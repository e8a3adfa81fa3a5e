//! The chunks of a session: every check before a write, the reservation, and the confirmation.

use super::received::MAX_AHEAD;
use super::reservations::ChunkReservation;
use super::service::SessionService;
use super::types::{SessionId, SessionMeta, SessionStatus};
use crate::failure::{Failure, Result};
use candid::Principal;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use ic_stable_structures::Memory;

/// The outcome of `reserve_chunk`.
pub enum ChunkAdmission {
    /// Write it, then confirm or drop the reservation.
    New(ChunkReservation),
    /// Already received: the store compares the bytes.
    Duplicate,
}

impl<M: Memory> SessionService<M> {
    /// Checks one chunk of `len` bytes and reserves its index and its bytes. Awaits nothing.
    ///
    /// Errors: `NotFound`, `Unauthorized`, `Conflict` (not pending), `InvalidArgument` (index or
    /// length), `ResourceExhausted`, temporary (in flight, too far ahead, begins of others).
    pub fn reserve_chunk(
        &mut self,
        id: SessionId,
        caller: Principal,
        index: u32,
        len: usize,
        now: u64,
    ) -> Result<ChunkAdmission> {
        let old = self.owned(id, caller)?;
        check_pending(&old)?;
        let count = old.spec.expected_chunks;
        if index >= count {
            return Err(Failure::invalid(format!(
                "chunk index is {index}, expected 0 to {}",
                count - 1
            )));
        }
        if len == 0 || len > MAX_CHUNK_BYTES {
            return Err(Failure::invalid(format!(
                "chunk {index} has {len} bytes, expected 1 to {MAX_CHUNK_BYTES}"
            )));
        }
        if self.reservations.in_flight(id, index).is_some() {
            return Err(Failure::temporary(format!("chunk {index} is in flight")));
        }
        let mut meta = old.clone();
        meta.seen(now, self.limits.ttl);
        if old.received.contains(index) {
            self.place(Some(&old), Some(&meta));
            return Ok(ChunkAdmission::Duplicate);
        }
        self.check_order(&old, index)?;
        let len = len as u32;
        self.check_len(&mut meta, index, len)?;
        let bytes = u64::from(len);
        let arrived = old.bytes_received + self.reservations.bytes_in_flight(id);
        let declared = old.spec.bytes_expected;
        if declared != 0 && arrived + bytes > declared {
            return Err(Failure::invalid(format!(
                "chunk {index} has {bytes} bytes, expected at most {} of the {declared} declared",
                declared - arrived
            )));
        }
        let scope = (declared == 0).then(|| old.spec.scope.clone());
        if let Some(scope) = &scope {
            self.check_room(&old.spec, self.scope(scope).stored_bytes, bytes)?;
        }
        self.place(Some(&old), Some(&meta));
        let chunk = self.reservations.chunk(id, index, len, scope);
        Ok(ChunkAdmission::New(chunk))
    }

    /// Checks the order. The expected index is the lowest that is neither received nor in flight.
    fn check_order(&self, meta: &SessionMeta, index: u32) -> Result<()> {
        let next = meta.received.next;
        let mut expected = next;
        while meta.received.contains(expected)
            || self.reservations.in_flight(meta.id, expected).is_some()
        {
            expected += 1;
        }
        let window = self.limits.reorder_window;
        if index > expected.saturating_add(window) {
            return Err(Failure::invalid(match window {
                0 => format!("chunk index is {index}, expected {expected}"),
                _ => format!(
                    "chunk index is {index}, expected {expected} or at most {window} beyond"
                ),
            }));
        }
        if index - next > MAX_AHEAD {
            return Err(Failure::temporary(format!(
                "chunk index is {index}, expected at most {MAX_AHEAD} beyond {next}, \
                 which is in flight"
            )));
        }
        Ok(())
    }

    /// The first reserved chunk that isn't the last fixes the length of all chunks but the last.
    /// The last chunk is not longer.
    fn check_len(&self, meta: &mut SessionMeta, index: u32, len: u32) -> Result<()> {
        let last = meta.spec.expected_chunks - 1;
        if last == 0 {
            return Ok(());
        }
        let size = meta.chunk_size;
        if index == last {
            if size != 0 && len > size {
                return Err(Failure::invalid(format!(
                    "the last chunk has {len} bytes, expected at most {size} like the others"
                )));
            }
            return Ok(());
        }
        if size != 0 && len != size {
            return Err(Failure::invalid(format!(
                "chunk {index} has {len} bytes, expected {size} like the first one"
            )));
        }
        let last_len = self
            .reservations
            .in_flight(meta.id, last)
            .unwrap_or(meta.last_len);
        if len < last_len {
            return Err(Failure::invalid(format!(
                "chunk {index} has {len} bytes, expected at least {last_len} like the last one"
            )));
        }
        meta.chunk_size = len;
        Ok(())
    }

    /// Records a written chunk. Errors: `NotFound` (the session ended during the write),
    /// `Conflict` (it is no longer pending).
    pub fn confirm_chunk(&mut self, chunk: ChunkReservation, now: u64) -> Result<SessionMeta> {
        let old = self.get(chunk.id).ok_or(Failure::NotFound)?;
        check_pending(&old)?;
        let mut meta = old.clone();
        meta.received.insert(chunk.index);
        meta.bytes_received += u64::from(chunk.len);
        meta.progressed(now);
        if chunk.index + 1 == meta.spec.expected_chunks {
            meta.last_len = chunk.len;
        }
        self.place(Some(&old), Some(&meta));
        let more = meta.pending_bytes() - old.pending_bytes();
        self.change_scope(&meta.spec.scope, |usage| usage.pending_bytes += more);
        Ok(meta)
    }

    /// The storage refused a chunk, for its length. If this chunk alone fixed the length of the
    /// others, the next one fixes it anew. Any session may have ended meanwhile.
    pub fn refuse_chunk(&mut self, chunk: ChunkReservation) {
        let (id, index) = (chunk.id, chunk.index);
        drop(chunk);
        let pending = self.get(id).filter(|meta| check_pending(meta).is_ok());
        let Some(old) = pending else { return };
        let last = old.spec.expected_chunks - 1;
        let stored = old.received.count() - u32::from(old.received.contains(last));
        if index != last && stored == 0 && !self.reservations.has_other_chunks(id, last) {
            let mut meta = old.clone();
            meta.chunk_size = 0;
            self.place(Some(&old), Some(&meta));
        }
    }
}

fn check_pending(meta: &SessionMeta) -> Result<()> {
    match meta.status {
        SessionStatus::Pending => Ok(()),
        status => Err(Failure::conflict(format!(
            "session {} is {}, expected pending to take a chunk",
            meta.id,
            status.name()
        ))),
    }
}
