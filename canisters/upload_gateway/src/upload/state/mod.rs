//! Everything the gateway knows. The fields are private, so that only named transitions change
//! them.
//!
//! All of it is in stable memory, except what may be lost: reservations, tentative midstates, the
//! time of questions, promises that may be taken back, and counts of events.
//!
//! A transition awaits nothing, and a trap undoes all that its message did. So no transition is
//! ever half done. Its docstring says what stable memory holds before and after.
//!
//! These rules always hold for a session. A job that it no longer needs leaves the queue with the
//! need. One of release 0.1.0 may still be there; it finds nothing to do.
//!
//! | session | upload and rolling hash | finish record | job that it needs |
//! | --- | --- | --- | --- |
//! | being opened | none | none | `ReleaseBlob` |
//! | pending | yes | none | `Digest`, if the hash has a gap |
//! | finishing | yes | without a result | `Finish` |
//! | committed | none | with its result | none |
//! | ended without a commit | none | none | `DeleteBlob`, until the store is done |

mod deletions;
mod jobs;
mod leaving;
pub mod moves;
mod settings;
mod stores;
mod strangers;
mod trash;
pub mod uploads;

use super::due::PurgeQuestions;
use super::events::Events;
use super::flows::{Budget, Flows};
use super::hash::{Digested, Hashes};
use super::jobs::queue::JobQueue;
use super::moves::Moves;
use super::people::{People, PeopleCounts};
use super::registry::{Promise, Registry};
use super::types::{Deletion, FinishRecord, SessionId, Trashing, UploadMeta};
use crate::config::Config;
use crate::failure::Failure;
use crate::regions::Regions;
use crate::session::service::SessionService;
use capsule_shared::stores::StoreEntry;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};
use std::collections::BTreeMap;

pub struct State<M: Memory> {
    config: StableCell<Config, M>,
    sessions: SessionService<M>,
    uploads: StableBTreeMap<u64, UploadMeta, M>,
    hashes: Hashes<M>,
    finishes: StableBTreeMap<u64, FinishRecord, M>,
    jobs: JobQueue<M>,
    deletions: StableBTreeMap<String, Deletion, M>,
    people: People<M>,
    flows: Flows<M>,
    trashings: StableBTreeMap<String, Trashing, M>,
    registry: Registry<M>,
    moves: Moves<M>,
    purges_asked: PurgeQuestions,
    /// The promises to stores for sessions that aren't committed. A start forgets them.
    promises: BTreeMap<u64, Promise>,
    events: Events,
}

/// The numbers that the metrics and the debug probe report.
pub struct Report {
    pub pending: u64,
    pub finishing: u64,
    pub committed: u64,
    /// Active sessions of strangers, and the most that they may have.
    pub strangers: u64,
    pub max_strangers: u32,
    /// The most active sessions that the settings allow.
    pub max_sessions: u32,
    /// Settings whose stored value is out of range.
    pub out_of_range: u64,
    /// Uploads that are neither committed nor ended.
    pub open_uploads: u64,
    /// Memories that are being deleted or were deleted within a day.
    pub deletions: u64,
    /// Memories on their way into the trash.
    pub trashings: u64,
    pub people: PeopleCounts,
    pub stores: Vec<StoreEntry>,
    /// Blobs that moved from store to store, or are being moved.
    pub moves: u64,
    /// Bytes of each common budget that are used.
    pub used_bytes: Vec<(&'static str, u64)>,
    /// Budgets that aren't empty, or weren't lately.
    pub budgets: u64,
    /// Jobs in the queue.
    pub jobs: u64,
    /// The same by kind. `None` while a queue of release 0.1.0 isn't counted.
    pub jobs_by_kind: Option<Vec<(&'static str, u64)>>,
    pub events: Events,
}

impl<M: Memory> State<M> {
    pub fn new(regions: Regions<M>, now: u64) -> Self {
        let config = StableCell::init(regions.config, Config::default());
        let limits = config.get().limits();
        let mut state = State {
            config,
            sessions: SessionService::new(regions.sessions, limits),
            uploads: StableBTreeMap::init(regions.upload_meta),
            hashes: Hashes::new(regions.upload_hash),
            finishes: StableBTreeMap::init(regions.upload_finish),
            jobs: JobQueue::new(regions.jobs, regions.job_counter, regions.job_counts),
            deletions: StableBTreeMap::init(regions.deletions),
            people: People::new(regions.people, regions.people_counts),
            flows: Flows::new(regions.flows),
            trashings: StableBTreeMap::init(regions.trashings),
            registry: Registry::new(regions.stores, now),
            moves: Moves::new(regions.moves, now),
            purges_asked: PurgeQuestions::new(now),
            promises: BTreeMap::new(),
            events: Events::default(),
        };
        state.seed_people();
        state.list_taken_over(now);
        state
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

    /// When the timer must wake next: a job is due, a store or the index is to be asked, or the
    /// time of a session is over. 0 while it catches up on what release 0.1.0 left.
    pub fn next_due(&self) -> Option<u64> {
        let caught_up = self.jobs.is_counted() && self.sessions.is_indexed();
        let uncounted = (!caught_up).then_some(0);
        let due = [
            uncounted,
            self.jobs.next_due(),
            self.sessions.next_tick(),
            self.registry.next_question(),
            self.purges_asked.next(),
            self.next_search(),
        ];
        due.into_iter().flatten().min()
    }

    /// Whether the time of a session is over.
    pub fn has_overdue_sessions(&self, now: u64) -> bool {
        self.sessions.next_tick().is_some_and(|due| due <= now)
    }

    pub fn queued_jobs(&self) -> u64 {
        self.jobs.len()
    }

    /// Destructures the state, so that a new field doesn't compile until someone decides how to
    /// report it.
    pub fn report(&self, now: u64) -> Report {
        let State {
            config,
            sessions,
            uploads,
            hashes: _,
            finishes: _,
            jobs,
            deletions,
            people,
            flows,
            trashings,
            registry,
            moves,
            purges_asked: _,
            promises: _,
            events,
        } = self;
        let counters = sessions.counters();
        Report {
            pending: counters.pending,
            finishing: counters.finishing,
            committed: counters.committed,
            strangers: counters.strangers(),
            max_strangers: sessions.strangers_share(),
            max_sessions: config.get().public().max_sessions,
            out_of_range: config.get().out_of_range().len() as u64,
            open_uploads: uploads.len(),
            deletions: deletions.len(),
            trashings: trashings.len(),
            people: people.counts(),
            stores: registry.entries(),
            moves: moves.len(),
            used_bytes: [Budget::Strangers, Budget::Gateway]
                .map(|budget| {
                    let used = flows.used(budget, config.get().public(), now);
                    (budget.name(), used)
                })
                .to_vec(),
            budgets: flows.len(),
            jobs: jobs.len(),
            jobs_by_kind: jobs.by_kind(),
            events: events.clone(),
        }
    }

    // ---- events -------------------------------------------------------------------------------

    /// Counts a call of `uploads_finish` that failed. Stable memory stays as it was.
    pub fn finish_failed(&mut self, failure: &Failure) {
        self.events.finish_failed(failure);
    }
}
