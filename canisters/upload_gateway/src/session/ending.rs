//! How a session ends without a commit and before its time.

use super::service::SessionService;
use super::types::{SessionId, SessionMeta, SessionStatus};
use crate::failure::{Failure, Result};
use candid::Principal;
use ic_stable_structures::Memory;

impl<M: Memory> SessionService<M> {
    /// Ends a pending session when its owner asks. `None` if the id is unknown: it is gone already.
    ///
    /// Errors: `Unauthorized`, `Conflict` (not pending).
    pub fn abort(&mut self, id: SessionId, caller: Principal) -> Result<Option<SessionMeta>> {
        let meta = match self.owned(id, caller) {
            Err(Failure::NotFound) => return Ok(None),
            other => other?,
        };
        match meta.status {
            SessionStatus::Pending => Ok(Some(self.remove(meta, SessionStatus::Aborted))),
            status => Err(Failure::conflict(format!(
                "session {id} is {}, expected pending to abort it",
                status.name()
            ))),
        }
    }

    /// Ends a session in any state.
    pub fn end(&mut self, id: SessionId) -> Option<SessionMeta> {
        let meta = self.get(id)?;
        Some(self.remove(meta, SessionStatus::Aborted))
    }
}
