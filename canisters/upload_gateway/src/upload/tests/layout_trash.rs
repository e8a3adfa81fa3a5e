//! The bytes of the records that came with the trash: its notes, and jobs with two more tasks.

use crate::failure::hex;
use crate::upload::jobs::queue::{Job, Purge, Task};
use crate::upload::types_trash::Trashing;
use candid::Principal;
use canister_common::codec::{decode, encode};
use capsule_shared::BlobKey;

fn principal(n: u8) -> Principal {
    Principal::from_slice(&[n; 3])
}

#[test]
fn jobs_keep_their_layout() {
    let (store, key) = (principal(1), BlobKey([5; 32]));
    let memory = || "mem_1".to_string();
    let purge = Purge {
        memory: memory(),
        index: principal(2),
        store,
        key,
        purge_at: 0x0102_0304_0506_0708,
    };
    let jobs = [
        Task::DeleteBlob { store, key },
        Task::ReleaseBlob { store, key },
        Task::Finish { session: 7 },
        Task::Digest { session: 7 },
        Task::DeleteMemory { memory: memory() },
        Task::ForgetDeletion { memory: memory() },
        Task::TrashMemory { memory: memory() },
        Task::PurgeMemory(purge),
    ]
    .map(|task| Job { task, attempts: 3 });
    let bytes = jobs.each_ref().map(encode);
    for (job, bytes) in jobs.iter().zip(&bytes) {
        assert_eq!(&decode::<Job>(bytes), job);
    }
    let written = bytes.map(|bytes| hex(&bytes));
    assert!(
        written.iter().all(|job| job.starts_with(JOB_TYPES)),
        "{written:#?}"
    );
    let values = written.map(|job| job[JOB_TYPES.len()..].to_string());
    assert_eq!(values, JOBS, "a changed layout needs a new version");
}

#[test]
fn a_note_of_the_trash_keeps_its_layout() {
    let note = Trashing {
        who: principal(9),
        index: principal(2),
        session_id: 7,
        store: principal(1),
        key: BlobKey([5; 32]),
        purge_at: 8,
    };
    let bytes = encode(&note);
    assert_eq!(decode::<Trashing>(&bytes), note);
    assert_eq!(hex(&bytes), NOTE, "a changed layout needs a new version");
}

const JOB_TYPES: &str = "@TYPES";

const JOBS: [&str; 8] = ["", "", "", "", "", "", "", ""];

const NOTE: &str = "@NOTE";
