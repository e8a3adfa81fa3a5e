//! The bytes of the records that came with the trash: its notes, and jobs with more tasks.

use crate::upload::jobs::queue::{Job, Leaver, Purge, Task};
use crate::upload::types::Trashing;
use candid::Principal;
use canister_common::codec::{decode, encode};
use capsule_shared::BlobKey;
use hex::encode as hex;

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
    let leaver = Leaver {
        who: principal(9),
        capsule: "capsule-1".to_string(),
        index: principal(2),
        before: 7,
        after: Some((8, 6)),
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
        Task::EndSessions(leaver),
        Task::MoveBlob { store, key },
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
    014449444c0a6c02c5fedae70401c6c5dca805796b0ab8feb5eb0202acfba89b0305fbaaeacd0405c8be\
    dcd80806f9baccba0a05f3e8ced80b08eca68cdd0b09aeca89ec0b06a4edd99b0c06e4e8e5cd0e086c05\
    beceea02689ccc89ed0103ffa8c9d10978ada9a2b50a7192b6d2f00b686e046c02007801786c018196ff\
    25716c029f93c60207e1a7d8a008686d7b6c01d6aee09c09786c059f93c602078196ff2571c79b84eb02\
    78e1a7d8a0086892b6d2f00b680100";

const JOBS: [&str; 10] = [
    "\
     032005050505050505050505050505050505050505050505050505050505050505050103010101030000\
     00",
    "\
     082005050505050505050505050505050505050505050505050505050505050505050103010101030000\
     00",
    "05070000000000000003000000",
    "09070000000000000003000000",
    "01056d656d5f3103000000",
    "02056d656d5f3103000000",
    "04056d656d5f3103000000",
    "\
     06200505050505050505050505050505050505050505050505050505050505050505056d656d5f310807\
     0605040302010103010101010302020203000000",
    "\
     000103090909010800000000000000060000000000000007000000000000000963617073756c652d3101\
     0302020203000000",
    "\
     072005050505050505050505050505050505050505050505050505050505050505050103010101030000\
     00",
];

const NOTE: &str = "\
    014449444c026c069f93c60201beceea0268e4a8c4c30278c79b84eb0278e1a7d8a0086892b6d2f00b68\
    6d7b01002005050505050505050505050505050505050505050505050505050505050505050103090909\
    0700000000000000080000000000000001030101010103020202";
