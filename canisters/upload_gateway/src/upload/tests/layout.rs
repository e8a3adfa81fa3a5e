//! The bytes of every stable record of the upload layer: those that this release writes, and those
//! that release 0.1.0 wrote.

use super::world::begin_args;
use crate::config::Config;
use crate::upload::hash::Rolling;
use crate::upload::jobs::queue::{Job, Task};
use crate::upload::types::{Deletion, FinishRecord, UploadMeta};
use candid::Principal;
use canister_common::codec::{Record, decode, encode};
use canister_common::midstate::Midstate;
use capsule_shared::BlobKey;
use capsule_shared::gateway::{CapsuleCreators, GatewayArgs};
use capsule_shared::upload::{StorageBackend, UploadFinishResult};
use hex::encode as hex;
use ic_stable_structures::Storable;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};

fn store() -> Principal {
    Principal::from_slice(&[1, 2, 3])
}

fn index() -> Principal {
    Principal::from_slice(&[8])
}

fn key() -> BlobKey {
    BlobKey([5; 32])
}

/// Fails if the record's bytes aren't `golden`, or if those bytes decode to another record.
fn pin<R: Record>(record: &R, golden: &str) {
    let bytes = encode(record);
    let message = "a changed layout needs a new version";
    assert_eq!(hex(&bytes), golden, "{message}");
    let decoded: R = decode(&bytes);
    assert_eq!(encode(&decoded), bytes, "{message}");
}

/// The same for a record that can be compared.
fn pin_equal<R: Record + PartialEq + std::fmt::Debug>(record: &R, golden: &str) {
    pin(record, golden);
    assert_eq!(decode::<R>(&encode(record)), *record);
}

#[test]
fn an_uploads_record_keeps_its_layout() {
    let meta = UploadMeta::new(
        "capsule-1".into(),
        "capsule-1#photo.jpg".into(),
        store(),
        index(),
        &begin_args("key", "photo.jpg", 2, 9).metadata,
    );
    pin_equal(&meta, META);
    let mut without = meta;
    without.index = None;
    assert_eq!(decode::<UploadMeta>(&unhex(META_0_1_0)), without);
    // A record of the release that is written again names no index either.
    assert_eq!(decode::<UploadMeta>(&encode(&without)), without);
}

fn rolling() -> Rolling {
    Rolling {
        next: 2,
        midstate: Some(Midstate::default().followed_by(b"firstlast")),
        digest: None,
        job: None,
    }
}

#[test]
fn a_rolling_hash_keeps_its_layout() {
    pin_equal(&rolling(), ROLLING);
    let other = Rolling {
        midstate: None,
        digest: Some([7; 32]),
        job: Some((258, 772)),
        ..rolling()
    };
    pin_equal(&other, ROLLING_WITH_DIGEST_AND_JOB);
}

#[test]
fn the_rolling_hashes_of_release_0_1_0_are_read() {
    let old = unhex(ROLLING_0_1_0);
    assert_eq!(decode::<Rolling>(&old), rolling());
    let midstate = rolling().midstate.unwrap();
    assert_eq!(midstate.digest()[..], Sha256::digest(b"firstlast")[..]);
    let digest = Some([7; 32]);
    let expected = Rolling {
        digest,
        ..rolling()
    };
    assert_eq!(
        decode::<Rolling>(&unhex(ROLLING_WITH_DIGEST_0_1_0)),
        expected
    );
}

/// Its file is hashed again.
#[test]
fn a_midstate_that_cannot_be_read_is_none() {
    let unreadable = Rolling {
        midstate: None,
        ..rolling()
    };
    let mut old = unhex(ROLLING_0_1_0);
    // The length of the unfinished block, of which a block has at most 63 bytes.
    old[9 + 40] = 64;
    assert_eq!(decode::<Rolling>(&old), unreadable);
    let mut new = unhex(ROLLING);
    new[6 + 32] += 1;
    assert_eq!(decode::<Rolling>(&new), unreadable);
}

#[test]
fn a_finish_record_keeps_its_layout() {
    let mut finish = FinishRecord {
        sha256: ByteBuf::from(vec![6; 32]),
        total_len: 9,
        result: None,
        job: None,
    };
    assert_eq!(decode::<FinishRecord>(&unhex(FINISH_0_1_0)), finish);
    finish.job = Some((258, 772));
    pin_equal(&finish, FINISH);
    finish.job = None;
    finish.result = Some(UploadFinishResult {
        memory_id: "memory-1".into(),
        blob_id: "blob_7".into(),
        remote_id: None,
        size: 9,
        checksum_sha256: Some(ByteBuf::from(vec![6; 32])),
        storage_backend: StorageBackend::Icp,
        storage_location: "icp://blob/blob_7".into(),
        uploaded_at: 1_700,
        expires_at: None,
    });
    pin_equal(&finish, FINISH_WITH_RESULT);
    let old = unhex(FINISH_WITH_RESULT_0_1_0);
    assert_eq!(decode::<FinishRecord>(&old), finish);
}

/// `layout_trash` has the bytes that are written now.
#[test]
fn a_job_of_release_0_1_0_is_read() {
    let (store, key) = (store(), key());
    let memory = || "memory-1".to_string();
    for (task, golden) in [
        (Task::DeleteBlob { store, key }, JOB_DELETE_BLOB),
        (Task::ReleaseBlob { store, key }, JOB_RELEASE_BLOB),
        (Task::Finish { session: 7 }, JOB_FINISH),
        (Task::Digest { session: 7 }, JOB_DIGEST),
        (Task::DeleteMemory { memory: memory() }, JOB_DELETE_MEMORY),
        (
            Task::ForgetDeletion { memory: memory() },
            JOB_FORGET_DELETION,
        ),
    ] {
        let job: Job = decode(&unhex(golden));
        assert_eq!(job, Job { task, attempts: 3 });
    }
}

#[test]
fn a_deletion_keeps_its_layout() {
    let deletion = Deletion {
        who: Principal::from_slice(&[9]),
        session_id: 7,
        store: store(),
        key: key(),
        done: true,
        index: Some(index()),
    };
    pin_equal(&deletion, DELETION);
    let without = Deletion {
        index: None,
        ..deletion
    };
    assert_eq!(decode::<Deletion>(&unhex(DELETION_0_1_0)), without);
}

/// The settings of the golden bytes that release 0.1.0 wrote: without and with lists.
fn settings() -> [Config; 2] {
    let numbers = GatewayArgs {
        max_sessions_per_principal: Some(1),
        max_sessions_per_capsule: Some(2),
        max_sessions: Some(3),
        max_bytes_per_capsule: Some(4),
        session_ttl_ns: Some(5),
        committed_retention_ns: Some(6),
        reorder_window: Some(7),
        ..GatewayArgs::default()
    };
    let config = Config::default().with_any(numbers);
    let rest = GatewayArgs {
        memory_index: Some(index()),
        blob_stores: Some(vec![store()]),
        allow_anonymous: Some(true),
        capsule_creators: Some(CapsuleCreators::Listed(vec![Principal::from_slice(&[9])])),
        ..GatewayArgs::default()
    };
    let with_lists = config.with_any(rest);
    [config, with_lists]
}

#[test]
fn the_settings_of_release_0_1_0_are_read_with_defaults() {
    let [config, with_lists] = settings();
    assert_eq!(decode::<Config>(&unhex(SETTINGS_0_1_0)), config);
    // The first start registers the peers of the release.
    let old: Config = decode(&unhex(SETTINGS_WITH_LISTS_0_1_0));
    assert_eq!(old.first_index(), None);
    assert_eq!(
        old.with_named(|_| Some(Principal::from_slice(&[7]))),
        Some(with_lists)
    );
}

#[test]
fn the_settings_keep_their_layout() {
    let new = GatewayArgs {
        max_bytes_per_principal_per_day: Some(8),
        max_bytes_per_day: Some(9),
        max_capsules_per_principal: Some(10),
        trash_retention_ns: Some(11),
        ..GatewayArgs::default()
    };
    let [config, with_lists] = settings();
    pin_equal(&config.with_any(new), SETTINGS);
    pin_equal(&with_lists, SETTINGS_WITH_LISTS);
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

fn stored(key: impl Storable) -> String {
    hex(key.into_bytes())
}

#[test]
fn keys_keep_their_layout() {
    // A job's key is (due, sequence number): byte order is the order in which jobs are due.
    assert_eq!(stored((258u64, 772u64)), "00000000000001020000000000000304");
    // The key of an upload, a rolling hash and a finish record is the session id.
    assert_eq!(stored(258u64), "0000000000000102");
    // The key of a deletion is the memory id.
    assert_eq!(stored("memory-1".to_string()), "6d656d6f72792d31");
}

const META: &str = "\
    020100000008030000000102030900000063617073756c652d311300000063617073756c652d31237068\
    6f746f2e6a7067c20100004449444c106b0592888d9f0301bb9eda84050abbd692a6070db6d1b7d50b0e\
    db88a6d10c0f6c0491d0c3880402d880c6d00703da82b8b30d04b79ebaec0f036c12efd6e40203e78fb0\
    1204b7fff5810178a9bdaace0105e7c8eae70106cbe4fdc70471dbce95de0403d9e9dae704089c9a80c4\
    0503e5a88eea0571fc91f4f80503aaacd9d00678d9e5d5d60a09eb90e0ec0b78a4fbf8c30c0386ec8ad3\
    0c04de9efbe00c03eac8f3f40c036e716e796b05e88fb0497f8fc7aece017fa7f089c6027ff1e0e7d40b\
    7fcce7ba810c7f6e076d7b6d716e786c06dd86b10204aae387170391d0c3880402f9c1b3a80d03b2889f\
    970f0bd0ddfbef0f0c6e736e7b6c059efb9dd5010391d0c3880402d880c6d007039f97eefc0b04da82b8\
    b30d046c07d49eb8a4010991d0c388040296add9d20403d0d4bad7060cd5ecb0960804d19198870e0cad\
    ecbfe60f096c07d49eb8a4010991d0c388040296add9d20403f2e6b8f5040baceaa4ea0603adecbfe60f\
    09a488b4ec0f0b0100000000020000000000000003000970686f746f2e6a7067000107686f6c69646179\
    000a696d6167652f6a7065670001000000000000000009000000000000000001800200000000000000";

const META_0_1_0: &str = "\
    01030000000102030900000063617073756c652d311300000063617073756c652d312370686f746f2e6a\
    7067c20100004449444c106b0592888d9f0301bb9eda84050abbd692a6070db6d1b7d50b0edb88a6d10c\
    0f6c0491d0c3880402d880c6d00703da82b8b30d04b79ebaec0f036c12efd6e40203e78fb01204b7fff5\
    810178a9bdaace0105e7c8eae70106cbe4fdc70471dbce95de0403d9e9dae704089c9a80c40503e5a88e\
    ea0571fc91f4f80503aaacd9d00678d9e5d5d60a09eb90e0ec0b78a4fbf8c30c0386ec8ad30c04de9efb\
    e00c03eac8f3f40c036e716e796b05e88fb0497f8fc7aece017fa7f089c6027ff1e0e7d40b7fcce7ba81\
    0c7f6e076d7b6d716e786c06dd86b10204aae387170391d0c3880402f9c1b3a80d03b2889f970f0bd0dd\
    fbef0f0c6e736e7b6c059efb9dd5010391d0c3880402d880c6d007039f97eefc0b04da82b8b30d046c07\
    d49eb8a4010991d0c388040296add9d20403d0d4bad7060cd5ecb0960804d19198870e0cadecbfe60f09\
    6c07d49eb8a4010991d0c388040296add9d20403f2e6b8f5040baceaa4ea0603adecbfe60f09a488b4ec\
    0f0b0100000000020000000000000003000970686f746f2e6a7067000107686f6c69646179000a696d61\
    67652f6a7065670001000000000000000009000000000000000001800200000000000000";

const ROLLING: &str = "\
    02020000003267e6096a85ae67bb72f36e3c3af54fa57f520e518c68059babd9831f19cde05b09000000\
    000000000966697273746c61737400000000000000000000000000000000000000000000000000000000\
    00000000000000000000000000000000000000000000";

const ROLLING_WITH_DIGEST_AND_JOB: &str = "\
    020200000000010707070707070707070707070707070707070707070707070707070707070707010201\
    0000000000000403000000000000";

const ROLLING_0_1_0: &str = "\
    01020000006800000067e6096a85ae67bb72f36e3c3af54fa57f520e518c68059babd9831f19cde05b00\
    000000000000000966697273746c61737400000000000000000000000000000000000000000000000000\
    000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000000000000000000000000000";

const ROLLING_WITH_DIGEST_0_1_0: &str = "\
    01020000006800000067e6096a85ae67bb72f36e3c3af54fa57f520e518c68059babd9831f19cde05b00\
    000000000000000966697273746c61737400000000000000000000000000000000000000000000000000\
    000000000000000000000000000000000000000000000000000000000001070707070707070707070707\
    0707070707070707070707070707070707070707";

const FINISH: &str = "\
    014449444c0a6c04fd9fc30201ddd1914403e7c8eae701069aadfc8707786e026c02007801786e046c09\
    a38df6920305f98da5960471bdd9b0a20471d0cf8cd00407c1c1cee2047899fb8adf0671b4debaa10a08\
    dea7f7da0d09f2d4fec00f786e066d7b6b058091017fb6f6de017fa4e4abe6017f94d2d784037fd1bff7\
    da0e7f6e716e780100010201000000000000040300000000000000200606060606060606060606060606\
    0606060606060606060606060606060606060900000000000000";

const FINISH_WITH_RESULT: &str = "\
    014449444c0a6c04fd9fc30201ddd1914403e7c8eae701069aadfc8707786e026c02007801786e046c09\
    a38df6920305f98da5960471bdd9b0a20471d0cf8cd00407c1c1cee2047899fb8adf0671b4debaa10a08\
    dea7f7da0d09f2d4fec00f786e066d7b6b058091017fb6f6de017fa4e4abe6017f94d2d784037fd1bff7\
    da0e7f6e716e780100000101200606060606060606060606060606060606060606060606060606060606\
    060606116963703a2f2f626c6f622f626c6f625f3706626c6f625f37010900000000000000086d656d6f\
    72792d310000a40600000000000020060606060606060606060606060606060606060606060606060606\
    06060606060900000000000000";

const FINISH_0_1_0: &str = "\
    014449444c086c03ddd1914401e7c8eae701049aadfc8707786e026c09a38df6920303f98da5960471bd\
    d9b0a20471d0cf8cd00405c1c1cee2047899fb8adf0671b4debaa10a06dea7f7da0d07f2d4fec00f786e\
    046d7b6b058091017fb6f6de017fa4e4abe6017f94d2d784037fd1bff7da0e7f6e716e78010000200606\
    0606060606060606060606060606060606060606060606060606060606060900000000000000";

const FINISH_WITH_RESULT_0_1_0: &str = "\
    014449444c086c03ddd1914401e7c8eae701049aadfc8707786e026c09a38df6920303f98da5960471bd\
    d9b0a20471d0cf8cd00405c1c1cee2047899fb8adf0671b4debaa10a06dea7f7da0d07f2d4fec00f786e\
    046d7b6b058091017fb6f6de017fa4e4abe6017f94d2d784037fd1bff7da0e7f6e716e78010001012006\
    06060606060606060606060606060606060606060606060606060606060606116963703a2f2f626c6f62\
    2f626c6f625f3706626c6f625f37010900000000000000086d656d6f72792d310000a406000000000000\
    2006060606060606060606060606060606060606060606060606060606060606060900000000000000";

const JOB_DELETE_BLOB: &str = "\
    014449444c066c02c5fedae70401c6c5dca805796b06acfba89b0302fbaaeacd0402c8bedcd80803f3e8\
    ced80b05a4edd99b0c03e4e8e5cd0e056c018196ff25716c029f93c60204e1a7d8a008686d7b6c01d6ae\
    e09c09780100022005050505050505050505050505050505050505050505050505050505050505050103\
    01020303000000";

const JOB_RELEASE_BLOB: &str = "\
    014449444c066c02c5fedae70401c6c5dca805796b06acfba89b0302fbaaeacd0402c8bedcd80803f3e8\
    ced80b05a4edd99b0c03e4e8e5cd0e056c018196ff25716c029f93c60204e1a7d8a008686d7b6c01d6ae\
    e09c09780100042005050505050505050505050505050505050505050505050505050505050505050103\
    01020303000000";

const JOB_FINISH: &str = "\
    014449444c066c02c5fedae70401c6c5dca805796b06acfba89b0302fbaaeacd0402c8bedcd80803f3e8\
    ced80b05a4edd99b0c03e4e8e5cd0e056c018196ff25716c029f93c60204e1a7d8a008686d7b6c01d6ae\
    e09c0978010003070000000000000003000000";

const JOB_DIGEST: &str = "\
    014449444c066c02c5fedae70401c6c5dca805796b06acfba89b0302fbaaeacd0402c8bedcd80803f3e8\
    ced80b05a4edd99b0c03e4e8e5cd0e056c018196ff25716c029f93c60204e1a7d8a008686d7b6c01d6ae\
    e09c0978010005070000000000000003000000";

const JOB_DELETE_MEMORY: &str = "\
    014449444c066c02c5fedae70401c6c5dca805796b06acfba89b0302fbaaeacd0402c8bedcd80803f3e8\
    ced80b05a4edd99b0c03e4e8e5cd0e056c018196ff25716c029f93c60204e1a7d8a008686d7b6c01d6ae\
    e09c0978010000086d656d6f72792d3103000000";

const JOB_FORGET_DELETION: &str = "\
    014449444c066c02c5fedae70401c6c5dca805796b06acfba89b0302fbaaeacd0402c8bedcd80803f3e8\
    ced80b05a4edd99b0c03e4e8e5cd0e056c018196ff25716c029f93c60204e1a7d8a008686d7b6c01d6ae\
    e09c0978010001086d656d6f72792d3103000000";

const DELETION: &str = "\
    024449444c036c069f93c60201beceea0268e4a8c4c3027882e1b793047ee1a7d8a0086892b6d2f00b02\
    6d7b6e680100200505050505050505050505050505050505050505050505050505050505050505010109\
    070000000000000001010301020301010108";

const DELETION_0_1_0: &str = "\
    014449444c026c059f93c60201beceea0268e4a8c4c3027882e1b793047ee1a7d8a008686d7b01002005\
    050505050505050505050505050505050505050505050505050505050505050101090700000000000000\
    010103010203";

const SETTINGS_0_1_0: &str = "\
    014449444c046c0b94c8ed3501a4cdabe5027981b0fb840378f7b396f6037ed4f6f8f10402dcf6a0a708\
    78e992aff80978f4cdf2d70a79d9faa7bc0b0398998bf60c79e59881d60d796e686d686b02ddf8b8a402\
    029aded69c0a7f0100000200000005000000000000000000040000000000000006000000000000000700\
    0000010300000001000000";

const SETTINGS_WITH_LISTS_0_1_0: &str = "\
    014449444c046c0b94c8ed3501a4cdabe5027981b0fb840378f7b396f6037ed4f6f8f10402dcf6a0a708\
    78e992aff80978f4cdf2d70a79d9faa7bc0b0398998bf60c79e59881d60d796e686d686b02ddf8b8a402\
    029aded69c0a7f0100010101080200000005000000000000000101010301020304000000000000000600\
    0000000000000700000000010101090300000001000000";

const SETTINGS: &str = "\
    024449444c086c1094c8ed3501adf3c1c20102a4cdabe5027981b0fb840378f7b396f6037ed4f6f8f104\
    03dcf6a0a70878e992aff80978f4cdf2d70a79d8808e850b02d9faa7bc0b048bb3a4d80c0298998bf60c\
    79e59881d60d79eed189f90e0582bb82a50f066e686e786d686b02ddf8b8a402039aded69c0a7f6e796e\
    076c02f2a2ed797e83bda6d00601010000010b0000000000000002000000050000000000000000000400\
    000000000000060000000000000007000000010800000000000000010109000000000000000300000001\
    000000010a000000010000";

const SETTINGS_WITH_LISTS: &str = "\
    024449444c086c1094c8ed3501adf3c1c20102a4cdabe5027981b0fb840378f7b396f6037ed4f6f8f104\
    03dcf6a0a70878e992aff80978f4cdf2d70a79d8808e850b02d9faa7bc0b048bb3a4d80c0298998bf60c\
    79e59881d60d79eed189f90e0582bb82a50f066e686e786d686b02ddf8b8a402039aded69c0a7f6e796e\
    076c02f2a2ed797e83bda6d0060101000101010801000042076935090002000000050000000000000001\
    010103010203040000000000000006000000000000000700000001000000001000000000010101090100\
    000000400000000300000001000000010a000000010101010108";
