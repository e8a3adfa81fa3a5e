//! Committed uploads are listed, read and deleted through the gateway.

use crate::metrics::sample;
use crate::waiting::{in_network_time, jobs_done};
use crate::{bytes, capsule, read_back, refused, sha256, upload};
use capsule_shared::Error;
use std::time::Duration;
use tools::deployment::{Created, deploy, person, without_trash};
use tools::engine::network;
use tools::source::UploadSpec;

#[test]
fn a_memory_describes_its_upload() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(1_000, 1);
    let spec = UploadSpec::document("file", 1_000);
    let uploaded = upload(&client, &spec, &data).unwrap();
    let memory = client.memories_read(&uploaded.result.memory_id).unwrap();
    assert_eq!(memory.id, uploaded.result.memory_id);
    assert_eq!(memory.capsule_id, capsule(&client));
    assert_eq!(memory.uploaded_by, person("alice"));
    assert_eq!(memory.uploaded_at, uploaded.result.uploaded_at);
    assert_eq!(memory.metadata, spec.metadata);
    assert_eq!(memory.sha256.as_slice(), sha256(&data));
    assert_eq!(memory.place.store, deployment.blob_store);
    assert_eq!(memory.place.blob_id.to_string(), uploaded.result.blob_id);
    assert_eq!(memory.place.size, 1_000);
    assert_eq!(memory.place.chunk_count, 1);
    assert_eq!(memory.gateway, deployment.gateway);
    assert_eq!(memory.session_id, uploaded.session_id);
}

#[test]
fn lists_come_in_pages_without_gaps() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let capsule = capsule(&client);
    let mut uploaded = Vec::new();
    for i in 0..7 {
        let spec = UploadSpec::document(&format!("file {i}"), 10);
        uploaded.push(
            upload(&client, &spec, &bytes(10, i))
                .unwrap()
                .result
                .memory_id,
        );
    }
    let mut listed = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = client
            .memories_list(&capsule, cursor.as_deref(), Some(3))
            .unwrap();
        assert!(page.memories.len() <= 3);
        listed.extend(page.memories.into_iter().map(|header| header.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, uploaded);
}

#[test]
fn a_deleted_memory_takes_its_blob_with_it() {
    let deployment = Created::on(network()).install(without_trash());
    let client = deployment.client(person("alice"));
    let capsule = capsule(&client);
    let gone = upload(&client, &UploadSpec::document("gone", 500), &bytes(500, 1)).unwrap();
    let stays = upload(&client, &UploadSpec::document("stays", 500), &bytes(500, 2)).unwrap();
    let key = client
        .memories_read(&gone.result.memory_id)
        .unwrap()
        .place
        .key;
    client.memories_delete(&gone.result.memory_id).unwrap();

    assert_eq!(
        refused(client.memories_read(&gone.result.memory_id)),
        Error::NotFound
    );
    assert_eq!(
        refused(client.blob_meta(&gone.result.blob_id)),
        Error::NotFound
    );
    let listed = client.memories_list(&capsule, None, None).unwrap();
    assert_eq!(listed.memories.len(), 1);
    assert!(read_back(&client, &stays.result.blob_id) == bytes(500, 2));

    // A job of the gateway deletes the bytes in the store.
    jobs_done(&deployment, "delete_blob");
    let store =
        tools::client::Client::new(&deployment.pic, deployment.blob_store, deployment.gateway);
    let left = store.query::<capsule_shared::blob_store::StoredBlob>("blob_meta", (key,));
    assert_eq!(refused(left), Error::NotFound);
}

#[test]
fn the_key_of_a_deleted_memory_begins_a_new_upload() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let spec = UploadSpec::document("file", 10);
    let first = upload(&client, &spec, &bytes(10, 1)).unwrap();
    client.memories_delete(&first.result.memory_id).unwrap();
    let second = upload(&client, &spec, &bytes(10, 2)).unwrap();
    assert_ne!(first.session_id, second.session_id);
    assert!(read_back(&client, &second.result.blob_id) == bytes(10, 2));
}

#[test]
fn aborted_and_expired_uploads_leave_nothing_in_the_store() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let capsule = capsule(&client);
    let mut keys = Vec::new();
    let mut sessions = Vec::new();
    for name in ["aborted", "expired"] {
        let spec = UploadSpec::document(name, 600).in_chunks_of(300, 600);
        let session = client.begin(&capsule, &spec).unwrap();
        client.put_chunk(session, 0, &bytes(300, 1)).unwrap();
        let stem = capsule_shared::keys::pmid_stem(&capsule, name);
        keys.push(capsule_shared::keys::pmid_session_hash32(&stem, session));
        sessions.push(session);
    }
    let store =
        tools::client::Client::new(&deployment.pic, deployment.blob_store, deployment.gateway);
    let stored = |key| store.query::<capsule_shared::blob_store::StoredBlob>("blob_meta", (key,));
    for key in &keys {
        assert_eq!(stored(*key).unwrap().chunk_count, 1);
    }
    client.abort(sessions[0]).unwrap();
    deployment.pic.advance_time(Duration::from_secs(25 * 3_600));
    in_network_time(&deployment, "no open uploads", || {
        (sample(&deployment, "upload_gateway_uploads_open") == 0.0).then_some(())
    });
    jobs_done(&deployment, "delete_blob");
    assert_eq!(
        refused(client.put_chunk(sessions[1], 1, &bytes(300, 1))),
        Error::NotFound
    );
    for key in keys {
        assert_eq!(refused(stored(key)), Error::NotFound);
    }
}
