//! Slips of an operator: another index, a setting in the wrong unit, one gateway too few.

use crate::gate::Gate;
use crate::metrics::sample;
use crate::waiting::jobs_done;
use crate::{begin_and_put, bytes, capsule, invalid, put, read_back, refused, sha256, upload};
use candid::{Encode, Principal};
use capsule_shared::Error;
use capsule_shared::gateway::{ConfigureReport, GatewayArgs, GatewayConfig};
use capsule_shared::memory_index::MemoryIndexArgs;
use pocket_ic::{CanisterSettings, EnvironmentVariable};
use std::time::Duration;
use tools::client::Client;
use tools::deployment::{
    Created, Deployment, Lines, Part, deploy, person, release_0_1_0, wasm, without_trash,
};
use tools::engine::network;
use tools::source::UploadSpec;

const SECOND_NS: u64 = 1_000_000_000;

fn controller(deployment: &Deployment, part: Part) -> Client<'_> {
    Client::new(&deployment.pic, deployment.id(part), deployment.controller)
}

fn settings(deployment: &Deployment) -> GatewayConfig {
    let gateway = controller(deployment, Part::Gateway);
    gateway.query("configuration", ()).unwrap()
}

fn configure(deployment: &Deployment, args: GatewayArgs) {
    let gateway = controller(deployment, Part::Gateway);
    gateway.update::<()>("configure", (args,)).unwrap();
}

fn change_index(deployment: &Deployment, index: Principal) {
    let args = GatewayArgs {
        memory_index: Some(index),
        ..GatewayArgs::default()
    };
    configure(deployment, args);
}

/// A second index, which knows the gateway and nothing else.
fn second_index(deployment: &Deployment) -> Principal {
    let gateways = Some(vec![deployment.gateway]);
    deployment.install_another(Part::MemoryIndex, &MemoryIndexArgs { gateways })
}

#[test]
fn an_upload_ends_in_the_index_of_its_begin() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let data = bytes(600, 1);
    let spec = UploadSpec::document("file", 600).in_chunks_of(300, 600);
    let own = capsule(&alice);
    let session = begin_and_put(&alice, &spec, &data, 1);
    let second = second_index(&deployment);
    change_index(&deployment, second);

    assert_eq!(alice.begin(&own, &spec), Ok(session));
    put(&alice, session, &spec, &data, 1..2);
    let result = alice.finish(session, &sha256(&data), 600).unwrap();
    assert_eq!(sample(&deployment, "memory_index_memories"), 1.0);
    deployment.pic.advance_time(Duration::from_secs(7_200));
    jobs_done(&deployment, "finish");
    assert_eq!(sample(&deployment, "blob_store_blobs"), 1.0);

    // The second index knows no capsule, so nobody reads or begins there. The slip is mended.
    assert!(alice.blob_meta(&result.blob_id).is_err());
    change_index(&deployment, deployment.memory_index);
    assert!(read_back(&alice, &result.blob_id) == data);
}

#[test]
fn a_deletion_ends_in_the_index_that_has_the_memory() {
    let created = Created::on(network());
    let gate = created.chaos_before(Part::MemoryIndex);
    let lines = Lines {
        index: Some(gate),
        ..Lines::default()
    };
    let deployment = created.install_behind(lines, without_trash());
    let gate = Gate(gate);
    let alice = deployment.client(person("alice"));
    let memory = upload(&alice, &UploadSpec::document("file", 3), b"abc").unwrap();
    let memory = memory.result.memory_id;
    gate.admit(&deployment, "memory_delete", 0);
    assert!(refused(alice.memories_delete(&memory)).is_temporary());
    let second = second_index(&deployment);
    change_index(&deployment, second);
    for _ in 0..5 {
        deployment.pic.advance_time(Duration::from_secs(700));
        (0..10).for_each(|_| deployment.pic.tick());
    }
    // The second index knows no such memory, and that deletes nothing.
    assert_eq!(sample(&deployment, "blob_store_blobs"), 1.0);
    assert_eq!(sample(&deployment, "memory_index_memories"), 1.0);

    gate.open(&deployment);
    alice.memories_delete(&memory).unwrap();
    jobs_done(&deployment, "delete_blob");
    assert_eq!(sample(&deployment, "blob_store_blobs"), 0.0);
    assert_eq!(sample(&deployment, "memory_index_memories"), 0.0);
    alice.memories_delete(&memory).unwrap();
}

#[test]
fn a_lifetime_in_the_wrong_unit_is_refused_and_a_check_says_what_a_short_one_does() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let spec = UploadSpec::document("file", 600).in_chunks_of(300, 600);
    let session = begin_and_put(&alice, &spec, &bytes(600, 1), 1);
    let gateway = controller(&deployment, Part::Gateway);
    let ttl = |nanoseconds| GatewayArgs {
        session_ttl_ns: Some(nanoseconds),
        ..GatewayArgs::default()
    };
    for nanoseconds in [0, 86_400] {
        let text = invalid(gateway.update::<()>("configure", (ttl(nanoseconds),)));
        let start = format!("session_ttl_ns is {nanoseconds}, expected 600000000000 to ");
        assert!(text.starts_with(&start), "{text}");
    }
    // An upgrade refuses it too, and changes nothing.
    deployment.stop(Part::Gateway);
    let args = Encode!(&Some(ttl(0))).unwrap();
    let upgraded = deployment.pic.upgrade_canister(
        deployment.gateway,
        wasm("upload_gateway"),
        args,
        Some(deployment.controller),
    );
    let text = upgraded.unwrap_err().reject_message;
    assert!(text.contains("session_ttl_ns is 0"), "{text}");
    deployment.start(Part::Gateway);

    deployment.pic.advance_time(Duration::from_secs(1_200));
    deployment.pic.tick();
    let check = |args: GatewayArgs| -> ConfigureReport {
        gateway.query("configure_check", (args,)).unwrap()
    };
    let report = check(ttl(900 * SECOND_NS));
    assert_eq!((report.sessions_expiring, report.changes.len()), (1, 1));
    assert_eq!(check(ttl(1_800 * SECOND_NS)).sessions_expiring, 0);
    alice.status(session).unwrap();
    let mallory = deployment.client(person("mallory"));
    let asked = mallory.query::<ConfigureReport>("configure_check", (ttl(0),));
    assert_eq!(refused(asked), Error::Unauthorized);
}

/// Release 0.1.0 took every number. An upgrade from it is never refused for that.
#[test]
fn a_lifetime_of_0_of_release_0_1_0_is_mended_by_the_upgrade() {
    let wrong = GatewayArgs {
        session_ttl_ns: Some(0),
        ..GatewayArgs::default()
    };
    let created = Created::on(network()).with_modules(release_0_1_0);
    let deployment = created.install(wrong);
    for part in Part::ALL {
        deployment.upgrade(part);
    }
    assert_eq!(settings(&deployment).session_ttl_ns, 600 * SECOND_NS);
    let name = "upload_gateway_settings_out_of_range";
    assert_eq!(sample(&deployment, name), 1.0);
    let alice = deployment.client(person("alice"));
    upload(&alice, &UploadSpec::document("file", 3), b"abc").unwrap();
}

// ---- gateways and stores ------------------------------------------------------------------------

/// Installs the three without any argument, and names them to each other as deploy tools do, but
/// after the install.
fn named_deployment() -> Deployment {
    let pic = network();
    let controller = person("controller");
    let [gateway, blob_store, memory_index] = Part::ALL.map(|part| {
        let id = pic.create_canister_with_settings(Some(controller), None);
        pic.add_cycles(id, 1_000_000_000_000_000);
        let nothing = Encode!(&None::<()>).unwrap();
        pic.install_canister(id, wasm(part.name()), nothing, Some(controller));
        id
    });
    let deployment = Deployment {
        pic,
        controller,
        gateway,
        blob_store,
        memory_index,
    };
    name(&deployment, deployment.gateway);
    deployment
}

/// Sets the environment of all three.
fn name(deployment: &Deployment, gateway: Principal) {
    let variables = Part::ALL.map(|part| EnvironmentVariable {
        name: format!("PUBLIC_CANISTER_ID:{}", part.name()),
        value: match part {
            Part::Gateway => gateway.to_text(),
            _ => deployment.id(part).to_text(),
        },
    });
    for part in Part::ALL {
        let named = CanisterSettings {
            environment_variables: Some(variables.to_vec()),
            ..CanisterSettings::default()
        };
        let id = deployment.id(part);
        let set = (deployment.pic).update_canister_settings(id, Some(deployment.controller), named);
        set.unwrap();
    }
}

fn gateways(deployment: &Deployment, part: Part) -> Vec<Principal> {
    let peer = controller(deployment, part);
    peer.query("gateways_list", ()).unwrap()
}

#[test]
fn adding_a_gateway_adds_it_and_removing_the_last_one_removes_it() {
    let deployment = named_deployment();
    let alice = deployment.client(person("alice"));
    let second = person("second gateway");
    for part in [Part::BlobStore, Part::MemoryIndex] {
        let peer = controller(&deployment, part);
        peer.update::<()>("gateways_register", (second,)).unwrap();
        let mut both = vec![second, deployment.gateway];
        both.sort();
        assert_eq!(gateways(&deployment, part), both);
    }
    // The one that the environment named isn't shut out.
    upload(&alice, &UploadSpec::document("file", 3), b"abc").unwrap();

    for part in [Part::BlobStore, Part::MemoryIndex] {
        let peer = controller(&deployment, part);
        for gateway in [second, deployment.gateway] {
            peer.update::<()>("gateways_unregister", (gateway,))
                .unwrap();
        }
        deployment.upgrade(part);
        assert_eq!(gateways(&deployment, part), []);
    }
    // The environment still names it, and that lets nobody in.
    let shut_out = alice.capsules_create(None);
    assert!(refused(shut_out).is_temporary());
    let peer = Client::new(&deployment.pic, deployment.blob_store, deployment.gateway);
    let key = capsule_shared::BlobKey([7; 32]);
    assert!(peer.update::<()>("blob_open", (key,)).is_err());
}

#[test]
fn another_name_in_the_environment_changes_nothing() {
    let deployment = named_deployment();
    let alice = deployment.client(person("alice"));
    upload(&alice, &UploadSpec::document("file", 3), b"abc").unwrap();
    name(&deployment, person("impostor"));
    for part in Part::ALL {
        deployment.upgrade(part);
    }
    for part in [Part::BlobStore, Part::MemoryIndex] {
        assert_eq!(gateways(&deployment, part), [deployment.gateway]);
    }
    upload(&alice, &UploadSpec::document("second", 3), b"abc").unwrap();
    let settings = settings(&deployment);
    assert_eq!(settings.memory_index, Some(deployment.memory_index));
    assert_eq!(settings.blob_stores, [deployment.blob_store]);
}

#[test]
fn stores_are_added_and_removed_one_by_one() {
    let deployment = named_deployment();
    let alice = deployment.client(person("alice"));
    let data = bytes(600, 1);
    let spec = UploadSpec::document("file", 600).in_chunks_of(300, 600);
    let session = begin_and_put(&alice, &spec, &data, 1);
    let args = capsule_shared::blob_store::BlobStoreArgs {
        gateways: Some(vec![deployment.gateway]),
        ..Default::default()
    };
    let second = deployment.install_another(Part::BlobStore, &args);
    // As older scripts call it: the list is added.
    configure(
        &deployment,
        GatewayArgs {
            blob_stores: Some(vec![second]),
            ..GatewayArgs::default()
        },
    );
    let both = [deployment.blob_store, second];
    assert_eq!(settings(&deployment).blob_stores, both);
    let gateway = controller(&deployment, Part::Gateway);
    let first = deployment.blob_store;
    for _ in 0..2 {
        gateway.update::<()>("stores_remove", (first,)).unwrap();
    }
    assert_eq!(settings(&deployment).blob_stores, [second]);

    // The open upload ends in the removed store, and new ones go to the other.
    put(&alice, session, &spec, &data, 1..2);
    let result = alice.finish(session, &sha256(&data), 600).unwrap();
    upload(&alice, &UploadSpec::document("new", 3), b"abc").unwrap();
    assert_eq!(sample(&deployment, "blob_store_blobs"), 1.0);
    assert!(read_back(&alice, &result.blob_id) == data);

    gateway.update::<()>("stores_remove", (second,)).unwrap();
    deployment.upgrade(Part::Gateway);
    assert_eq!(settings(&deployment).blob_stores, []);
    let spec = UploadSpec::document("none", 3);
    assert!(refused(alice.begin(&capsule(&alice), &spec)).is_temporary());
    gateway.update::<()>("stores_add", (first,)).unwrap();
    alice.begin(&capsule(&alice), &spec).unwrap();
}
