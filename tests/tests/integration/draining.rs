//! Files move off a store that is drained, while people read, upload and delete, and through
//! upgrades.

use crate::waiting::in_network_time;
use crate::{CHUNK, begin_and_put, bytes, read_back, refused, upload};
use candid::Principal;
use capsule_shared::Error;
use capsule_shared::blob_store::StoreStatus;
use capsule_shared::operators::StorePage;
use capsule_shared::stores::{StoreEntry, StoreState};
use std::time::Duration;
use tools::client::Client;
use tools::deployment::{Deployment, Part, deploy, person};
use tools::source::UploadSpec;

const HOUR: u64 = 3_600;

fn operator(deployment: &Deployment) -> Client<'_> {
    deployment.client(deployment.controller)
}

fn set_state(deployment: &Deployment, store: Principal, state: StoreState) {
    let set = operator(deployment).update::<()>("stores_set_state", (store, state));
    set.unwrap();
}

/// How many memories the index has in a store.
fn memories_in(deployment: &Deployment, store: Principal) -> usize {
    let id = deployment.memory_index;
    let index = Client::new(&deployment.pic, id, deployment.controller);
    let page = (store, None::<String>, None::<u32>);
    let page: StorePage = index.query("memories_of_store", page).unwrap();
    page.memories.len()
}

/// Waits until the gateway reports that a store has so many blobs.
fn reports(deployment: &Deployment, store: Principal, blobs: u64) {
    in_network_time(deployment, &format!("a report of {blobs} blobs"), || {
        let stores: Vec<StoreEntry> = operator(deployment).query("stores_list", ()).unwrap();
        let entry = stores.into_iter().find(|entry| entry.store == store)?;
        (entry.report?.blobs == blobs).then_some(())
    });
}

fn pass(deployment: &Deployment, seconds: u64) {
    deployment.pic.advance_time(Duration::from_secs(seconds));
    (0..5).for_each(|_| deployment.pic.tick());
}

#[test]
fn a_store_is_emptied_and_retired_while_people_use_it() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let files: Vec<_> = [5 * CHUNK + 7, 500, 3_000]
        .into_iter()
        .zip(1..)
        .map(|(len, seed)| {
            let data = bytes(len, seed);
            let spec = UploadSpec::document(&format!("file {seed}"), len as u64);
            let made = upload(&alice, &spec, &data).unwrap();
            (made.result, data)
        })
        .collect();
    let first = deployment.blob_store;
    // Nothing could take its files.
    let alone =
        operator(&deployment).update::<()>("stores_set_state", (first, StoreState::Draining));
    assert!(matches!(refused(alone), Error::Conflict(_)));
    let second = deployment.add_store().unwrap();
    // An upload that is in the middle ends where it began.
    let late = bytes(2 * CHUNK, 9);
    let spec = UploadSpec::document("late", late.len() as u64);
    set_state(&deployment, second, StoreState::ReadOnly);
    let session = begin_and_put(&alice, &spec, &late, 1);
    set_state(&deployment, second, StoreState::Active);
    set_state(&deployment, first, StoreState::Draining);
    in_network_time(&deployment, "the files have moved", || {
        for (file, data) in &files {
            assert!(read_back(&alice, &file.blob_id) == *data);
        }
        (memories_in(&deployment, first) == 0).then_some(())
    });
    assert_eq!(memories_in(&deployment, second), 3);
    let early = operator(&deployment).update::<()>("stores_retire", (first,));
    assert!(matches!(refused(early), Error::Conflict(_)));
    // The upload in the middle expires, or its owner ends it.
    alice.abort(session).unwrap();
    for _ in 0..2 {
        pass(&deployment, HOUR);
    }
    reports(&deployment, first, 0);
    operator(&deployment)
        .update::<()>("stores_retire", (first,))
        .unwrap();
    let controller = Some(deployment.controller);
    deployment.pic.stop_canister(first, controller).unwrap();
    for (file, data) in &files {
        assert!(read_back(&alice, &file.blob_id) == *data);
    }
    // A deletion reaches the copy.
    alice.memories_delete(&files[0].0.memory_id).unwrap();
    alice.memories_purge(&files[0].0.memory_id).unwrap();
    pass(&deployment, 60);
    reports(&deployment, second, 2);
}

#[test]
fn a_drain_goes_on_after_upgrades_of_all_canisters() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let data = bytes(8 * CHUNK, 3);
    let spec = UploadSpec::document("long", data.len() as u64);
    let made = upload(&alice, &spec, &data).unwrap().result;
    let (first, second) = (deployment.blob_store, deployment.add_store().unwrap());
    set_state(&deployment, first, StoreState::Draining);
    let second_store = Client::new(&deployment.pic, second, deployment.controller);
    let status = || -> StoreStatus { second_store.update("store_status", ()).unwrap() };
    in_network_time(&deployment, "the copy begins", || {
        (status().chunks > 0).then_some(())
    });
    let half_way = status();
    assert!(half_way.chunks < 8, "{half_way:?}");
    for part in Part::ALL {
        deployment.upgrade(part);
        assert!(read_back(&alice, &made.blob_id) == data);
    }
    in_network_time(&deployment, "the file has moved", || {
        (memories_in(&deployment, second) == 1).then_some(())
    });
    for _ in 0..2 {
        pass(&deployment, HOUR);
    }
    reports(&deployment, first, 0);
    reports(&deployment, second, 1);
    assert!(read_back(&alice, &made.blob_id) == data);
}
