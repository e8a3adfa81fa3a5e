//! Purges for which the gateway has no job. The index names the memories: they were taken down, or
//! another gateway put them into the trash and handed them over.

use super::due::EVERY_NS;
use super::jobs::queue::Purge;
use super::service::UploadService;
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::operators::MemoryDue;
use ic_stable_structures::Memory as StableMemory;

/// A memory that this gateway trashed has a job of its own. It gets another one only if it is still
/// there so long after its time: perhaps it was taken down.
const OWN_NS: u64 = EVERY_NS;

impl<M: StableMemory + 'static, R: Runtime> UploadService<M, R> {
    /// Asks the index for a page of the memories that are due, if it is time, and pushes a job for
    /// each.
    pub(super) async fn ask_for_purges(&self) {
        if !self.peers.have_room_for_jobs() {
            return;
        }
        let now = self.runtime.now();
        let Some((_asking, after)) = self.with(|state| state.purges_asked().begin(now)) else {
            return;
        };
        let Ok(index) = self.index() else {
            return;
        };
        // The index may be another one than that of the last page.
        let after = after.filter(|(of, _)| *of == index).map(|(_, after)| after);
        // An index of release 0.1.0 lacks the method, and knows no such memories.
        let Ok(page) = self.peers.memories_due(index, after).await else {
            return;
        };
        let (now, own) = (self.runtime.now(), self.runtime.self_id());
        let lacking = page.memories.into_iter().filter(|due| {
            let has_job = due.gateway == own && now < due.purge_at.saturating_add(OWN_NS);
            !has_job
        });
        self.with(|state| {
            for due in lacking {
                state.purge_found(purge_of(due, index), now);
            }
            let after = page.next.map(|after| (index, after));
            state.purges_asked().goes_on(after, now);
        });
    }
}

fn purge_of(due: MemoryDue, index: Principal) -> Purge {
    Purge {
        memory: due.memory_id,
        index,
        store: due.place.store,
        key: due.place.key,
        purge_at: due.purge_at,
    }
}
