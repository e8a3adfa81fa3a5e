//! Ending the uploads of a principal that lost its right in a capsule.
//!
//! A few end in the call that takes the right. A job in stable memory ends the others, slice by
//! slice. If the answer of the index is lost, a repeated call ends them.

use super::jobs::queue::Leaver;
use super::service::UploadService;
use crate::runtime::Runtime;
use candid::Principal;
use ic_stable_structures::Memory;

/// Sessions that are looked at between two looks at the instructions.
const BATCH: usize = 20;

/// The instructions of a message after which a job does the rest: room for 200 sessions.
const END_INSTRUCTIONS: u64 = 750_000_000;

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// The index says that `who` has no right in a capsule: ends its pending sessions there.
    /// Sessions that begin after this call stay, because somebody may give the right again.
    pub(super) fn right_lost(&self, who: Principal, capsule_id: &str, index: Principal) {
        let leaver = self.with(|state| state.right_lost(who, capsule_id, index));
        self.end_sessions_of(leaver, END_INSTRUCTIONS);
        self.schedule();
    }

    /// Ends sessions of a leaver until the message has used so many instructions. A job does the
    /// rest.
    pub(super) fn end_sessions_of(&self, leaver: Leaver, instructions: u64) {
        let now = self.runtime.now();
        let mut rest = Some(leaver);
        while let Some(leaver) = rest.take() {
            if self.runtime.instructions() >= instructions {
                return self.with(|state| state.leaver_noted(leaver, now));
            }
            let (ended, left) = self.with(|state| state.leaver_ended(leaver, now, BATCH));
            self.log_expired(&ended);
            rest = left;
        }
    }
}
