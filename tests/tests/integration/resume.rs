//! Resumed uploads: out of order, with several chunks in flight, and by the key alone.

use crate::waiting::jobs_done;
use crate::{CHUNK, begin_and_put, bytes, capsule, invalid, put, read_back, refused, sha256};
use candid::{decode_one, encode_args};
use capsule_shared::Error;
use capsule_shared::upload::{ChunkRange, UploadState};
use serde_bytes::Bytes;
use tools::deployment::{Part, deploy, person};
use tools::source::UploadSpec;

#[test]
fn a_client_that_knows_only_its_key_finds_its_way_back() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let data = bytes(3_100, 1);
    let spec = UploadSpec::document("file", 3_100).in_chunks_of(300, 3_100);
    let session = begin_and_put(&alice, &spec, &data, 2);
    put(&alice, session, &spec, &data, 4..6);
    for part in Part::ALL {
        deployment.upgrade(part);
    }

    let again = alice.begin(&capsule(&alice), &spec).unwrap();
    assert_eq!(again, session);
    let status = alice.status(session).unwrap();
    assert_eq!(status.state, UploadState::Pending);
    assert_eq!(
        (status.declared_bytes, status.received_bytes),
        (3_100, 1_200)
    );
    assert_eq!((status.chunk_size, status.expected_chunks), (300, 11));
    let missing = [(2, 3), (6, 10)].map(|(first, last)| ChunkRange { first, last });
    assert_eq!(status.missing_chunks, missing);
    let day = 24 * 3_600_000_000_000;
    assert_eq!(status.expires_at, Some(status.last_activity_at + day));
    assert_eq!(alice.list(), Ok(vec![status.clone()]));

    for range in status.missing_chunks {
        let range = range.first as usize..range.last as usize + 1;
        put(&alice, session, &spec, &data, range);
    }
    // The rolling hash can't follow chunks that came early: the store hashes them.
    jobs_done(&deployment, "digest");
    let result = alice.finish(session, &sha256(&data), 3_100).unwrap();
    assert!(read_back(&alice, &result.blob_id) == data);
    let status = alice.status(session).unwrap();
    assert_eq!(status.state, UploadState::Committed);
    assert_eq!(status.missing_chunks, []);
}

#[test]
fn strangers_see_no_uploads() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let spec = UploadSpec::document("file", 0).in_chunks_of(300, 700);
    let session = alice.begin(&capsule(&alice), &spec).unwrap();
    let mallory = deployment.client(person("mallory"));
    assert_eq!(refused(mallory.status(session)), Error::Unauthorized);
    assert_eq!(mallory.list(), Ok(vec![]));
    assert_eq!(refused(alice.status(session + 1)), Error::NotFound);
}

#[test]
fn eight_chunks_in_flight_in_any_order() {
    let deployment = deploy();
    let who = person("alice");
    let alice = deployment.client(who);
    let data = bytes(8 * CHUNK + 5, 1);
    let spec = UploadSpec::document("file", 0).in_chunks_of(CHUNK, data.len() as u64);
    let session = alice.begin(&capsule(&alice), &spec).unwrap();
    let chunks: Vec<&[u8]> = data.chunks(CHUNK).collect();
    let sent = [3u32, 0, 7, 1, 8, 2, 6, 5, 4].map(|index| {
        let arg = encode_args((session, index, Bytes::new(chunks[index as usize]))).unwrap();
        let sent = deployment
            .pic
            .submit_call(deployment.gateway, who, "uploads_put_chunk", arg);
        sent.unwrap()
    });
    for message in sent {
        let reply = deployment.pic.await_call(message).unwrap();
        assert_eq!(decode_one::<Result<(), Error>>(&reply).unwrap(), Ok(()));
    }
    jobs_done(&deployment, "digest");
    let result = alice
        .finish(session, &sha256(&data), data.len() as u64)
        .unwrap();
    assert!(read_back(&alice, &result.blob_id) == data);
}

#[test]
fn beyond_the_window_the_expected_index_is_named() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let data = bytes(6_000, 1);
    let spec = UploadSpec::document("file", 6_000).in_chunks_of(300, 6_000);
    let session = begin_and_put(&alice, &spec, &data, 2);
    let text = invalid(alice.put_chunk(session, 11, &data[3_300..3_600]));
    assert!(text.contains("expected 2 "), "{text}");
    put(&alice, session, &spec, &data, 10..11);
    put(&alice, session, &spec, &data, 2..3);
    alice.put_chunk(session, 11, &data[3_300..3_600]).unwrap();
}
