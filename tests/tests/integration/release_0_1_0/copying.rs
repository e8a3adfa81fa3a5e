//! A store of release 0.1.0 copies its blobs to the present layout while it serves.

use crate::metrics::sample;
use crate::{bytes, capsule, read_back, sha256, upload};
use capsule_shared::blob_store::{MigrationStatus, StoreStatus};
use capsule_shared::gateway::GatewayArgs;
use std::time::Duration;
use tools::client::Client;
use tools::deployment::{Created, Deployment, Part, person, release_0_1_0};
use tools::engine::network;
use tools::source::UploadSpec;

const CHUNK: usize = 1_800_000;
/// More than one message copies.
const CHUNKS: usize = 12;

/// Steps within which all must be copied.
const MAX_STEPS: usize = 100;

fn status(deployment: &Deployment) -> StoreStatus {
    let (pic, store) = (&deployment.pic, deployment.blob_store);
    let operator = Client::new(pic, store, deployment.controller);
    operator.update("store_status", ()).unwrap()
}

fn left(deployment: &Deployment) -> f64 {
    sample(deployment, "blob_store_schema_1_chunks")
}

#[test]
fn a_store_copies_while_it_serves_stops_and_is_upgraded() {
    let created = Created::on(network()).with_modules(release_0_1_0);
    let deployment = created.install(GatewayArgs::default());
    let alice = deployment.client(person("alice"));
    let own = capsule(&alice);
    let files: Vec<Vec<u8>> = (0..3).map(|n| bytes(CHUNKS * CHUNK - 77, n)).collect();
    let mut blobs = Vec::new();
    for (number, data) in files.iter().enumerate() {
        let spec = UploadSpec::document(&format!("film {number}"), data.len() as u64);
        blobs.push(upload(&alice, &spec, data).unwrap().result.blob_id);
    }
    // An upload that the upgrade meets in the middle.
    let data = bytes(3 * CHUNK, 9);
    let spec = UploadSpec::document("open", data.len() as u64);
    let session = alice.begin(&own, &spec).unwrap();
    alice.put_chunk(session, 0, &data[..CHUNK]).unwrap();

    deployment.upgrade(Part::BlobStore);
    let mut seen = vec![left(&deployment)];
    assert_eq!(seen[0], (3 * CHUNKS + 1) as f64);
    for step in 0..MAX_STEPS {
        match step % 4 {
            1 => {
                // Refused while a turn may run, else it is an upgrade like any other.
                if let Err(refused) = deployment.upgrade_rudely(Part::BlobStore) {
                    let text = refused.reject_message;
                    assert!(text.contains("the upgrade is refused"), "{text}");
                }
            }
            2 => {
                deployment.stop(Part::BlobStore);
                deployment.start(Part::BlobStore);
                // The stop may lose a turn. After a while, whoever asks next gets one.
                deployment.pic.advance_time(Duration::from_secs(31));
                let copying = status(&deployment).migration;
                let is_copying = matches!(copying, MigrationStatus::Copying { no_room: false, .. });
                assert!(is_copying, "{copying:?}");
            }
            3 => deployment.upgrade(Part::BlobStore),
            // Nobody calls the store: each turn asks for the next one.
            _ => {}
        }
        for (blob, data) in blobs.iter().zip(&files) {
            let read = alice.blob_read_chunk(blob, 1).unwrap();
            assert!(read[..] == data[CHUNK..2 * CHUNK]);
        }
        deployment.pic.tick();
        seen.push(left(&deployment));
        if seen.last() == Some(&1.0) {
            break;
        }
    }
    seen.dedup();
    assert!(
        seen.len() > 2 && seen.is_sorted_by(|a, b| a > b),
        "{seen:?}"
    );
    assert_eq!(seen.last(), Some(&1.0), "{seen:?}");

    // The open upload goes on in the map, and is copied when it is sealed.
    for (index, chunk) in (0..).zip(data.chunks(CHUNK)).skip(1) {
        alice.put_chunk(session, index, chunk).unwrap();
    }
    let finished = alice
        .finish(session, &sha256(&data), data.len() as u64)
        .unwrap();
    for _ in 0..MAX_STEPS {
        deployment.pic.advance_time(Duration::from_secs(31));
        (0..3).for_each(|_| deployment.pic.tick());
        if left(&deployment) == 0.0 {
            break;
        }
    }
    assert_eq!(status(&deployment).migration, MigrationStatus::Done);
    let read = |blob: &str| read_back(&alice, blob);
    assert!(read(&finished.blob_id) == data);
    assert!(
        blobs
            .iter()
            .zip(&files)
            .all(|(blob, data)| read(blob) == *data)
    );
    // The map's region takes blocks now.
    assert!(sample(&deployment, "blob_store_reusable_bytes") > (3 * CHUNKS * CHUNK) as f64);
}
