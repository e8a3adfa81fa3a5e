//! The durable queue of work that no caller waits for: deleting blobs and memories, driving
//! finishes to their end, having the store hash. A job stays in the queue until it is done.

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

/// When the timer cleans up after a begin that ended between the store's answer and ours. This is
/// well after the deadline of the begin's call.
pub const OPEN_GRACE_NS: u64 = 600 * SECOND_NS;

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

impl Task {
    /// The position of its kind in [`KINDS`].
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
        }
    }
}

/// The kinds as labels of a metric.
const KINDS: [&str; 8] = [
    "delete_blob",
    "release_blob",
    "finish",
    "digest",
    "delete_memory",
    "forget_deletion",
    "trash_memory",
    "purge_memory",
];

#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub task: Task,
    /// How often it was started.
    pub attempts: u32,
}

canister_common::candid_record!(Job, version = 1);

/// (due, sequence number)
pub type JobId = (u64, u64);

/// How a run of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// The job leaves the queue.
    Done,
    /// It runs again at once.
    Again,
    /// It runs again after the pause that it got when it started.
    Later,
}

/// ```text
/// jobs    : (due in ns, sequence number) -> Job
/// counter : the next sequence number
/// ```
pub struct JobQueue<M: Memory> {
    jobs: StableBTreeMap<JobId, Job, M>,
    counter: StableCell<u64, M>,
    /// How many jobs there are of each kind, counted at each start of the canister.
    by_kind: [u64; KINDS.len()],
}

impl<M: Memory> JobQueue<M> {
    pub fn new(jobs: M, counter: M) -> Self {
        let jobs = StableBTreeMap::<JobId, Job, M>::init(jobs);
        let mut by_kind = [0; KINDS.len()];
        for entry in jobs.iter() {
            by_kind[entry.value().task.kind()] += 1;
        }
        JobQueue {
            jobs,
            counter: StableCell::init(counter, 0),
            by_kind,
        }
    }

    pub fn push(&mut self, due: u64, task: Task) -> JobId {
        let number = *self.counter.get();
        self.counter.set(number + 1);
        let id = (due, number);
        self.by_kind[task.kind()] += 1;
        self.jobs.insert(id, Job { task, attempts: 0 });
        id
    }

    /// Returns whether the job was still there under this id. A job that was started has another.
    pub fn remove(&mut self, id: JobId) -> bool {
        let job = self.jobs.remove(&id);
        if let Some(job) = &job {
            self.by_kind[job.task.kind()] -= 1;
        }
        job.is_some()
    }

    /// Starts at most `max` of the jobs that are due.
    ///
    /// Each stays in the queue and is due again after a pause that grows with its attempts. So a
    /// job whose run is cut off runs again.
    pub fn start_due(&mut self, now: u64, max: usize) -> Vec<(JobId, Task)> {
        let due: Vec<_> = self
            .jobs
            .range(..=(now, u64::MAX))
            .take(max)
            .map(|entry| entry.into_pair())
            .collect();
        due.into_iter()
            .map(|(id, mut job)| {
                self.jobs.remove(&id);
                let pause = match job.attempts {
                    MANY_ATTEMPTS.. => DAY_NS,
                    few => (FIRST_RETRY_NS << few.min(10)).min(LAST_RETRY_NS),
                };
                // The pause starts when the run must have ended.
                let id = (now + RUN_TIME_NS + pause, id.1);
                job.attempts = job.attempts.saturating_add(1);
                let task = job.task.clone();
                self.jobs.insert(id, job);
                (id, task)
            })
            .collect()
    }

    /// Enters how the run of a started job ended.
    pub fn settle(&mut self, id: JobId, run: Run, now: u64) {
        match run {
            Run::Done => {
                self.remove(id);
            }
            Run::Again => self.restart(id, now),
            Run::Later => {}
        }
    }

    /// Makes a job due now, as if it had never been started.
    fn restart(&mut self, id: JobId, now: u64) {
        if let Some(job) = self.jobs.remove(&id) {
            let fresh = Job { attempts: 0, ..job };
            self.jobs.insert((now, id.1), fresh);
        }
    }

    /// When the next job is due.
    pub fn next_due(&self) -> Option<u64> {
        Some(self.jobs.first_key_value()?.0.0)
    }

    /// How many jobs there are of each kind.
    pub fn by_kind(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.into_iter().zip(self.by_kind)
    }

    pub fn len(&self) -> u64 {
        self.jobs.len()
    }
}
