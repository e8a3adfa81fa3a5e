//! Upgrades in the middle of an upload lose nothing. An upgrade that would is refused.

use crate::waiting::in_network_time;
use crate::{begin_and_put, bytes, capsule, double, put, read_back, sha256, upload};
use candid::Encode;
use serde_bytes::Bytes;
use tools::client::Client;
use tools::deployment::{Part, deploy, person};
use tools::source::UploadSpec;

#[test]
fn an_upload_continues_after_upgrades_of_all_three_canisters() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(1_000_000, 1);
    let spec = UploadSpec::document("file", 1_000_000).in_chunks_of(200_000, 1_000_000);
    let before = upload(&client, &UploadSpec::document("before", 3), b"abc").unwrap();
    let session = begin_and_put(&client, &spec, &data, 2);
    for part in Part::ALL {
        deployment.upgrade(part);
    }
    assert_eq!(client.begin(&capsule(&client), &spec).unwrap(), session);
    put(&client, session, &spec, &data, 2..5);
    let result = client.finish(session, &sha256(&data), 1_000_000).unwrap();
    assert!(read_back(&client, &result.blob_id) == data);
    assert!(read_back(&client, &before.result.blob_id) == b"abc");

    for part in Part::ALL {
        deployment.upgrade(part);
    }
    assert_eq!(
        client.finish(session, &sha256(&data), 1_000_000).unwrap(),
        result
    );
    assert!(read_back(&client, &result.blob_id) == data);
    let mut next = spec.clone();
    next.idempotency_key = "next".to_string();
    assert!(client.begin(&capsule(&client), &next).unwrap() > session);
}

#[test]
fn each_canister_is_upgraded_between_any_two_chunks() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(700, 1);
    let spec = UploadSpec::document("file", 700).in_chunks_of(100, 700);
    let session = begin_and_put(&client, &spec, &data, 1);
    for index in 1..7 {
        deployment.upgrade(Part::ALL[index % 3]);
        put(&client, session, &spec, &data, index..index + 1);
    }
    let result = client.finish(session, &sha256(&data), 700).unwrap();
    assert!(read_back(&client, &result.blob_id) == data);
}

#[test]
fn an_idle_canister_may_be_upgraded_without_a_stop() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(600, 1);
    let spec = UploadSpec::document("file", 600).in_chunks_of(300, 600);
    let session = begin_and_put(&client, &spec, &data, 1);
    for part in Part::ALL {
        deployment.upgrade_rudely(part).unwrap();
    }
    put(&client, session, &spec, &data, 1..2);
    client.finish(session, &sha256(&data), 600).unwrap();
}

#[test]
fn an_upgrade_is_refused_while_a_call_is_open_and_nothing_is_lost() {
    let deployment = deploy();
    let alice = person("alice");
    let client = deployment.client(alice);
    let store = double::install(&deployment);
    let controller = Client::new(&deployment.pic, deployment.gateway, deployment.controller);
    controller.update::<()>("stores_add", (store,)).unwrap();
    let first = deployment.blob_store;
    controller.update::<()>("stores_remove", (first,)).unwrap();

    let data = bytes(600, 1);
    let spec = UploadSpec::document("file", 600).in_chunks_of(300, 600);
    let session = client.begin(&capsule(&client), &spec).unwrap();
    let first = Encode!(&session, &0u32, &Bytes::new(&data[..300])).unwrap();
    let call = deployment
        .pic
        .submit_call(deployment.gateway, alice, "uploads_put_chunk", first)
        .unwrap();
    in_network_time(&deployment, "an open call to the double", || {
        double::is_stopping(&deployment, store).then_some(())
    });

    let refusal = deployment.upgrade_rudely(Part::Gateway).unwrap_err();
    assert!(
        refusal.reject_message.contains("the upgrade is refused"),
        "{refusal}"
    );
    deployment
        .pic
        .start_canister(store, Some(deployment.controller))
        .unwrap();
    let reply = deployment.pic.await_call(call).unwrap();
    let reply: capsule_shared::Result<()> = candid::decode_one(&reply).unwrap();
    assert_eq!(reply, Ok(()));

    deployment.upgrade(Part::Gateway);
    put(&client, session, &spec, &data, 1..2);
    let result = client.finish(session, &sha256(&data), 600).unwrap();
    assert_eq!(result.size, 600);
}
