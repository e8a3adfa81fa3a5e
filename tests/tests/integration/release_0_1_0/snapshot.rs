//! The stored data of all three canisters, as users, operators and registered gateways see it.

use super::filled::{Filled, MANY};
use crate::read_back;
use candid::{CandidType, Principal};
use capsule_shared::blob_store::StoredBlob;
use capsule_shared::capsule::{CapsuleHeader, CapsuleInfo};
use capsule_shared::gateway::CapsuleCreators;
use capsule_shared::keys::{pmid_session_hash32, pmid_stem};
use capsule_shared::memory_index::{CapsuleUsage, Memory, MemoryPage};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Debug;
use tools::client::{Called, Client};
use tools::deployment::{Part, person};
use tools::metrics::metrics;

const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// The settings of release 0.1.0. Candid drops the fields that came later.
#[derive(CandidType, Deserialize, Debug)]
struct Settings {
    memory_index: Option<Principal>,
    blob_stores: Vec<Principal>,
    allow_anonymous: bool,
    capsule_creators: CapsuleCreators,
    max_sessions_per_principal: u32,
    max_sessions_per_capsule: u32,
    max_sessions: u32,
    max_bytes_per_capsule: u64,
    session_ttl_ns: u64,
    committed_retention_ns: u64,
    reorder_window: u32,
}

/// Answers by question, as text.
pub type Snapshot = BTreeMap<String, String>;

pub fn snapshot(filled: &Filled) -> Snapshot {
    let mut all = Snapshot::new();
    let mut add = |question: String, answer: &dyn Debug| {
        let before = all.insert(question, format!("{answer:?}"));
        assert_eq!(before, None, "one question was asked twice");
    };
    gateway(filled, &mut add);
    store(filled, &mut add);
    index(filled, &mut add);
    counters(filled, &mut add);
    all
}

fn gateway(filled: &Filled, add: &mut impl FnMut(String, &dyn Debug)) {
    let deployment = &filled.deployment;
    let controller = deployment.client(deployment.controller);
    let configuration: Called<Settings> = controller.query("configuration", ());
    add("configuration".into(), &configuration.unwrap());
    add("sessions_list".into(), &controller.sessions_list().unwrap());
    add(
        "sessions_stats".into(),
        &controller.sessions_stats().unwrap(),
    );
    for name in PEOPLE {
        let client = deployment.client(person(name));
        add(format!("uploads of {name}"), &client.list().unwrap());
        for capsule in &filled.capsules {
            let memories = client.memories_list(capsule, None, None);
            let memories = memories.map(as_in_0_1_0);
            add(format!("memories of {capsule} for {name}"), &memories);
        }
    }
    for committed in &filled.committed {
        let client = deployment.client(committed.who);
        let blob = &committed.uploaded.result.blob_id;
        add(format!("meta of {blob}"), &client.blob_meta(blob).unwrap());
        let read = read_back(&client, blob);
        assert!(read == committed.data, "{blob} has other bytes");
    }
}

/// A page without what came after release 0.1.0.
fn as_in_0_1_0(mut page: MemoryPage) -> MemoryPage {
    page.newest_first = None;
    for memory in &mut page.memories {
        (memory.asset_type, memory.created_at) = (None, None);
        (memory.path, memory.parent) = (None, None);
    }
    page
}

/// Every blob that the gateway may have opened.
fn store(filled: &Filled, add: &mut impl FnMut(String, &dyn Debug)) {
    let auditor = filled.auditor(Part::BlobStore);
    let mut names: Vec<String> = filled
        .committed
        .iter()
        .map(|committed| committed.spec.metadata.base().name.clone())
        .collect();
    names.extend(
        [
            "deleted",
            "half hashed",
            "half deleted",
            "aborted",
            "lost",
            "finishing",
            "pending",
            "gaps",
            "empty",
        ]
        .map(String::from),
    );
    for capsule in &filled.capsules {
        for name in &names {
            for session in 1..=filled.empty.session + 1 {
                let key = pmid_session_hash32(&pmid_stem(capsule, name), session);
                let blob: Called<StoredBlob> = auditor.query("blob_meta", (key,));
                // A store of release 0.1.0 names no owner. It is the gateway, which it names.
                let blob = blob.map(|blob| StoredBlob {
                    owner: blob.owner.or(Some(blob.gateway)),
                    ..blob
                });
                add(format!("blob of {capsule}, {name}, {session}"), &blob);
            }
        }
    }
    gateways(filled, Part::BlobStore, add);
}

fn index(filled: &Filled, add: &mut impl FnMut(String, &dyn Debug)) {
    let auditor = filled.auditor(Part::MemoryIndex);
    for name in PEOPLE {
        let who = person(name);
        let capsules: Called<Vec<CapsuleHeader>> = auditor.query("capsule_list", (who,));
        add(format!("capsules of {name}"), &capsules);
        for capsule in &filled.capsules {
            let info: Called<CapsuleInfo> = auditor.query("capsule_read", (who, Some(capsule)));
            add(format!("{capsule} for {name}"), &info);
            let usage: Called<CapsuleUsage> = auditor.query("capsule_usage", (who, capsule));
            add(format!("usage of {capsule} for {name}"), &usage);
            let page: Called<MemoryPage> =
                auditor.query("memory_list", (who, capsule, None::<String>, None::<u32>));
            for memory in page.into_iter().flat_map(|page| page.memories) {
                let read: Called<Memory> = auditor.query("memory_read", (who, &memory.id));
                add(format!("{} for {name}", memory.id), &read.unwrap());
            }
        }
    }
    gateways(filled, Part::MemoryIndex, add);
}

fn gateways(filled: &Filled, part: Part, add: &mut impl FnMut(String, &dyn Debug)) {
    let deployment = &filled.deployment;
    let id = deployment.id(part);
    let controller = Client::new(&deployment.pic, id, deployment.controller);
    let gateways: Called<Vec<Principal>> = controller.query("gateways_list", ());
    add(format!("gateways of {}", part.name()), &gateways.unwrap());
}

/// The samples that count stored data.
fn counters(filled: &Filled, add: &mut impl FnMut(String, &dyn Debug)) {
    const STORED: [&str; 12] = [
        "upload_gateway_sessions{",
        "upload_gateway_sessions_max",
        "upload_gateway_uploads_open",
        "upload_gateway_deletions",
        "upload_gateway_jobs{",
        "blob_store_blobs",
        "blob_store_chunks",
        "blob_store_bytes",
        "blob_store_gateways",
        "memory_index_memories",
        "memory_index_capsules",
        "memory_index_commits_total",
    ];
    let mut found = 0;
    for part in Part::ALL {
        for (name, value) in metrics(&filled.deployment, part).unwrap() {
            // Kinds of jobs that came later have other labels.
            let is_new = ["trash_memory", "purge_memory", "end_sessions", "move_blob"]
                .iter()
                .any(|kind| name.contains(kind));
            let is_stored = STORED.iter().any(|stored| match stored.ends_with('{') {
                true => name.starts_with(stored),
                false => name == *stored,
            });
            if is_stored && !is_new {
                found += 1;
                if name == "blob_store_chunks" {
                    assert!(value > MANY as f64, "{value}");
                }
                add(name, &value);
            }
        }
    }
    assert!(found >= STORED.len(), "{found} samples");
}
