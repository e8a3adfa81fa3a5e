//! The bytes of the records that came with the trash: its notes, and jobs with two more tasks.

use crate::failure::hex;
use crate::upload::jobs::queue::{Job, Purge, Task};
use crate::upload::types::Trashing;
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

const JOB_TYPES: &str = "\
    014449444c076c02c5fedae70401c6c5dca805796b08acfba89b0302fbaaeacd0402c8bedcd80803f9ba\
    ccba0a02f3e8ced80b05eca68cdd0b06a4edd99b0c03e4e8e5cd0e056c018196ff25716c029f93c60204\
    e1a7d8a008686d7b6c01d6aee09c09786c059f93c602048196ff2571c79b84eb0278e1a7d8a0086892b6\
    d2f00b680100";

const JOBS: [&str; 8] = [
    "\
     022005050505050505050505050505050505050505050505050505050505050505050103010101030000\
     00",
    "\
     062005050505050505050505050505050505050505050505050505050505050505050103010101030000\
     00",
    "04070000000000000003000000",
    "07070000000000000003000000",
    "00056d656d5f3103000000",
    "01056d656d5f3103000000",
    "03056d656d5f3103000000",
    "\
     05200505050505050505050505050505050505050505050505050505050505050505056d656d5f310807\
     0605040302010103010101010302020203000000",
];

const NOTE: &str = "\
    014449444c026c069f93c60201beceea0268e4a8c4c30278c79b84eb0278e1a7d8a0086892b6d2f00b68\
    6d7b01002005050505050505050505050505050505050505050505050505050505050505050103090909\
    0700000000000000080000000000000001030101010103020202";
