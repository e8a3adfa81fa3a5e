//! The job queue: what it costs to open, its counts, and how fast the timer works it off.

use super::world::*;
use crate::regions::Regions;
use crate::upload::jobs::counts::Counts;
use crate::upload::jobs::queue::{COUNTED_AT_START, Job, JobQueue, Run, Task};
use canister_common::codec::{decode, encode};
use canister_common::counted::Counted;
use canister_common::golden::{assert_hex, assert_readable};
use capsule_shared::BlobKey;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell, VectorMemory};
use std::future::Future;
use std::pin::Pin;

fn task(n: u64) -> Task {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&n.to_be_bytes());
    match n % 2 {
        0 => Task::DeleteBlob {
            store: id(STORE),
            key: BlobKey(key),
        },
        _ => Task::Finish { session: n },
    }
}

/// The regions of a queue.
#[derive(Clone, Default)]
struct Memories<M: Memory>([M; 3]);

impl<M: Memory + Clone> Memories<M> {
    fn open(&self) -> JobQueue<M> {
        let [jobs, counter, counts] = self.0.clone();
        JobQueue::new(jobs, counter, counts)
    }

    /// Puts jobs into the queue as release 0.1.0 did, which counted none.
    fn fill_uncounted(&self, count: u64) {
        let mut jobs = StableBTreeMap::init(self.0[0].clone());
        for n in 0..count {
            let job = Job {
                task: task(n),
                attempts: 0,
            };
            jobs.insert((n, n), job);
        }
        StableCell::init(self.0[1].clone(), count);
    }
}

fn kinds<M: Memory>(queue: &JobQueue<M>) -> Option<[u64; 2]> {
    let kinds = queue.by_kind()?;
    let of = |name| kinds.iter().find(|(kind, _)| *kind == name).unwrap().1;
    Some([of("delete_blob"), of("finish")])
}

#[test]
fn the_counts_keep_their_layout() {
    let mut counts = Counts {
        by_kind: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        counted_to: None,
    };
    let eight = "0100000000000000 0200000000000000 0300000000000000 0400000000000000
        0500000000000000 0600000000000000 0700000000000000 0800000000000000";
    let nine = format!("{eight} 0900000000000000");
    let golden = format!("03 {nine} 0a00000000000000");
    let zeros = "0000000000000000 0000000000000000";
    assert_hex(&encode(&counts), &format!("{golden} 01 {zeros}"));
    assert_eq!(decode::<Counts>(&encode(&counts)), counts);
    counts.counted_to = Some((7, 8));
    let to = "0700000000000000 0800000000000000";
    assert_hex(&encode(&counts), &format!("{golden} 00 {to}"));
    assert_eq!(decode::<Counts>(&encode(&counts)), counts);
    counts.by_kind[9] = 0;
    assert_readable(&format!("02 {nine} 00 {to}"), &counts);
    counts.by_kind[8] = 0;
    let version_1 = format!("01 {eight} 00 {to}");
    assert_readable(&version_1, &counts);
}

/// An upgrade reads as much, however many jobs there are: the counts are stored.
#[test]
fn opening_a_queue_reads_as_much_with_many_jobs_as_with_few() {
    let [few, many] = [10, 100_000].map(|count| {
        let memories = Memories::<Counted>::default();
        let mut queue = memories.open();
        for n in 0..count {
            queue.push(n, task(n));
        }
        drop(queue);
        let read = || memories.0.iter().map(Counted::bytes_read).sum::<u64>();
        let before = read();
        let queue = memories.open();
        let after = read();
        assert_eq!(kinds(&queue), Some([count / 2; 2]));
        after - before
    });
    assert_eq!(few, many, "bytes with 10 jobs and with 100,000");
}

#[test]
fn a_long_queue_of_release_0_1_0_is_counted_in_slices_while_it_changes() {
    let memories = Memories::<VectorMemory>::default();
    memories.fill_uncounted(3_000);
    let mut queue = memories.open();
    assert_eq!(kinds(&queue), None);
    // Before and behind the jobs that the start has counted: 999 and 1,000.
    assert_eq!(COUNTED_AT_START, 1_000);
    for n in [0, 1, 999, 1_000, 2_998] {
        assert!(queue.remove((n, n)));
    }
    queue.push(5, task(0));
    queue.push(2_000, task(0));
    let due = queue.first_due(3_000).unwrap();
    queue.start(due, 3_000);
    assert!(queue.count(700));
    // An upgrade goes on where the last one was.
    let mut queue = memories.open();
    assert_eq!(kinds(&queue), None);
    while queue.count(700) {}
    assert_eq!(kinds(&queue), Some([1_500 - 3 + 2, 1_500 - 2]));
    assert_eq!(queue.len(), 3_000 - 5 + 2);
    assert!(!queue.count(700));
}

#[test]
fn a_short_queue_of_release_0_1_0_is_counted_at_the_start() {
    let memories = Memories::<VectorMemory>::default();
    memories.fill_uncounted(COUNTED_AT_START as u64);
    assert_eq!(kinds(&memories.open()), Some([500, 500]));
}

#[test]
fn the_counts_follow_every_change() {
    let memories = Memories::<VectorMemory>::default();
    let mut queue = memories.open();
    let first = queue.push(1, task(0));
    queue.push(2, task(1));
    assert_eq!(kinds(&queue), Some([1, 1]));
    let due = queue.first_due(1).unwrap();
    let started = queue.start(due, 1);
    assert!(!queue.remove(first));
    let (again, _) = queue.settle(started, Run::Again, 9).unwrap();
    assert_eq!(again, (9, first.1));
    let (soon, _) = queue.settle(again, Run::Soon, 9).unwrap();
    assert_eq!(soon, (9 + SECOND, first.1));
    assert_eq!(kinds(&queue), Some([1, 1]));
    queue.settle(soon, Run::Done, 9);
    assert_eq!(kinds(&queue), Some([0, 1]));
    assert_eq!(kinds(&memories.open()), Some([0, 1]));
}

// ---- the worker ---------------------------------------------------------------------------------

/// Aborted uploads, whose blobs are to be deleted now.
fn aborted(service: &Service, count: usize) {
    for n in 0..count {
        let session = begin(service, &format!("key {n}"), 1).unwrap();
        service.abort(id(OWNER), session).unwrap();
    }
}

fn queued(service: &Service) -> u64 {
    service.with(|state| state.queued_jobs())
}

#[test]
fn a_finished_upload_leaves_no_job() {
    let (world, service) = World::new();
    for n in 0..200 {
        let key = format!("key {n}");
        let session = begin(&service, &key, 2).unwrap();
        // Every second one has a gap, so that a job has the store hash it.
        let order = if n % 2 == 0 { [0, 1] } else { [1, 0] };
        for index in order {
            put(
                &service,
                session,
                index,
                [&b"first"[..], b"last"][index as usize],
            )
            .unwrap();
        }
        while let Err(error) = finish(&service, session, FILE) {
            assert!(error.is_temporary(), "{error}");
        }
    }
    assert_eq!(queued(&service), 0);
    assert_eq!(world.net().memories.len(), 200);
}

/// A job that was started has another id, which the session's records follow.
#[test]
fn a_started_job_goes_with_its_session() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    world.fail("memory_commit", Fault::NotSent);
    world.fail("memory_commit", Fault::NotSent);
    assert!(finish(&service, session, FILE).is_err());
    assert_eq!(queued(&service), 1);
    // The timer tries it once, and it waits for minutes.
    world.pass(&service, 60);
    assert_eq!(queued(&service), 1);
    let service = world.start();
    finish(&service, session, FILE).unwrap();
    assert_eq!(queued(&service), 0);
}

#[test]
fn an_upload_that_ends_takes_its_digest_job_along() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 3).unwrap();
    put(&service, session, 1, b"11111").unwrap();
    put(&service, session, 0, b"00000").unwrap();
    assert_eq!(queued(&service), 1);
    // After an upgrade, another chunk makes no second job.
    let service = world.start();
    put(&service, session, 2, b"2").unwrap();
    assert_eq!(queued(&service), 1);
    service.abort(id(OWNER), session).unwrap();
    world.pass(&service, 1);
    assert_eq!(queued(&service), 0);
}

#[test]
fn due_jobs_start_side_by_side_and_leave_room_for_users() {
    let (world, service) = World::new();
    let session = begin(&service, "of a user", 2).unwrap();
    for _ in 0..10 {
        aborted(&service, 50);
    }
    assert_eq!(queued(&service), 500);
    world.net().held.insert("blob_delete");
    let mut turns: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
    for _ in 0..3 {
        let service = service.clone();
        let mut turn: Pin<Box<dyn Future<Output = ()>>> =
            Box::pin(async move { service.tick().await });
        assert!(poll(&mut turn).is_pending() || !turns.is_empty());
        turns.push(turn);
    }
    assert_eq!(service.open_calls(), 200);
    // The store is busy with deletions, and takes chunks and seals blobs nevertheless.
    put(&service, session, 0, b"first").unwrap();
    put(&service, session, 1, b"last").unwrap();
    finish(&service, session, FILE).unwrap();
    world.net().held.clear();
    drop(turns);
}

#[test]
fn the_next_turn_follows_at_once_while_jobs_are_due() {
    let (world, service) = World::new();
    for _ in 0..6 {
        aborted(&service, 100);
    }
    for left in [400, 200, 0] {
        run(service.tick());
        assert_eq!(queued(&service), left);
        // The busy store's jobs are passed over for a second; others are due.
        let mut net = world.net();
        assert_eq!(net.woken == net.now, left == 400);
        net.now += SECOND;
    }
    assert!(world.net().blobs.is_empty());
}

#[test]
fn a_turn_ends_when_its_instructions_are_used() {
    let (world, service) = World::new();
    aborted(&service, 50);
    world.net().instructions_per_look = 150_000_000;
    world.net().calls.clear();
    run(service.tick());
    let started = world.net().calls.len();
    assert!((5..10).contains(&started), "{started}");
    let net = world.net();
    assert_eq!(net.woken, net.now);
}

/// Each of these needs no call, so one turn ends them all.
#[test]
fn jobs_that_find_nothing_to_do_need_no_turn_each() {
    let (world, service) = World::new();
    drop(service);
    let regions = Regions::open(world.memory.clone());
    let mut queue = JobQueue::new(regions.jobs, regions.job_counter, regions.job_counts);
    for session in 0..5_000 {
        queue.push(session, Task::Finish { session });
    }
    let service = world.start();
    assert_eq!(queued(&service), 5_000);
    run(service.tick());
    assert_eq!(queued(&service), 0);
    assert!(world.net().calls.is_empty());
}

/// 2 T cycles are left to users; below, ten calls are open at most.
#[test]
fn with_few_cycles_few_jobs_run_side_by_side() {
    let (world, service) = World::new();
    aborted(&service, 50);
    world.net().liquid = 1_500_000_000_000;
    world.net().held.insert("blob_delete");
    let mut turn = Box::pin(service.tick());
    assert!(poll(&mut turn).is_pending());
    assert_eq!(service.open_calls(), 10);
    // No job can start, so the next turn comes in a second.
    service.schedule();
    let net = world.net();
    assert_eq!(net.woken, net.now + SECOND);
}
