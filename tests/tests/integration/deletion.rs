//! Deleting what is too large for one message.

use crate::{bytes, capsule, read_back, refused, sha256, upload};
use capsule_shared::Error;
use std::time::Duration;
use tools::deployment::{Part, deploy, person};
use tools::metrics::metrics;
use tools::source::UploadSpec;

/// As many chunks as 10 GB have.
const CHUNKS: usize = 5_556;
/// Chunks on their way at once.
const AT_ONCE: usize = 32;
/// Turns of the timer after which it must be over.
const MAX_TURNS: usize = 200;

#[test]
fn a_large_blob_goes_in_many_messages_over_upgrades_between_them() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(CHUNKS, 1);
    let spec = UploadSpec::document("large", CHUNKS as u64).in_chunks_of(1, CHUNKS as u64);
    let session = client.begin(&capsule(&client), &spec).unwrap();
    let indexes: Vec<usize> = (0..CHUNKS).collect();
    for batch in indexes.chunks(AT_ONCE) {
        let sent: Vec<_> = batch
            .iter()
            .map(|i| {
                client
                    .send_chunk(session, *i as u32, &data[*i..=*i])
                    .unwrap()
            })
            .collect();
        for call in sent {
            client.chunk_answer(call).unwrap();
        }
    }
    let large = client
        .finish(session, &sha256(&data), CHUNKS as u64)
        .unwrap();
    let stays = upload(&client, &UploadSpec::document("stays", 500), &bytes(500, 2)).unwrap();

    client.memories_delete(&large.memory_id).unwrap();
    let stored = || metrics(&deployment, Part::BlobStore).unwrap()["blob_store_chunks"] as usize;
    assert_eq!(stored(), CHUNKS + 1);
    let mut seen = vec![stored()];
    for turn in 0.. {
        assert!(turn < MAX_TURNS, "still {} chunks", stored());
        deployment.pic.advance_time(Duration::from_secs(1));
        (0..3).for_each(|_| deployment.pic.tick());
        let now = stored();
        if now == 1 {
            break;
        }
        if seen.last() != Some(&now) {
            seen.push(now);
            // nobody sees what is half deleted
            assert_eq!(refused(client.blob_meta(&large.blob_id)), Error::NotFound);
            deployment.upgrade([Part::BlobStore, Part::Gateway][seen.len() % 2]);
        }
    }
    assert!(seen.len() > 5, "{seen:?}");
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    assert!(read_back(&client, &stays.result.blob_id) == bytes(500, 2));
    let left = metrics(&deployment, Part::BlobStore).unwrap();
    assert_eq!(left["blob_store_bytes"], 500.0);
}
