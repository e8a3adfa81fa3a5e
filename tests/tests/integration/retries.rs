//! Lost replies: the client repeats the call and gets the same answer.

use crate::waiting::in_network_time;
use crate::{begin_and_put, bytes, capsule, is_conflict, put, read_back, sha256};
use candid::Encode;
use serde_bytes::Bytes;
use tools::deployment::{deploy, person};
use tools::source::UploadSpec;

#[test]
fn the_same_chunk_again_is_ok_and_other_bytes_are_a_conflict() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(1_000, 1);
    let spec = UploadSpec::document("file", 1_000).in_chunks_of(300, 1_000);
    let session = begin_and_put(&client, &spec, &data, 2);
    put(&client, session, &spec, &data, 0..2);
    let mut altered = data[..300].to_vec();
    altered[0] ^= 1;
    is_conflict(client.put_chunk(session, 0, &altered));
    put(&client, session, &spec, &data, 2..4);
    put(&client, session, &spec, &data, 0..4);
    let result = client.finish(session, &sha256(&data), 1_000).unwrap();
    assert!(read_back(&client, &result.blob_id) == data);
}

#[test]
fn a_chunk_whose_reply_never_came_is_sent_again() {
    let deployment = deploy();
    let alice = person("alice");
    let client = deployment.client(alice);
    let data = bytes(600, 1);
    let spec = UploadSpec::document("file", 600).in_chunks_of(300, 600);
    let session = begin_and_put(&client, &spec, &data, 1);
    let lost = Encode!(&session, &1u32, &Bytes::new(&data[300..])).unwrap();
    deployment
        .pic
        .submit_call(deployment.gateway, alice, "uploads_put_chunk", lost)
        .unwrap();
    in_network_time(&deployment, "both chunks", || {
        (client.status(session).unwrap().received_bytes == 600).then_some(())
    });
    client.put_chunk(session, 1, &data[300..]).unwrap();
    let result = client.finish(session, &sha256(&data), 600).unwrap();
    assert!(read_back(&client, &result.blob_id) == data);
}

#[test]
fn a_repeated_finish_gives_the_same_result() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(1_000, 1);
    let spec = UploadSpec::document("file", 1_000).in_chunks_of(300, 1_000);
    let session = begin_and_put(&client, &spec, &data, 4);
    let first = client.finish(session, &sha256(&data), 1_000).unwrap();
    let second = client.finish(session, &sha256(&data), 1_000).unwrap();
    assert_eq!(first, second);
    let capsule = capsule(&client);
    let listed = client.memories_list(&capsule, None, None).unwrap();
    assert_eq!(listed.memories.len(), 1);
}

#[test]
fn two_begins_at_once_make_one_session() {
    let deployment = deploy();
    let alice = person("alice");
    let client = deployment.client(alice);
    let capsule = capsule(&client);
    let spec = UploadSpec::document("file", 10);
    let arguments = Encode!(
        &capsule,
        &spec.metadata,
        &spec.expected_chunks,
        &spec.idempotency_key
    )
    .unwrap();
    // Each message has another nonce: the network takes both.
    let submit = || {
        let arguments = arguments.clone();
        deployment
            .pic
            .submit_call(deployment.gateway, alice, "uploads_begin", arguments)
            .unwrap()
    };
    let calls = [submit(), submit()];
    for call in calls {
        // The answer is the session, or a temporary error while the other call begins.
        deployment.pic.await_call(call).unwrap();
    }
    let session = client.begin(&capsule, &spec).unwrap();
    assert_eq!(
        client.sessions_stats().unwrap(),
        "Total sessions: 1, Pending: 1, Committed: 0"
    );
    client.put_chunk(session, 0, &bytes(10, 1)).unwrap();
}
