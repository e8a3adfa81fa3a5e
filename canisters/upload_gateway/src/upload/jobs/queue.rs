//! The durable queue of work that no caller waits for: deleting blobs and memories, driving
//! finishes to their end, having the store hash. A job stays in the queue until it is done.
//!
//! No method reads more than a look-up does, except those with a bound of their own.

use super::counts::{Counts, KINDS};
pub use crate::upload::types::JobId;
use candid::{CandidType, Principal};
use capsule_shared::BlobKey;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};
use serde::{Deserialize, Serialize};

const SECOND_NS: u64 = 1_000_000_000;
const DAY_NS: u64 = 24 * 3_600 * SECOND_NS;

/// The longest a run of a job may take: its calls and their deadlines.
const RUN_TIME_NS: u64 = 300 * SECOND_NS;

const FIRST_RETRY_NS: u64 = 5 * SECOND_NS;
const LAST_RETRY_NS: u64 = 600 * SECOND_NS;

/// A job with so many attempts failed for most of a day. It waits for an operator and runs daily.
const MANY_ATTEMPTS: u32 = 100;

/// How long after its checks the timer carries on a finish or a deletion whose caller doesn't.
pub const CALLER_PAUSE_NS: u64 = 60 * SECOND_NS;

/// When the timer cleans up after a call whose answer may be lost. This is well after the call's
/// deadline, so that the callee doesn't act any more.
pub const LOST_CALL_NS: u64 = 600 * SECOND_NS;

/// How long chunks gather before the store is asked to hash them.
pub const GATHER_NS: u64 = SECOND_NS;

/// How long a repeated deletion still succeeds after the first one is done.
pub const FORGET_NS: u64 = DAY_NS;

/// The work of a job. Every task may run repeatedly.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Delete what a store holds under the key.
    DeleteBlob { store: Principal, key: BlobKey },
    /// Undo the opening of a blob that got no session. It never deletes bytes.
    ReleaseBlob { store: Principal, key: BlobKey },
    /// Carry on a session that is finishing.
    Finish { session: u64 },
    /// Have the store hash the blob of a session whose rolling hash has a gap.
    Digest { session: u64 },
    /// Delete a memory from the index, then its blob.
    DeleteMemory { memory: String },
    /// Forget that a memory was deleted here.
    ForgetDeletion { memory: String },
    /// Put a memory into the trash.
    TrashMemory { memory: String },
    /// Delete a memory whose time in the trash is over, then its blob.
    PurgeMemory(Purge),
    /// End the pending sessions of a principal that lost its right in a capsule.
    EndSessions(Leaver),
    /// Bring a blob to a store, or delete what is left there, as the record of the move says.
    MoveBlob { store: Principal, key: BlobKey },
}

/// A memory in the trash, and when it goes.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    pub memory: String,
    /// The index that has the memory.
    pub index: Principal,
    pub store: Principal,
    pub key: BlobKey,
    /// Nanoseconds since 1970. It tells this stay in the trash from a later one.
    pub purge_at: u64,
}

/// A principal that lost its right in a capsule, and which of its sessions there end.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Leaver {
    pub who: Principal,
    pub capsule: String,
    /// The index that has the capsule.
    pub index: Principal,
    /// Sessions from this id on began later, so they stay.
    pub before: u64,
    /// The time of progress and the id of the last session that was looked at.
    pub after: Option<(u64, u64)>,
}

impl Task {
    /// The position of its kind in [`LABELS`].
    fn kind(&self) -> usize {
        match self {
            Task::DeleteBlob { .. } => 0,
            Task::ReleaseBlob { .. } => 1,
            Task::Finish { .. } => 2,
            Task::Digest { .. } => 3,
            Task::DeleteMemory { .. } => 4,
            Task::ForgetDeletion { .. } => 5,
            Task::TrashMemory { .. } => 6,
            Task::PurgeMemory { .. } => 7,
            Task::EndSessions { .. } => 8,
            Task::MoveBlob { .. } => 9,
        }
    }
}

/// The kinds as labels of a metric.
const LABELS: [&str; KINDS] = [
    "delete_blob",
    "release_blob",
    "finish",
    "digest",
    "delete_memory",
    "forget_deletion",
    "trash_memory",
    "purge_memory",
    "end_sessions",
    "move_blob",
];

#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub task: Task,
    /// How often it was started.
    pub attempts: u32,
}

canister_common::candid_record!(Job, version = 1);

/// How a run of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// The job leaves the queue.
    Done,
    /// It runs again at once.
    Again,
    /// It runs again in a second.
    Soon,
    /// It runs again after the pause that it got when it started.
    Later,
}

/// A job that is due.
pub struct Due {
    pub id: JobId,
    pub job: Job,
}

/// The need of a job's run, before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: there is nothing left to run.
    Nothing,
    /// Instructions of this turn: it makes no call.
    Instructions,
    /// A call to this blob store.
    Store(Principal),
    /// A call to this memory index; `None` to the one that is configured.
    Index(Option<Principal>),
}

/// How many jobs of release 0.1.0 the start of the canister counts. The timer counts the others.
pub const COUNTED_AT_START: usize = 1_000;

/// ```text
/// jobs    : (due in ns, sequence number) -> Job
/// counter : the next sequence number
/// counts  : how many jobs there are of each kind
/// ```
pub struct JobQueue<M: Memory> {
    jobs: StableBTreeMap<JobId, Job, M>,
    counter: StableCell<u64, M>,
    counts: StableCell<Counts, M>,
}

impl<M: Memory> JobQueue<M> {
    pub fn new(jobs: M, counter: M, counts: M) -> Self {
        let jobs = StableBTreeMap::<JobId, Job, M>::init(jobs);
        let first = match jobs.is_empty() {
            true => Counts::EMPTY,
            false => Counts::UNKNOWN,
        };
        let mut queue = JobQueue {
            jobs,
            counter: StableCell::init(counter, 0),
            counts: StableCell::init(counts, first),
        };
        if *queue.counts.get() == Counts::UNKNOWN {
            queue.count(COUNTED_AT_START);
        }
        queue
    }

    // ---- jobs that come and go ----------------------------------------------------------------

    pub fn push(&mut self, due: u64, task: Task) -> JobId {
        let number = *self.counter.get();
        self.counter.set(number + 1);
        let id = (due, number);
        self.insert(id, Job { task, attempts: 0 });
        id
    }

    /// Returns whether the job was still there under this id. A job that was started has another.
    pub fn remove(&mut self, id: JobId) -> bool {
        self.take(id).is_some()
    }

    fn insert(&mut self, id: JobId, job: Job) {
        self.recount(id, |count| count + 1, &job);
        self.jobs.insert(id, job);
    }

    fn take(&mut self, id: JobId) -> Option<Job> {
        let job = self.jobs.remove(&id)?;
        self.recount(id, |count| count.saturating_sub(1), &job);
        Some(job)
    }

    fn recount(&mut self, id: JobId, change: impl FnOnce(u64) -> u64, job: &Job) {
        let mut counts = *self.counts.get();
        if counts.cover(id) {
            let count = &mut counts.by_kind[job.task.kind()];
            *count = change(*count);
            self.counts.set(counts);
        }
    }

    /// Gives a job another time and number of attempts. `None` if it is gone.
    fn moved(&mut self, id: JobId, due: u64, attempts: impl FnOnce(u32) -> u32) -> Option<Due> {
        let mut job = self.take(id)?;
        job.attempts = attempts(job.attempts);
        let id = (due, id.1);
        self.insert(id, job.clone());
        Some(Due { id, job })
    }

    // ---- runs ---------------------------------------------------------------------------------

    /// The first job, if it is due.
    pub fn first_due(&self, now: u64) -> Option<Due> {
        let (id, job) = self.jobs.first_key_value()?;
        (id.0 <= now).then_some(Due { id, job })
    }

    /// Starts a job, and returns its new id.
    ///
    /// It stays in the queue and is due again after a pause that grows with its attempts. So a job
    /// whose run is cut off runs again.
    pub fn start(&mut self, due: Due, now: u64) -> JobId {
        let pause = match due.job.attempts {
            MANY_ATTEMPTS.. => DAY_NS,
            few => (FIRST_RETRY_NS << few.min(10)).min(LAST_RETRY_NS),
        };
        // The pause starts when the run must have ended.
        let again = now + RUN_TIME_NS + pause;
        let moved = self.moved(due.id, again, |attempts| attempts.saturating_add(1));
        moved.expect("BUG: a job that is due is in the queue").id
    }

    /// Lets a job wait for a second without a run, behind all that are due. Returns its new id.
    pub fn postpone(&mut self, due: Due, now: u64) -> JobId {
        let moved = self.moved(due.id, now + SECOND_NS, |attempts| attempts);
        moved.expect("BUG: a job that is due is in the queue").id
    }

    /// Enters how the run of a started job ended. A job that runs again soon is as if it had never
    /// been started: returns it with its new id.
    pub fn settle(&mut self, id: JobId, run: Run, now: u64) -> Option<(JobId, Task)> {
        let due = match run {
            Run::Done => {
                self.remove(id);
                return None;
            }
            Run::Later => return None,
            Run::Again => now,
            Run::Soon => now + SECOND_NS,
        };
        let moved = self.moved(id, due, |_| 0)?;
        Some((moved.id, moved.job.task))
    }

    /// When the next job is due.
    pub fn next_due(&self) -> Option<u64> {
        Some(self.jobs.first_key_value()?.0.0)
    }

    // ---- counts -------------------------------------------------------------------------------

    /// How many jobs there are of each kind. `None` while a queue of release 0.1.0 isn't counted.
    pub fn by_kind(&self) -> Option<Vec<(&'static str, u64)>> {
        let counts = self.counts.get().by_kind;
        self.is_counted()
            .then(|| LABELS.into_iter().zip(counts).collect())
    }

    /// Whether all jobs are counted.
    pub fn is_counted(&self) -> bool {
        self.counts.get().counted_to.is_none()
    }

    pub fn len(&self) -> u64 {
        self.jobs.len()
    }

    /// Counts at most `max` jobs of a queue of release 0.1.0. Returns whether more are uncounted.
    pub fn count(&mut self, max: usize) -> bool {
        let mut counts = *self.counts.get();
        let Some(from) = counts.counted_to else {
            return false;
        };
        let mut rest = self.jobs.range(from..);
        for entry in rest.by_ref().take(max) {
            counts.by_kind[entry.value().task.kind()] += 1;
        }
        counts.counted_to = rest.next().map(|entry| *entry.key());
        self.counts.set(counts);
        counts.counted_to.is_some()
    }
}
