//! The trash through the real canisters: restore, purge, and the end of the time in it.

use crate::metrics::sample;
use crate::waiting::{in_network_time, jobs_done};
use crate::{bytes, capsule, is_conflict, read_back, refused, upload};
use capsule_shared::Error;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::memory_index::TrashPage;
use std::time::Duration;
use tools::client::{Client, Uploaded};
use tools::deployment::{Created, Deployment, Part, deploy, person};
use tools::engine::network;
use tools::source::UploadSpec;

const DAY: u64 = 24 * 3_600;
const DAY_NS: u64 = DAY * 1_000_000_000;

fn pass_days(deployment: &Deployment, days: u64) {
    let pic = &deployment.pic;
    pic.advance_time(Duration::from_secs(days * DAY));
    (0..5).for_each(|_| pic.tick());
}

/// Uploads three files of 500 bytes into the client's own capsule.
fn three(client: &Client) -> Vec<Uploaded> {
    ["one", "two", "three"]
        .iter()
        .map(|name| upload(client, &UploadSpec::document(name, 500), &bytes(500, 1)).unwrap())
        .collect()
}

fn listed(client: &Client, capsule: &str) -> Vec<String> {
    let page = client.memories_list(capsule, None, None).unwrap();
    page.memories.into_iter().map(|memory| memory.id).collect()
}

fn trash(client: &Client, capsule: &str) -> TrashPage {
    client.memories_trash(capsule, None, None).unwrap()
}

#[test]
fn a_deleted_memory_comes_back_as_it_was() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let own = capsule(&client);
    let files = three(&client);
    let all = listed(&client, &own);
    let two = &files[1].result;
    for _ in 0..2 {
        client.memories_delete(&two.memory_id).unwrap();
    }
    assert_eq!(listed(&client, &own), [all[0].clone(), all[2].clone()]);
    assert_eq!(
        refused(client.memories_read(&two.memory_id)),
        Error::NotFound
    );
    assert_eq!(refused(client.blob_meta(&two.blob_id)), Error::NotFound);
    assert_eq!(refused(client.blob_read(&two.blob_id)), Error::NotFound);
    let page = trash(&client, &own);
    assert_eq!((page.memories.len(), page.next), (1, None));
    let entry = &page.memories[0];
    assert_eq!(entry.memory.id, two.memory_id);
    assert_eq!(entry.trash.trashed_by, person("alice"));
    assert_eq!(entry.trash.purge_at, entry.trash.trashed_at + 30 * DAY_NS);

    // An upgrade of every canister keeps it.
    for part in [Part::Gateway, Part::MemoryIndex, Part::BlobStore] {
        deployment.upgrade(part);
    }
    pass_days(&deployment, 29);
    for _ in 0..2 {
        client.memories_restore(&two.memory_id).unwrap();
    }
    assert_eq!(listed(&client, &own), all);
    assert!(read_back(&client, &two.blob_id) == bytes(500, 1));
    assert_eq!(trash(&client, &own).memories, []);
    // The time of the first stay changes nothing any more.
    pass_days(&deployment, 2);
    jobs_done(&deployment, "purge_memory");
    assert!(read_back(&client, &two.blob_id) == bytes(500, 1));
}

#[test]
fn a_memory_goes_with_its_bytes_when_its_time_is_over() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let own = capsule(&client);
    let files = three(&client);
    client.memories_delete(&files[0].result.memory_id).unwrap();
    // Its key begins a new upload.
    let anew = upload(&client, &UploadSpec::document("one", 500), &bytes(500, 2)).unwrap();
    assert_ne!(anew.session_id, files[0].session_id);
    // A later setting doesn't change the time of a memory that is in the trash.
    let operator = Client::new(&deployment.pic, deployment.gateway, deployment.controller);
    let settings = GatewayArgs {
        trash_retention_ns: Some(DAY_NS),
        ..GatewayArgs::default()
    };
    operator.update::<()>("configure", (settings,)).unwrap();
    client.memories_delete(&files[1].result.memory_id).unwrap();
    assert_eq!(sample(&deployment, "memory_index_memories_trashed"), 2.0);
    pass_days(&deployment, 2);
    in_network_time(&deployment, "three blobs", || {
        (sample(&deployment, "blob_store_blobs") == 3.0).then_some(())
    });
    assert_eq!(trash(&client, &own).memories.len(), 1);
    pass_days(&deployment, 29);
    in_network_time(&deployment, "two blobs", || {
        (sample(&deployment, "blob_store_blobs") == 2.0).then_some(())
    });
    assert_eq!(trash(&client, &own).memories, []);
    assert_eq!(sample(&deployment, "memory_index_memories_trashed"), 0.0);
    assert_eq!(listed(&client, &own).len(), 2);
    let gone = client.memories_restore(&files[0].result.memory_id);
    assert_eq!(refused(gone), Error::NotFound);
}

#[test]
fn the_owner_empties_the_trash() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let own = capsule(&client);
    let files = three(&client);
    let id = &files[2].result.memory_id;
    is_conflict(client.memories_purge(id));
    client.memories_delete(id).unwrap();
    for _ in 0..2 {
        client.memories_purge(id).unwrap();
    }
    jobs_done(&deployment, "delete_blob");
    assert_eq!(sample(&deployment, "blob_store_blobs"), 2.0);
    assert_eq!(trash(&client, &own).memories, []);
    assert_eq!(refused(client.memories_restore(id)), Error::NotFound);
}

#[test]
fn the_trash_counts_against_the_limit_of_bytes() {
    let settings = GatewayArgs {
        max_bytes_per_capsule: Some(1_800_000),
        ..GatewayArgs::default()
    };
    let deployment = Created::on(network()).install(settings);
    let client = deployment.client(person("alice"));
    let spec = |name: &str| UploadSpec::document(name, 750_000);
    let first = upload(&client, &spec("one"), &bytes(750_000, 1)).unwrap();
    upload(&client, &spec("two"), &bytes(750_000, 2)).unwrap();
    client.memories_delete(&first.result.memory_id).unwrap();
    let full = upload(&client, &spec("three"), &bytes(750_000, 3));
    assert_eq!(refused(full), Error::ResourceExhausted);
    client.memories_purge(&first.result.memory_id).unwrap();
    upload(&client, &spec("three"), &bytes(750_000, 3)).unwrap();
}
