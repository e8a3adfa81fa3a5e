//! How a session is finished: one driver at a time, the check that all is received, and the states.

use super::reservations::FinishGuard;
use super::service::SessionService;
use super::types::{SessionId, SessionMeta, SessionStatus};
use crate::failure::{Failure, Result};
use ic_stable_structures::Memory;

impl<M: Memory> SessionService<M> {
    /// Makes the caller the only driver of the session's finish; temporary while another drives it.
    pub fn guard_finish(&self, id: SessionId) -> Result<FinishGuard> {
        self.reservations
            .finish(id)
            .ok_or_else(|| Failure::temporary(format!("a finish of session {id} is in flight")))
    }

    /// Checks that every chunk is received and that the sizes agree: `InvalidArgument`, temporary
    /// (the missing chunk is in flight).
    pub fn check_complete(&self, meta: &SessionMeta, total_len: u64) -> Result<()> {
        let count = meta.spec.expected_chunks;
        if !meta.is_complete() {
            let missing = meta.received.next;
            if self.reservations.in_flight(meta.id, missing).is_some() {
                return Err(Failure::temporary(format!("chunk {missing} is in flight")));
            }
            return Err(Failure::invalid(format!(
                "chunk {missing} is missing: {} of {count} chunks are received, expected all",
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

    /// Finishing -> Pending, after a definite refusal that the owner can mend. The session has its
    /// whole time again: the peers may have kept it finishing for long.
    pub fn reopen(&mut self, id: SessionId, now: u64) {
        self.change(id, SessionStatus::Finishing, SessionStatus::Pending, now);
        let old = self.expect(id);
        let mut meta = old.clone();
        meta.progressed(now);
        self.place(Some(&old), Some(&meta));
    }

    /// Finishing -> Committed.
    pub fn commit(&mut self, id: SessionId, now: u64) -> SessionMeta {
        let status = SessionStatus::Committed { completed_at: now };
        let meta = self.change(id, SessionStatus::Finishing, status, now);
        let bytes = meta.bytes_received;
        // Only scopes with active sessions cache this figure; otherwise the next begin asks for it.
        self.reservations.committed(&meta.spec.scope, bytes);
        self.change_scope(&meta.spec.scope, |usage| {
            usage.stored_bytes = usage.stored_bytes.saturating_add(bytes);
        });
        meta
    }

    /// Takes deleted bytes from the committed bytes of the scope.
    pub fn free_stored(&mut self, scope: &str, bytes: u64) {
        self.change_scope(scope, |usage| {
            usage.stored_bytes = usage.stored_bytes.saturating_sub(bytes);
        });
    }
}
