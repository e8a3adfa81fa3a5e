//! Strangers can do nothing: not through the gateway, and not behind it.

use crate::{begin_and_put, bytes, capsule, read_back, refused, sha256, turned_away, upload};
use candid::Principal;
use capsule_shared::capsule::{Capsule, CapsuleHeader, CapsuleInfo};
use capsule_shared::gateway::{GatewayArgs, GatewayConfig};
use capsule_shared::keys::{BlobId, pmid_session_hash32};
use capsule_shared::memory_index::{BlobPlace, CapsuleUsage, Memory, MemoryCommit, MemoryPage};
use capsule_shared::stores::{StoreEntry, StoreState};
use capsule_shared::{BlobKey, Error};
use serde_bytes::{ByteBuf, Bytes};
use tools::client::{Called, Client};
use tools::deployment::{Part, deploy, person};
use tools::source::{UploadSpec, document};

#[track_caller]
fn unauthorized<T: std::fmt::Debug>(called: Called<T>) {
    assert_eq!(refused(called), Error::Unauthorized);
}

/// The caller must not learn whether it exists.
#[track_caller]
fn not_found<T: std::fmt::Debug>(called: Called<T>) {
    assert_eq!(refused(called), Error::NotFound);
}

#[test]
fn a_stranger_can_do_nothing_through_the_gateway() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let mallory = deployment.client(person("mallory"));
    let alices = capsule(&alice);
    let data = bytes(900, 1);
    let done = upload(&alice, &UploadSpec::document("done", 900), &data).unwrap();
    let spec = UploadSpec::document("open", 900).in_chunks_of(300, 900);
    let open = begin_and_put(&alice, &spec, &data, 1);

    let intrusion = UploadSpec::document("mallory's", 10);
    unauthorized(mallory.begin(&alices, &intrusion));
    unauthorized(mallory.put_chunk(open, 1, &data[300..600]));
    unauthorized(mallory.put_chunk(open, 0, &data[..300]));
    unauthorized(mallory.finish(open, &sha256(&data), 900));
    unauthorized(mallory.finish(done.session_id, &sha256(&data), 900));
    unauthorized(mallory.abort(open));
    unauthorized(mallory.abort(done.session_id));
    not_found(mallory.blob_meta(&done.result.blob_id));
    not_found(mallory.blob_read(&done.result.blob_id));
    not_found(mallory.blob_read_chunk(&done.result.blob_id, 0));
    unauthorized(mallory.memories_list(&alices, None, None));
    unauthorized(mallory.memories_trash(&alices, None, None));
    unauthorized(mallory.memories_find(&alices, &sha256(&data)));
    not_found(mallory.memories_read(&done.result.memory_id));
    not_found(mallory.memories_read_certified(&done.result.memory_id));
    not_found(mallory.memories_delete(&done.result.memory_id));
    not_found(mallory.memories_restore(&done.result.memory_id));
    not_found(mallory.memories_purge(&done.result.memory_id));
    unauthorized(mallory.capsules_read_basic(Some(&alices)));
    turned_away(mallory.sessions_cleanup_expired());
    turned_away(mallory.update::<()>("configure", (GatewayArgs::default(),)));
    let store = deployment.blob_store;
    for method in ["stores_add", "stores_remove", "stores_retire"] {
        turned_away(mallory.update::<()>(method, (store,)));
    }
    let draining = (store, StoreState::Draining);
    turned_away(mallory.update::<()>("stores_set_state", draining));
    let unbounded = (store, None::<u64>);
    turned_away(mallory.update::<()>("stores_set_capacity", unbounded));
    unauthorized(mallory.query::<Vec<StoreEntry>>("stores_list", ()));
    unauthorized(mallory.query::<GatewayConfig>("configuration", ()));
    assert_eq!(mallory.capsules_list().unwrap(), []);
    assert_eq!(mallory.sessions_list().unwrap(), "");

    // The owner notices nothing of all this.
    crate::put(&alice, open, &spec, &data, 1..3);
    let result = alice.finish(open, &sha256(&data), 900).unwrap();
    assert!(read_back(&alice, &result.blob_id) == data);
    assert!(read_back(&alice, &done.result.blob_id) == data);
}

#[test]
fn the_same_key_of_another_principal_is_another_session() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let bob = deployment.client(person("bob"));
    let spec = UploadSpec::document("file", 10);
    let alices = begin_and_put(&alice, &spec, &bytes(10, 1), 1);
    let bobs = begin_and_put(&bob, &spec, &bytes(10, 2), 1);
    assert_ne!(alices, bobs);
    let result = alice.finish(alices, &sha256(&bytes(10, 1)), 10).unwrap();
    assert!(read_back(&alice, &result.blob_id) == bytes(10, 1));
}

#[test]
fn only_registered_gateways_may_write_to_the_blob_store() {
    let deployment = deploy();
    let key = BlobKey([7; 32]);
    // Canister controllers administer, but don't write.
    for who in [
        person("mallory"),
        deployment.memory_index,
        deployment.controller,
    ] {
        let caller = Client::new(&deployment.pic, deployment.blob_store, who);
        turned_away(caller.update::<()>("blob_open", (key,)));
        turned_away(caller.update::<()>("blob_put_chunk", (key, 0u32, Bytes::new(b"x"))));
        turned_away(caller.update::<()>("blob_seal", (key, 1u32, 1u64)));
        turned_away(caller.update::<Opaque>("blob_digest", (key,)));
        turned_away(caller.update::<Opaque>("blob_delete", (key,)));
        turned_away(caller.update::<()>("blob_release", (key,)));
        turned_away(caller.update::<Opaque>("blob_share", (key, deployment.gateway)));
        unauthorized(caller.query::<Opaque>("blob_meta", (key,)));
        unauthorized(caller.query::<ByteBuf>("blob_read_chunk", (key, 0u32)));
        unauthorized(caller.query::<ByteBuf>("blob_read_shared", (key, 0u64, 1u64)));
    }
    registering_is_for_controllers(&deployment, Part::BlobStore);
}

#[test]
fn only_registered_gateways_may_use_the_memory_index() {
    let deployment = deploy();
    let mallory = person("mallory");
    let caller = Client::new(&deployment.pic, deployment.memory_index, mallory);
    let key = pmid_session_hash32("any", 1);
    let commit = MemoryCommit {
        who: mallory,
        capsule_id: "any".to_string(),
        session_id: 1,
        metadata: document("any", 1),
        place: BlobPlace {
            store: deployment.blob_store,
            key,
            blob_id: key.blob_id(),
            size: 1,
            chunk_count: 1,
        },
        sha256: ByteBuf::from(vec![0; 32]),
    };
    let none: Option<String> = None;
    turned_away(caller.update::<Capsule>("capsule_create", (mallory, None::<()>)));
    for method in ["capsule_add_controller", "capsule_remove_controller"] {
        turned_away(caller.update::<Capsule>(method, (mallory, "any", mallory)));
    }
    unauthorized(caller.query::<CapsuleInfo>("capsule_read", (mallory, &none)));
    unauthorized(caller.query::<Vec<CapsuleHeader>>("capsule_list", (mallory,)));
    unauthorized(caller.query::<CapsuleUsage>("capsule_usage", (mallory, "any")));
    turned_away(caller.update::<Memory>("memory_commit", (commit,)));
    unauthorized(caller.query::<MemoryPage>("memory_list", (mallory, "any", &none, None::<u32>)));
    unauthorized(caller.query::<Memory>("memory_read", (mallory, "any")));
    for method in ["memory_delete", "memory_restore"] {
        turned_away(caller.update::<Opaque>(method, (mallory, "any")));
    }
    turned_away(caller.update::<Opaque>("memory_trash", (mallory, "any", 1u64)));
    turned_away(caller.update::<Opaque>("memory_expire", ("any", 1u64)));
    unauthorized(caller.query::<Opaque>("memory_find", (mallory, "any")));
    let file = (mallory, "any", Bytes::new(&[0; 32]));
    unauthorized(caller.query::<Opaque>("memory_find_sha256", file));
    let page = (mallory, "any", &none, None::<u32>);
    unauthorized(caller.query::<Opaque>("memory_trash_list", page));
    unauthorized(caller.query::<BlobPlace>("blob_locate", (mallory, BlobId(1))));
    let store = deployment.blob_store;
    turned_away(caller.update::<()>("memory_relocate", ("mem_1", store, mallory)));
    unauthorized(caller.query::<Opaque>("memories_of_store", (store, &none, None::<u32>)));
    let page = (None::<Principal>, None::<u32>);
    unauthorized(caller.query::<Opaque>("stores_of_memories", page));
    // A stranger asks neither for a gateway nor for itself.
    for gateway in [None, Some(deployment.gateway), Some(mallory)] {
        let page = (gateway, None::<()>, None::<u32>);
        unauthorized(caller.query::<Opaque>("memories_due", page));
    }
    turned_away(caller.update::<Opaque>("memory_takedown", ("mem_1",)));
    unauthorized(caller.query::<Opaque>("takedowns_list", (&none, None::<u32>)));
    turned_away(caller.update::<()>("gateways_transfer", (deployment.gateway, mallory)));
    unauthorized(caller.query::<Opaque>("gateways_transfers", ()));
    registering_is_for_controllers(&deployment, Part::MemoryIndex);
}

fn registering_is_for_controllers(deployment: &tools::deployment::Deployment, part: Part) {
    let as_person = |who| Client::new(&deployment.pic, deployment.id(part), who);
    let mallory = as_person(person("mallory"));
    for method in ["gateways_register", "gateways_unregister"] {
        turned_away(mallory.update::<()>(method, (person("mallory"),)));
    }
    unauthorized(mallory.query::<Vec<Principal>>("gateways_list", ()));

    let controller = as_person(deployment.controller);
    let second = person("second gateway");
    controller
        .update::<()>("gateways_register", (second,))
        .unwrap();
    let listed = || {
        controller
            .query::<Vec<Principal>>("gateways_list", ())
            .unwrap()
    };
    assert!(listed().contains(&second) && listed().contains(&deployment.gateway));
    controller
        .update::<()>("gateways_unregister", (second,))
        .unwrap();
    assert_eq!(listed(), [deployment.gateway]);
}

#[test]
fn a_gateway_cannot_touch_the_blobs_of_another() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let uploaded = upload(&alice, &UploadSpec::document("file", 3), b"abc").unwrap();
    let key = alice
        .memories_read(&uploaded.result.memory_id)
        .unwrap()
        .place
        .key;
    let second = person("second gateway");
    let controller = Client::new(
        &deployment.pic,
        deployment.blob_store,
        deployment.controller,
    );
    controller
        .update::<()>("gateways_register", (second,))
        .unwrap();
    let intruder = Client::new(&deployment.pic, deployment.blob_store, second);
    assert!(intruder.update::<()>("blob_open", (key,)).is_err());
    unauthorized(intruder.update::<()>("blob_put_chunk", (key, 0u32, Bytes::new(b"abc"))));
    unauthorized(intruder.update::<()>("blob_seal", (key, 1u32, 3u64)));
    unauthorized(intruder.update::<Opaque>("blob_delete", (key,)));
    assert!(read_back(&alice, &uploaded.result.blob_id) == b"abc");
}

/// The type of a result that nobody reads, because the call must fail.
type Opaque = candid::Reserved;
