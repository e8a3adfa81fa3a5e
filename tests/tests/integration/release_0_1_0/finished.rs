//! Completes all work in the upgraded canisters, and checks its results.

use super::filled::{Filled, LENGTH, Open, SENT};
use crate::metrics::sample;
use crate::waiting::{in_network_time, jobs_done};
use crate::{read_back, refused, sha256, upload};
use capsule_shared::Error;
use capsule_shared::upload::UploadState;
use std::collections::BTreeMap;
use std::time::Duration;
use tools::client::Client;
use tools::deployment::{Part, person, without_trash};
use tools::source::UploadSpec;

pub fn finish_everything(filled: &Filled) {
    let deployment = &filled.deployment;
    filled.store_gate.open(deployment);
    filled.index_gate.open(deployment);
    committed_uploads_answer_as_before(filled);
    open_uploads_finish(filled);
    jobs_and_deletions_end(filled);
    settings_are_in_force(filled);
    counters_agree(filled);
    memories_are_found(filled);
    records_retire(filled);
}

/// A key still finds its committed session, and a repeated finish gives the same result.
fn committed_uploads_answer_as_before(filled: &Filled) {
    for committed in &filled.committed {
        let client = filled.deployment.client(committed.who);
        let uploaded = &committed.uploaded;
        let (data, session) = (&committed.data, uploaded.session_id);
        let again = client.finish(session, &sha256(data), data.len() as u64);
        assert_eq!(again.as_ref(), Ok(&uploaded.result));
        let status = client.status(session).unwrap();
        let begun = client.begin(&status.capsule_id, &committed.spec);
        assert_eq!(begun, Ok(session));
    }
}

fn open_uploads_finish(filled: &Filled) {
    let deployment = &filled.deployment;
    filled.pending.put(deployment, SENT + 3..5);
    // A chunk that arrived before the upgrades is Ok again, and other bytes are not.
    filled.pending.put(deployment, 0..1);
    let client = deployment.client(filled.pending.who);
    let other = client.put_chunk(filled.pending.session, 0, &[0; 200]);
    assert!(matches!(refused(other), Error::Conflict(_)));

    let gaps = deployment.client(filled.gaps.who);
    let missing = gaps.status(filled.gaps.session).unwrap().missing_chunks;
    assert_eq!(missing.iter().map(|r| r.first).collect::<Vec<_>>(), [3]);
    filled.gaps.put(deployment, 3..4);
    filled.empty.put(deployment, 0..5);
    jobs_done(deployment, "digest");
    for open in [
        &filled.pending,
        &filled.gaps,
        &filled.half_hashed,
        &filled.empty,
    ] {
        finishes(filled, open);
    }
    // The timer completes this one.
    let client = deployment.client(filled.finishing.who);
    in_network_time(deployment, "a committed session", || {
        let status = client.status(filled.finishing.session).unwrap();
        (status.state == UploadState::Committed).then_some(())
    });
    finishes(filled, &filled.finishing);
}

fn finishes(filled: &Filled, open: &Open) {
    let client = filled.deployment.client(open.who);
    let result = open.finish(&client).unwrap();
    assert!(read_back(&client, &result.blob_id) == open.data);
    assert_eq!(client.begin(&open.capsule, &open.spec), Ok(open.session));
}

fn jobs_and_deletions_end(filled: &Filled) {
    let deployment = &filled.deployment;
    for kind in ["delete_memory", "delete_blob", "release_blob", "finish"] {
        jobs_done(deployment, kind);
    }
    // A repeated deletion is Ok for a day.
    for (who, memory) in [&filled.deleted, &filled.deletion_noted] {
        let client = deployment.client(*who);
        assert_eq!(client.memories_delete(memory), Ok(()));
    }
    // Other memories can be deleted, and their bytes go. Release 0.1.0 had no trash.
    let operator = Client::new(&deployment.pic, deployment.gateway, deployment.controller);
    operator
        .update::<()>("configure", (without_trash(),))
        .unwrap();
    let blobs = || sample(deployment, "blob_store_blobs");
    let before = blobs();
    let last = filled.committed.last().unwrap();
    let client = deployment.client(last.who);
    let result = &last.uploaded.result;
    client.memories_delete(&result.memory_id).unwrap();
    assert_eq!(refused(client.blob_meta(&result.blob_id)), Error::NotFound);
    jobs_done(deployment, "delete_blob");
    assert_eq!(blobs(), before - 1.0);
}

fn settings_are_in_force(filled: &Filled) {
    let deployment = &filled.deployment;
    let mallory = deployment.client(person("mallory"));
    assert_eq!(refused(mallory.capsules_create(None)), Error::Unauthorized);
    // Session ids still count up.
    let bob = deployment.client(person("bob"));
    let spec = UploadSpec::document("new", LENGTH as u64);
    let new = upload(&bob, &spec, &[9; LENGTH]).unwrap();
    assert!(new.session_id > filled.empty.session);
}

/// The store has the blobs of the memories and no others.
fn counters_agree(filled: &Filled) {
    let deployment = &filled.deployment;
    let mut sizes = BTreeMap::new();
    for (name, capsule) in ["alice", "alice", "bob"].iter().zip(&filled.capsules) {
        let client = deployment.client(person(name));
        let page = client.memories_list(capsule, None, None).unwrap();
        sizes.extend(page.memories.into_iter().map(|m| (m.id, m.size)));
    }
    let stored: u64 = sizes.values().sum();
    assert_eq!(sample(deployment, "blob_store_blobs"), sizes.len() as f64);
    assert_eq!(sample(deployment, "blob_store_bytes"), stored as f64);
    let memories = sample(deployment, "memory_index_memories");
    assert_eq!(memories, sizes.len() as f64);
    assert_eq!(sample(deployment, "upload_gateway_uploads_open"), 0.0);
    for part in [Part::BlobStore, Part::MemoryIndex] {
        let gateways = format!("{}_gateways", part.name());
        assert_eq!(sample(deployment, &gateways), 4.0);
    }
}

/// Every listed memory is found by its SHA-256, those of the release too.
fn memories_are_found(filled: &Filled) {
    let deployment = &filled.deployment;
    for (name, capsule) in ["alice", "alice", "bob"].iter().zip(&filled.capsules) {
        let client = deployment.client(person(name));
        let page = client.memories_list_newest(capsule, None, None).unwrap();
        assert!(!page.memories.is_empty());
        for memory in &page.memories {
            let same = page.memories.iter().filter(|m| m.sha256 == memory.sha256);
            let found = client.memories_find(capsule, &memory.sha256).unwrap();
            assert!(found.iter().eq(same), "{}", memory.id);
        }
    }
}

/// After their time the gateway forgets committed sessions and deletions.
fn records_retire(filled: &Filled) {
    let deployment = &filled.deployment;
    deployment
        .pic
        .advance_time(Duration::from_secs(3 * 24 * 3_600));
    jobs_done(deployment, "forget_deletion");
    assert_eq!(sample(deployment, "upload_gateway_deletions"), 0.0);
    in_network_time(deployment, "no committed sessions", || {
        let name = "upload_gateway_sessions{state=\"committed\"}";
        (sample(deployment, name) == 0.0).then_some(())
    });
}
