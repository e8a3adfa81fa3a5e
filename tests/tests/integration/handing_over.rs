//! Memories whose gateway has no job for them: taken down by an operator, or handed over by another
//! gateway, which goes.

use crate::metrics::sample;
use crate::waiting::in_network_time;
use crate::{bytes, capsule, read_back, refused, upload};
use capsule_shared::Error;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::operators::{Takedown, TakedownPage};
use std::time::Duration;
use tools::client::Client;
use tools::deployment::{Deployment, Part, deploy, person};
use tools::source::UploadSpec;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

fn operator(deployment: &Deployment, part: Part) -> Client<'_> {
    let id = deployment.id(part);
    Client::new(&deployment.pic, id, deployment.controller)
}

fn pass(deployment: &Deployment, seconds: u64) {
    deployment.pic.advance_time(Duration::from_secs(seconds));
    (0..5).for_each(|_| deployment.pic.tick());
}

fn has_blobs(deployment: &Deployment, blobs: f64) {
    in_network_time(deployment, &format!("{blobs} blobs"), || {
        (sample(deployment, "blob_store_blobs") == blobs).then_some(())
    });
}

#[test]
fn a_memory_that_was_taken_down_loses_its_bytes() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let [stays, goes] = ["stays", "goes"]
        .map(|name| upload(&alice, &UploadSpec::document(name, 500), &bytes(500, 1)).unwrap());
    let id = &goes.result.memory_id;
    let index = operator(&deployment, Part::MemoryIndex);
    let taken: Takedown = index.update("memory_takedown", (id,)).unwrap();
    assert_eq!(taken.uploaded_by, person("alice"));
    assert_eq!(refused(alice.memories_read(id)), Error::NotFound);
    assert_eq!(refused(alice.memories_restore(id)), Error::NotFound);
    assert_eq!(sample(&deployment, "blob_store_blobs"), 2.0);
    for _ in 0..2 {
        pass(&deployment, HOUR);
    }
    has_blobs(&deployment, 1.0);
    let page = (None::<String>, None::<u32>);
    let listed: TakedownPage = index.query("takedowns_list", page).unwrap();
    assert!(listed.takedowns[0].purged_at.is_some(), "{listed:?}");
    assert!(read_back(&alice, &stays.result.blob_id) == bytes(500, 1));
}

#[test]
fn a_gateway_is_replaced_and_nobody_loses_a_memory() {
    let deployment = deploy();
    let old = deployment.gateway;
    let before = deployment.client(person("alice"));
    let own = capsule(&before);
    let names = ["kept", "deleted", "trashed"];
    let [kept, deleted, trashed] = names
        .map(|name| upload(&before, &UploadSpec::document(name, 500), &bytes(500, 2)).unwrap());
    before.memories_delete(&trashed.result.memory_id).unwrap();

    let settings = GatewayArgs {
        memory_index: Some(deployment.memory_index),
        blob_stores: Some(vec![deployment.blob_store]),
        first_session: Some(1_000),
        ..GatewayArgs::default()
    };
    let new = deployment.install_another(Part::Gateway, &settings);
    for part in [Part::MemoryIndex, Part::BlobStore] {
        let peer = operator(&deployment, part);
        peer.update::<()>("gateways_register", (new,)).unwrap();
        peer.update::<()>("gateways_transfer", (old, new)).unwrap();
        peer.update::<()>("gateways_unregister", (old,)).unwrap();
    }
    deployment.stop(Part::Gateway);

    let after = Client::new(&deployment.pic, new, person("alice"));
    assert!(read_back(&after, &kept.result.blob_id) == bytes(500, 2));
    assert_eq!(
        after
            .memories_list(&own, None, None)
            .unwrap()
            .memories
            .len(),
        2
    );
    let anew = upload(&after, &UploadSpec::document("kept", 500), &bytes(500, 3)).unwrap();
    assert_eq!(anew.session_id, 1_000);
    assert_ne!(anew.result.blob_id, kept.result.blob_id);
    assert!(read_back(&after, &anew.result.blob_id) == bytes(500, 3));
    assert!(read_back(&after, &kept.result.blob_id) == bytes(500, 2));

    let id = &deleted.result.memory_id;
    after.memories_delete(id).unwrap();
    after.memories_purge(id).unwrap();
    has_blobs(&deployment, 3.0);
    // The old gateway's trash goes in its time.
    pass(&deployment, 31 * DAY);
    pass(&deployment, HOUR);
    has_blobs(&deployment, 2.0);
    assert!(read_back(&after, &kept.result.blob_id) == bytes(500, 2));
}
