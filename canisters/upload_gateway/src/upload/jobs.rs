//! The durable queue of work that no caller waits for: deleting blobs and memories, carrying finishes to their end,
//! having the store hash. A job stays in the queue until it is done.

use candid::{CandidType, Principal};
use capsule_shared::BlobKey;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};
use serde::{Deserialize, Serialize};

const SECOND_NS: u64 = 1_000_000_000;
const FIRST_RETRY_NS: u64 = 5 * SECOND_NS;
const LAST_RETRY_NS: u64 = 600 * SECOND_NS;
/// What failed so often, for most of a day, waits for an operator: it is tried once a day.
const MANY_ATTEMPTS: u32 = 100;
const DAILY_NS: u64 = 24 * 3_600 * SECOND_NS;

/// Every task may be run again.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Delete what a store holds under the key.
    DeleteBlob { store: Principal, key: BlobKey },
    /// Undo the opening of a blob that no session came to have; it never deletes bytes.
    ReleaseBlob { store: Principal, key: BlobKey },
    /// Carry on a session that is finishing.
    Finish { session: u64 },
    /// Have the store hash the blob of a session whose rolling hash can't be followed.
    Digest { session: u64 },
    /// Delete a memory from the index, then its blob.
    DeleteMemory { memory: String },
    /// Forget that a memory was deleted here.
    ForgetDeletion { memory: String },
}

impl Task {
    /// Its kind as a label, in the order of [`KINDS`].
    fn kind(&self) -> usize {
        match self {
            Task::DeleteBlob { .. } => 0,
            Task::ReleaseBlob { .. } => 1,
            Task::Finish { .. } => 2,
            Task::Digest { .. } => 3,
            Task::DeleteMemory { .. } => 4,
            Task::ForgetDeletion { .. } => 5,
        }
    }
}

const KINDS: [&str; 6] = [
    "delete_blob",
    "release_blob",
    "finish",
    "digest",
    "delete_memory",
    "forget_deletion",
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

/// ```text
/// jobs    : (due in ns, sequence number) -> Job
/// counter : the next sequence number
/// ```
pub struct JobQueue<M: Memory> {
    jobs: StableBTreeMap<JobId, Job, M>,
    counter: StableCell<u64, M>,
    /// How many there are of each kind; made anew at each start.
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

    /// Whether it was still there under this id: a job that was started has another.
    pub fn remove(&mut self, id: JobId) -> bool {
        let job = self.jobs.remove(&id);
        if let Some(job) = &job {
            self.by_kind[job.task.kind()] -= 1;
        }
        job.is_some()
    }

    /// Makes a job due at another time, as if it had never been started.
    pub fn move_to(&mut self, id: JobId, due: u64) {
        if let Some(job) = self.jobs.remove(&id) {
            let fresh = Job { attempts: 0, ..job };
            self.jobs.insert((due, id.1), fresh);
        }
    }

    /// Starts the jobs that are due, at most `max`. Each stays in the queue and is due again after a pause that grows
    /// with its attempts, so that one whose run breaks off is tried again.
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
                    MANY_ATTEMPTS.. => DAILY_NS,
                    few => (FIRST_RETRY_NS << few.min(10)).min(LAST_RETRY_NS),
                };
                // A run may take as long as its call's deadline; the pause counts from there.
                let id = (now + super::work::RUN_TIME_NS + pause, id.1);
                job.attempts = job.attempts.saturating_add(1);
                let task = job.task.clone();
                self.jobs.insert(id, job);
                (id, task)
            })
            .collect()
    }

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
