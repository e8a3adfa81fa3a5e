//! The deletion of a blob of many chunks.

use crate::waiting::in_network_time;
use crate::{bytes, capsule, read_back, refused, sha256, upload};
use capsule_shared::Error;
use tools::deployment::{Created, Part, person, without_trash};
use tools::engine::network;
use tools::metrics::metrics;
use tools::source::UploadSpec;

/// The chunks of 10 GB.
const CHUNKS: usize = 5_556;
/// The bytes that a blob of so many chunks of one byte takes: two blocks.
const BLOCKS: f64 = 8_192.0;
/// Chunks in flight at once.
const AT_ONCE: usize = 32;

#[test]
fn a_blob_of_many_chunks_is_deleted_at_once_and_its_space_is_free() {
    let deployment = Created::on(network()).install(without_trash());
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
    let space = || {
        let all = metrics(&deployment, Part::BlobStore).unwrap();
        [
            all["blob_store_allocated_bytes"],
            all["blob_store_reusable_bytes"],
        ]
    };
    let [allocated, reusable] = space();
    in_network_time(&deployment, "the end of the deletion", || {
        assert_eq!(refused(client.blob_meta(&large.blob_id)), Error::NotFound);
        match stored() {
            1 => Some(()),
            now => {
                assert_eq!(now, CHUNKS + 1, "a part is deleted");
                None
            }
        }
    });
    // Its blocks are free for other blobs.
    assert_eq!(space(), [allocated - BLOCKS, reusable + BLOCKS]);
    assert!(read_back(&client, &stays.result.blob_id) == bytes(500, 2));
    let left = metrics(&deployment, Part::BlobStore).unwrap();
    assert_eq!(left["blob_store_bytes"], 500.0);
}
