//! A gateway and an index of two releases list and find memories together, and the upgraded index
//! enters the memories that it has by their SHA-256.

use crate::metrics::sample;
use crate::waiting::in_network_time;
use crate::{capsule, refused};
use capsule_shared::Error;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::keys::{pmid_session_hash32, pmid_stem};
use capsule_shared::memory_index::{BlobPlace, Memory, MemoryCommit, MemoryHeader};
use serde_bytes::ByteBuf;
use tools::client::Client;
use tools::deployment::{Created, Deployment, Part, person, release_0_1_0};
use tools::engine::network;
use tools::source::document;

/// The memories that the index has.
const MEMORIES: u64 = 120;

/// Files of the memories: each is there several times.
const FILES: u64 = 40;

fn sha256(file: u64) -> [u8; 32] {
    [file as u8; 32]
}

/// Commits the memory of a session as the gateway does, without any bytes.
fn commit(deployment: &Deployment, capsule: &str, session: u64) {
    let key = pmid_session_hash32(&pmid_stem(capsule, "file"), session);
    let commit = MemoryCommit {
        who: person("alice"),
        capsule_id: capsule.into(),
        session_id: session,
        metadata: document("file", 10),
        place: BlobPlace {
            store: deployment.blob_store,
            key,
            blob_id: key.blob_id(),
            size: 10,
            chunk_count: 1,
        },
        sha256: ByteBuf::from(sha256(session % FILES)),
    };
    let (pic, index) = (&deployment.pic, deployment.memory_index);
    let gateway = Client::new(pic, index, deployment.gateway);
    let made = gateway.update::<Memory>("memory_commit", (commit,));
    assert_eq!(made.unwrap().id, format!("mem_{session}"));
}

/// The memories of a file, the newest first.
fn of_file(file: u64) -> Vec<String> {
    let sessions = (1..=MEMORIES).rev().filter(|n| n % FILES == file);
    sessions.map(|session| format!("mem_{session}")).collect()
}

/// A network whose index has [`MEMORIES`] memories of Alice, and her capsule.
fn filled(modules: fn(Part) -> Vec<u8>) -> (Deployment, String) {
    let created = Created::on(network()).with_modules(modules);
    let deployment = created.install(GatewayArgs::default());
    let own = capsule(&deployment.client(person("alice")));
    (1..=MEMORIES).for_each(|session| commit(&deployment, &own, session));
    (deployment, own)
}

/// The first memory of a list for which the newest first was asked. A canister of release 0.1.0
/// took part, so it is the oldest one, and the page doesn't name its order.
fn first_of_the_only_order(who: &Client<'_>, capsule: &str) -> MemoryHeader {
    let mut page = who.memories_list_newest(capsule, None, Some(3)).unwrap();
    let first = page.memories.remove(0);
    assert_eq!((page.newest_first, first.id.as_str()), (None, "mem_1"));
    first
}

#[test]
fn a_gateway_works_with_an_index_of_release_0_1_0_and_with_its_upgrade() {
    let (deployment, own) = filled(|part| match part {
        Part::MemoryIndex => release_0_1_0(part),
        _ => tools::deployment::wasm(part.name()),
    });
    let alice = deployment.client(person("alice"));
    // The old index knows one order. The page says so, as it names none.
    let first = first_of_the_only_order(&alice, &own);
    assert_eq!((first.asset_type, first.created_at), (None, None));
    assert_eq!((&first.path, &first.parent), (&None, &None));
    let told = refused(alice.memories_find(&own, &sha256(7)));
    assert!(matches!(told, Error::NotImplemented(_)), "{told:?}");
    let read = alice.memories_read_certified("mem_7").unwrap();
    assert_eq!(alice.memories_read("mem_7"), Ok(read));
    let mallory = deployment.client(person("mallory"));
    for id in ["mem_7", "mem_999"] {
        let told = mallory.memories_read_certified(id);
        assert_eq!(refused(told), Error::NotFound);
    }

    deployment.upgrade(Part::MemoryIndex);
    // A memory that comes before the old ones are entered is found with them.
    commit(&deployment, &own, MEMORIES + 1);
    let newer = format!("mem_{}", MEMORIES + 1);
    let expected = |file| {
        let newer = Some(&newer).filter(|_| file == (MEMORIES + 1) % FILES);
        newer
            .cloned()
            .into_iter()
            .chain(of_file(file))
            .collect::<Vec<_>>()
    };
    for file in 0..FILES {
        let found = in_network_time(&deployment, "all memories are entered", || {
            match alice.memories_find(&own, &sha256(file)) {
                Ok(found) => Some(found),
                told => {
                    assert!(refused(told).is_temporary());
                    None
                }
            }
        });
        let ids: Vec<_> = found.into_iter().map(|memory| memory.id).collect();
        assert_eq!(ids, expected(file), "{file}");
    }
    in_network_time(&deployment, "an index without old memories", || {
        (sample(&deployment, "memory_index_memories_unplaced") == 0.0).then_some(())
    });
    let page = alice.memories_list_newest(&own, None, Some(1)).unwrap();
    assert_eq!(
        (page.newest_first, &page.memories[0].id),
        (Some(true), &newer)
    );
    assert!(page.memories[0].asset_type.is_some());
}

#[test]
fn a_gateway_of_release_0_1_0_works_with_an_upgraded_index() {
    let (deployment, own) = filled(|part| match part {
        Part::Gateway => release_0_1_0(part),
        _ => tools::deployment::wasm(part.name()),
    });
    let alice = deployment.client(person("alice"));
    // The old gateway passes no order on, and drops the fields that it doesn't know.
    let first = first_of_the_only_order(&alice, &own);
    assert_eq!(first.asset_type, None);
    assert!(alice.memories_find(&own, &sha256(7)).is_err());
    assert!(alice.memories_read_certified("mem_7").is_err());
    deployment.upgrade(Part::Gateway);
    let found = alice.memories_find(&own, &sha256(7)).unwrap();
    let ids: Vec<_> = found.into_iter().map(|memory| memory.id).collect();
    assert_eq!(ids, of_file(7));
    assert!(alice.memories_read_certified("mem_7").is_ok());
}
