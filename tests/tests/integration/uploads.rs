//! Files of every size go up and come back byte for byte.

use crate::{CHUNK, bytes, capsule, put, read_back, sha256, upload};
use capsule_shared::limits::MAX_WHOLE_READ_BYTES;
use capsule_shared::upload::StorageBackend;
use tools::deployment::{deploy, person};
use tools::source::UploadSpec;

/// Uploads `length` bytes, checks every field of the result, and reads them back.
fn round_trip(length: usize, chunk_size: usize, declared: bool) {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(length, length as u64);
    let declared_bytes = if declared { length as u64 } else { 0 };
    let spec = UploadSpec::document("file", declared_bytes).in_chunks_of(chunk_size, length as u64);
    let uploaded = upload(&client, &spec, &data).unwrap();
    let result = &uploaded.result;

    assert_eq!(uploaded.chunks as usize, length.div_ceil(chunk_size));
    assert_eq!(result.size, length as u64);
    assert_eq!(
        result.checksum_sha256.as_ref().unwrap().as_slice(),
        sha256(&data)
    );
    assert_eq!(result.storage_backend, StorageBackend::Icp);
    assert_eq!(
        result.storage_location,
        format!("icp://blob/{}", result.blob_id)
    );
    assert_eq!(result.expires_at, None);
    assert!(result.uploaded_at > 0);

    let meta = client.blob_meta(&result.blob_id).unwrap();
    assert_eq!(meta.size, length as u64);
    assert_eq!(meta.chunk_count, uploaded.chunks);
    assert!(read_back(&client, &result.blob_id) == data);
    assert!(read_back(&client, &result.storage_location) == data);
}

#[test]
fn one_byte() {
    round_trip(1, CHUNK, true);
}

#[test]
fn exactly_one_chunk() {
    round_trip(CHUNK, CHUNK, true);
}

#[test]
fn one_byte_more_than_a_chunk() {
    round_trip(CHUNK + 1, CHUNK, true);
}

#[test]
fn twelve_chunks() {
    round_trip(12 * CHUNK, CHUNK, true);
}

#[test]
fn chunks_of_50_bytes() {
    round_trip(2_019, 50, true);
}

#[test]
fn chunks_of_64_kib() {
    round_trip(1_000_000, 64 * 1024, true);
}

#[test]
fn undeclared_size() {
    round_trip(3 * 64 * 1024 + 5, 64 * 1024, false);
}

#[test]
fn four_uploads_interleaved() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let capsule = capsule(&client);
    // An original and three derivatives, of different sizes and chunk sizes.
    let files = [
        (5 * CHUNK + 7, CHUNK),
        (300_000, 64 * 1024),
        (900, 50),
        (1, 1_000),
    ];
    let uploads: Vec<_> = files
        .iter()
        .enumerate()
        .map(|(i, &(length, chunk_size))| {
            let spec = UploadSpec::document(&format!("file {i}"), length as u64)
                .in_chunks_of(chunk_size, length as u64);
            let session = client.begin(&capsule, &spec).unwrap();
            (session, spec, bytes(length, i as u64))
        })
        .collect();
    let most = uploads
        .iter()
        .map(|(_, spec, _)| spec.expected_chunks)
        .max();
    for index in 0..most.unwrap() as usize {
        for (session, spec, data) in &uploads {
            put(&client, *session, spec, data, index..index + 1);
        }
    }
    for (session, _, data) in &uploads {
        let result = client
            .finish(*session, &sha256(data), data.len() as u64)
            .unwrap();
        assert!(read_back(&client, &result.blob_id) == *data);
    }
    let listed = client.memories_list(&capsule, None, None).unwrap();
    assert_eq!(listed.memories.len(), files.len());
}

#[test]
fn a_blob_that_fits_a_reply_is_read_whole_and_a_larger_one_is_not() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let limit = MAX_WHOLE_READ_BYTES as usize;
    let data = bytes(limit, 1);
    let fits = upload(&client, &UploadSpec::document("fits", limit as u64), &data).unwrap();
    assert!(*client.blob_read(&fits.result.blob_id).unwrap() == data[..]);

    let data = bytes(limit + 1, 2);
    let spec = UploadSpec::document("larger", data.len() as u64);
    let larger = upload(&client, &spec, &data).unwrap();
    crate::invalid(client.blob_read(&larger.result.blob_id));
    assert!(read_back(&client, &larger.result.blob_id) == data);
}

#[test]
fn the_same_name_twice_makes_two_memories() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let mut spec = UploadSpec::document("photo.jpg", 10);
    let first = upload(&client, &spec, &bytes(10, 1)).unwrap();
    spec.idempotency_key = "another".to_string();
    let second = upload(&client, &spec, &bytes(10, 2)).unwrap();
    assert_ne!(first.session_id, second.session_id);
    assert_ne!(first.result.memory_id, second.result.memory_id);
    assert!(read_back(&client, &first.result.blob_id) == bytes(10, 1));
    assert!(read_back(&client, &second.result.blob_id) == bytes(10, 2));
}

#[test]
fn the_blob_id_follows_from_capsule_name_and_session() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let capsule = capsule(&client);
    let spec = UploadSpec::document("a#b größe", 5);
    let uploaded = upload(&client, &spec, &bytes(5, 3)).unwrap();
    let stem = capsule_shared::keys::pmid_stem(&capsule, "a#b größe");
    let key = capsule_shared::keys::pmid_session_hash32(&stem, uploaded.session_id);
    assert_eq!(uploaded.result.blob_id, key.blob_id().to_string());
}
