//! Each canister may be of release 0.1.0 or of today, beside the others of either. Clients of both
//! releases upload, list, read and delete through all eight combinations.
//!
//! The upgrades lead from one combination to the next, so three networks show all of them.

use super::interface::OldClient;
use crate::cli::machine::{Machine, text};
use crate::{bytes, sha256};
use capsule_shared::Error;
use capsule_shared::capsule::Capsule;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::memory_index::MemoryPage;
use capsule_shared::upload::{BlobMeta, UploadFinishResult};
use serde_bytes::{ByteBuf, Bytes};
use serde_json::Value;
use std::collections::BTreeSet;
use tools::deployment::{Part, person};
use tools::source::document;

/// Two chunks of this length, the second of which is shorter.
const CHUNK: usize = 300;
const LENGTH: usize = 500;

/// Orders of upgrades that pass through every combination.
const ORDERS: [[Part; 3]; 3] = [
    [Part::Gateway, Part::BlobStore, Part::MemoryIndex],
    [Part::BlobStore, Part::MemoryIndex, Part::Gateway],
    [Part::MemoryIndex, Part::Gateway, Part::BlobStore],
];

/// The canisters that still have the modules of release 0.1.0.
type Old = BTreeSet<&'static str>;

/// Calls `check` in each combination on the way.
fn through(order: [Part; 3], machine: &Machine, mut check: impl FnMut(&Old)) {
    let mut old: Old = Part::ALL.map(Part::name).into();
    check(&old);
    for part in order {
        machine.deployment.upgrade(part);
        old.remove(part.name());
        check(&old);
    }
}

/// Whether deletions have nowhere to put a memory: the gateway has a trash, and the index has none.
fn lacks_trash(old: &Old) -> bool {
    old.contains("memory_index") && !old.contains("upload_gateway")
}

/// Has deletions through a gateway of today be for good, as those of release 0.1.0 are.
fn without_trash(machine: &Machine) {
    machine.configure(GatewayArgs {
        trash_retention_ns: Some(0),
        ..GatewayArgs::default()
    });
}

fn with_trash(machine: &Machine) {
    machine.configure(GatewayArgs {
        trash_retention_ns: Some(30 * 24 * 3_600 * 1_000_000_000),
        ..GatewayArgs::default()
    });
}

#[test]
fn the_orders_pass_through_all_combinations() {
    let mut seen = BTreeSet::new();
    for order in ORDERS {
        (0..=3).for_each(|done| {
            let old: BTreeSet<_> = order[done..].iter().map(|part| part.name()).collect();
            seen.insert(old);
        });
    }
    assert_eq!(seen.len(), 8);
}

#[test]
fn the_upgrades_may_begin_with_the_gateway() {
    both_clients_work(ORDERS[0]);
}

#[test]
fn the_upgrades_may_begin_with_the_store() {
    both_clients_work(ORDERS[1]);
}

#[test]
fn the_upgrades_may_begin_with_the_index() {
    both_clients_work(ORDERS[2]);
}

fn both_clients_work(order: [Part; 3]) {
    let machine = Machine::of_release_0_1_0();
    let mut kept = Vec::new();
    through(order, &machine, |old| {
        old_client(&machine, old);
        program(&machine, old, &mut kept);
    });
}

// ---- a client of release 0.1.0 ------------------------------------------------------------------

fn old_client(machine: &Machine, old: &Old) {
    let alice = OldClient::new(&machine.deployment, person("alice"));
    let name = format!("{old:?}");
    let data = bytes(LENGTH, 7);
    let capsule: Capsule = alice.call("capsules_create", (None::<()>,)).unwrap();
    let args = (&capsule.id, document(&name, LENGTH as u64), 2u32, &name);
    let session: u64 = alice.call("uploads_begin", args).unwrap();
    for (index, chunk) in (0u32..).zip(data.chunks(CHUNK)) {
        let args = (session, index, Bytes::new(chunk));
        alice.call::<()>("uploads_put_chunk", args).unwrap();
    }
    let args = (session, ByteBuf::from(sha256(&data)), LENGTH as u64);
    let finished: UploadFinishResult = alice.call("uploads_finish", args).unwrap();

    let listed = || -> Vec<String> {
        let args = (&capsule.id, None::<String>, None::<u32>);
        let page: MemoryPage = alice.call("memories_list", args).unwrap();
        page.memories.into_iter().map(|memory| memory.id).collect()
    };
    assert!(listed().contains(&finished.memory_id), "{old:?}");
    let meta: BlobMeta = alice.call("blob_get_meta", (&finished.blob_id,)).unwrap();
    assert_eq!((meta.size, meta.chunk_count), (LENGTH as u64, 2));
    let read: ByteBuf = alice.call("blob_read", (&finished.blob_id,)).unwrap();
    assert!(read == data, "{old:?}");

    let delete = || alice.call::<()>("memories_delete", (&finished.memory_id,));
    if lacks_trash(old) {
        let told = delete();
        assert!(matches!(told, Err(Error::NotImplemented(_))), "{told:?}");
        without_trash(machine);
    }
    delete().unwrap();
    assert!(!listed().contains(&finished.memory_id), "{old:?}");
    if lacks_trash(old) {
        with_trash(machine);
    }
}

// ---- the program of today -----------------------------------------------------------------------

/// A memory that stays, and its bytes.
type Kept = (String, Vec<u8>);

fn program(machine: &Machine, old: &Old, kept: &mut Vec<Kept>) {
    let uploaded = |name: &str, seed| {
        let file = machine.file(name, LENGTH, seed);
        let uploaded = &machine.json(&["upload", text(&file)])[0];
        uploaded["memory"].as_str().unwrap().to_string()
    };
    let seed = 2 * old.len() as u64;
    let goes = uploaded(&format!("{old:?} goes"), seed);
    let stays = uploaded(&format!("{old:?} stays"), seed + 1);
    kept.push((stays, bytes(LENGTH, seed + 1)));
    let listed = || -> BTreeSet<String> {
        let lines = machine.json(&["ls"]).into_iter();
        let memory = |line: Value| line["memory"].as_str().unwrap().to_string();
        lines.map(memory).collect()
    };
    let all: BTreeSet<String> = kept.iter().map(|(memory, _)| memory.clone()).collect();
    let mut with = all.clone();
    with.insert(goes.clone());
    assert_eq!(listed(), with, "{old:?}");
    for (memory, data) in &*kept {
        let verified = &machine.json(&["verify", memory])[0];
        assert_eq!(verified["proven"], !old.contains("upload_gateway"));
        let back = machine.path("back");
        machine.done(&["download", memory, "--force", "-o", text(&back)]);
        assert!(std::fs::read(&back).unwrap() == *data, "{old:?}");
    }
    if lacks_trash(old) {
        let said = machine.fails(3, &["rm", &goes]);
        assert!(said.contains("the memory index has no trash"), "{said}");
        assert_eq!(listed(), with);
        without_trash(machine);
    }
    let said = machine.done(&["rm", &goes]);
    let trashed = said.contains("is in the trash");
    assert_eq!(
        trashed,
        !old.contains("upload_gateway") && !old.contains("memory_index")
    );
    assert_eq!(listed(), all, "{old:?}");
    if lacks_trash(old) {
        with_trash(machine);
    }
}
