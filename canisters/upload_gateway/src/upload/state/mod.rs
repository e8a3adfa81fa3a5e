//! Everything the gateway knows. The fields are private, so that only named transitions change
//! them.
//!
//! All of it is in stable memory, except what may be lost: reservations and tentative midstates,
//! which digests are asked for, and counts of events.
//!
//! A transition awaits nothing, and a trap undoes all that its message did. So no transition is
//! ever half done. Its docstring says what stable memory holds before and after.
//!
//! These rules always hold for a session. A job that it no longer needs may still be in the queue;
//! its run finds nothing to do.
//!
//! | session | upload and rolling hash | finish record | job that it needs |
//! | --- | --- | --- | --- |
//! | being opened | none | none | `ReleaseBlob` |
//! | pending | yes | none | `Digest`, if the hash has a gap |
//! | finishing | yes | without a result | `Finish` |
//! | committed | none | with its result | none |
//! | ended without a commit | none | none | `DeleteBlob`, until the store is done |

mod deletions;
mod trash;
mod uploads;

use super::events::Events;
use super::hash::{Digested, Hashes};
use super::jobs::queue::{JobId, JobQueue, Run, Task};
use super::types::{Deletion, FinishRecord, SessionId, UploadMeta};
use super::types_trash::Trashing;
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::regions::Regions;
use crate::session::service::SessionService;
use capsule_shared::gateway::GatewayArgs;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};
use std::collections::BTreeSet;

pub struct State<M: Memory> {
    config: StableCell<Config, M>,
    sessions: SessionService<M>,
    uploads: StableBTreeMap<u64, UploadMeta, M>,
    hashes: Hashes<M>,
    finishes: StableBTreeMap<u64, FinishRecord, M>,
    jobs: JobQueue<M>,
    deletions: StableBTreeMap<String, Deletion, M>,
    trashings: StableBTreeMap<String, Trashing, M>,
    /// Sessions whose digest a queued job asks for, as far as the heap knows. A second job does no
    /// harm.
    digesting: BTreeSet<SessionId>,
    events: Events,
}

/// The numbers that the metrics and the debug probe report.
pub struct Report {
    pub pending: u64,
    pub finishing: u64,
    pub committed: u64,
    /// The most active sessions that the settings allow.
    pub max_sessions: u32,
    /// Uploads that are neither committed nor ended.
    pub open_uploads: u64,
    /// Uploads whose hash a blob store makes.
    pub digests_asked: u64,
    /// Memories that are being deleted or were deleted within a day.
    pub deletions: u64,
    /// Memories on their way into the trash.
    pub trashings: u64,
    /// Jobs in the queue by kind.
    pub jobs: Vec<(&'static str, u64)>,
    pub events: Events,
}

impl<M: Memory> State<M> {
    pub fn new(regions: Regions<M>) -> Self {
        let config = StableCell::init(regions.config, Config::default());
        let limits = config.get().limits();
        State {
            config,
            sessions: SessionService::new(regions.sessions, limits),
            uploads: StableBTreeMap::init(regions.upload_meta),
            hashes: Hashes::new(regions.upload_hash),
            finishes: StableBTreeMap::init(regions.upload_finish),
            jobs: JobQueue::new(regions.jobs, regions.job_counter),
            deletions: StableBTreeMap::init(regions.deletions),
            trashings: StableBTreeMap::init(regions.trashings),
            digesting: BTreeSet::new(),
            events: Events::default(),
        }
    }

    // ---- reading ------------------------------------------------------------------------------

    pub fn config(&self) -> &Config {
        self.config.get()
    }

    pub fn sessions(&self) -> &SessionService<M> {
        &self.sessions
    }

    pub fn upload(&self, id: SessionId) -> Option<UploadMeta> {
        self.uploads.get(&id.0)
    }

    /// The upload of a session that is pending or finishing.
    pub fn expect_upload(&self, id: SessionId) -> UploadMeta {
        self.upload(id)
            .expect("BUG: an active session without its upload")
    }

    /// The finish record of a session that is finishing or committed.
    pub fn expect_finish(&self, id: SessionId) -> FinishRecord {
        self.finishes
            .get(&id.0)
            .expect("BUG: a verified session without its finish")
    }

    /// The hash of a session that has received all its `count` chunks.
    pub fn digest(&self, id: SessionId, count: u32) -> Digested {
        self.hashes.digest(id, count)
    }

    pub fn deletion(&self, memory_id: &String) -> Option<Deletion> {
        self.deletions.get(memory_id)
    }

    /// When the timer must wake next: a job is due, or the time of a session is over.
    pub fn next_due(&self) -> Option<u64> {
        let due = [self.jobs.next_due(), self.sessions.next_tick()];
        due.into_iter().flatten().min()
    }

    pub fn queued_jobs(&self) -> u64 {
        self.jobs.len()
    }

    /// Destructures the state, so that a new field doesn't compile until someone decides how to
    /// report it.
    pub fn report(&self) -> Report {
        let State {
            config,
            sessions,
            uploads,
            hashes: _,
            finishes: _,
            jobs,
            deletions,
            trashings,
            digesting,
            events,
        } = self;
        let counters = sessions.counters();
        Report {
            pending: counters.pending,
            finishing: counters.finishing,
            committed: counters.committed,
            max_sessions: config.get().public().max_sessions,
            open_uploads: uploads.len(),
            digests_asked: digesting.len() as u64,
            deletions: deletions.len(),
            trashings: trashings.len(),
            jobs: jobs.by_kind().collect(),
            events: events.clone(),
        }
    }

    // ---- settings -----------------------------------------------------------------------------

    /// Applies changes to the settings. If one of them is wrong, all settings stay as they were.
    pub fn configured(&mut self, args: GatewayArgs) -> Result<()> {
        let config = self.config.get().with(args)?;
        self.sessions.set_limits(config.limits());
        self.config.set(config);
        Ok(())
    }

    // ---- jobs and events ----------------------------------------------------------------------

    /// Starts at most `max` of the jobs that are due. Before and after, each is in the queue.
    /// After, it has another id and is due when its run must have failed.
    pub fn jobs_started(&mut self, now: u64, max: usize) -> Vec<(JobId, Task)> {
        self.jobs.start_due(now, max)
    }

    /// Enters how a run ended. The job leaves the queue if it is done, and is due now if it has
    /// more to do at once. Otherwise it stays as [`State::jobs_started`] left it.
    pub fn job_ended(&mut self, id: JobId, run: Run, now: u64) {
        self.jobs.settle(id, run, now);
    }

    /// Counts a call of `uploads_finish` that failed. Stable memory stays as it was.
    pub fn finish_failed(&mut self, failure: &Failure) {
        self.events.finish_failed(failure);
    }
}
