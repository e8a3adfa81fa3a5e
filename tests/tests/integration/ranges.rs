//! Reading blobs in ranges, and blobs of very many chunks whole.

use crate::{bytes, capsule, invalid, refused, sha256, upload};
use capsule_shared::blob_store::StoredBlob;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::limits::{MAX_CHUNKS, MAX_RANGE_BYTES, MAX_WHOLE_READ_BYTES};
use capsule_shared::memory_index::{BlobPlace, Memory, MemoryCommit};
use capsule_shared::{BlobKey, Error};
use serde_bytes::{ByteBuf, Bytes};
use tools::client::Client;
use tools::deployment::{Created, Deployment, Lines, Part, deploy, person, release_0_1_0, wasm};
use tools::engine::network;
use tools::source::UploadSpec;
use tools::statistics;

/// Calls in flight at once.
const AT_ONCE: usize = 256;

/// Instructions of a composite query with all its nested calls.
///
/// Source: the limits of an application subnet.
const QUERY_INSTRUCTIONS: u64 = 5_000_000_000;

/// The auditor has the rights of a gateway: it puts and commits a file of `len`-byte chunks itself,
/// which saves a message for each of them. Returns the file's key and bytes.
fn put_and_commit(deployment: &Deployment, capsule: &str, n: u8, len: usize) -> (BlobKey, Vec<u8>) {
    let pic = &deployment.pic;
    let auditor = person("auditor");
    let store = Client::new(pic, deployment.id(Part::BlobStore), auditor);
    let key = BlobKey([n; 32]);
    let data = bytes(len * MAX_CHUNKS as usize, n.into());
    store.update::<()>("blob_open", (key,)).unwrap();
    let chunks: Vec<_> = (0u32..).zip(data.chunks(len)).collect();
    for group in chunks.chunks(AT_ONCE) {
        let calls = group.iter().map(|(index, chunk)| {
            let arg = candid::encode_args((key, index, Bytes::new(chunk))).unwrap();
            let store = deployment.id(Part::BlobStore);
            pic.submit_call(store, auditor, "blob_put_chunk", arg)
                .unwrap()
        });
        for call in calls.collect::<Vec<_>>() {
            let reply = pic.await_call(call).unwrap();
            candid::decode_one::<capsule_shared::Result<()>>(&reply)
                .unwrap()
                .unwrap();
        }
    }
    let size = data.len() as u64;
    store
        .update::<()>("blob_seal", (key, MAX_CHUNKS, size))
        .unwrap();
    let index = Client::new(pic, deployment.id(Part::MemoryIndex), auditor);
    let spec = UploadSpec::document("tiny chunks", size);
    let commit = MemoryCommit {
        who: person("alice"),
        capsule_id: capsule.to_string(),
        session_id: n.into(),
        metadata: spec.metadata,
        place: BlobPlace {
            store: deployment.id(Part::BlobStore),
            key,
            blob_id: key.blob_id(),
            size,
            chunk_count: MAX_CHUNKS,
        },
        sha256: ByteBuf::from(sha256(&data)),
    };
    index.update::<Memory>("memory_commit", (commit,)).unwrap();
    (key, data)
}

#[test]
fn a_blob_of_the_most_chunks_is_read_whole() {
    let lines = Lines {
        auditor: Some(person("auditor")),
        ..Lines::default()
    };
    let deployment = Created::on(network()).install_behind(lines, GatewayArgs::default());
    let alice = deployment.client(person("alice"));
    let own = capsule(&alice);
    for (n, len) in [(1, 50), (2, 128)] {
        let (key, data) = put_and_commit(&deployment, &own, n, len);
        let locator = key.blob_id().to_string();
        let whole = alice.blob_read(&locator);
        match data.len() as u64 > MAX_WHOLE_READ_BYTES {
            true => drop(invalid(whole)),
            false => assert!(*whole.unwrap() == data[..]),
        }
        let mut read = Vec::new();
        while read.len() < data.len() {
            let offset = read.len() as u64;
            read.extend_from_slice(
                &alice
                    .query::<ByteBuf>("blob_read_range", (&locator, offset, MAX_RANGE_BYTES))
                    .unwrap(),
            );
        }
        assert!(read == data);
        statistics::clear(&deployment.pic).unwrap();
        let read = alice.blob_read_range(&locator, 0, MAX_RANGE_BYTES);
        let len = MAX_RANGE_BYTES.min(data.len() as u64) as usize;
        assert!(*read.unwrap() == data[..len]);
        let all = statistics::read(&deployment.pic).unwrap();
        let used = all[&deployment.id(Part::BlobStore).to_text()].query_instructions;
        println!("{len} bytes of tiny chunks take {used} instructions");
        assert!(used < QUERY_INSTRUCTIONS / 5, "{used} instructions");
    }
}

#[test]
fn a_range_crosses_chunks() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let data = bytes(5_000_000, 3);
    let spec = UploadSpec::document("film", 5_000_000);
    let blob = upload(&alice, &spec, &data).unwrap().result.blob_id;
    for (offset, length) in [
        (0, 1),
        (1_799_999, 2),
        (1_000_000, 2_000_000),
        (1_800_000, 1_800_000),
        (4_999_999, 1),
        (4_999_999, 2_000_000),
        (3_500_000, 2_000_000),
    ] {
        let read = alice.blob_read_range(&blob, offset, length).unwrap();
        let end = (offset + length).min(5_000_000) as usize;
        assert!(*read == data[offset as usize..end], "{offset}, {length}");
    }
    let text = invalid(alice.blob_read_range(&blob, 5_000_000, 1));
    assert_eq!(text, "offset is 5000000, expected 0 to 4999999");
    let text = invalid(alice.blob_read_range(&blob, u64::MAX, 2_000_000));
    assert_eq!(
        text,
        "offset is 18446744073709551615, expected 0 to 4999999"
    );
    for length in [0, 2_000_001, u64::MAX] {
        let text = invalid(alice.blob_read_range(&blob, 1, length));
        assert_eq!(text, format!("length is {length}, expected 1 to 2000000"));
    }
    // Strangers learn no more from a range than from a chunk, and they have no way to the store.
    let mallory = deployment.client(person("mallory"));
    assert_eq!(
        refused(mallory.blob_read_range(&blob, 0, 1)),
        refused(mallory.blob_read_chunk(&blob, 0))
    );
    let store = Client::new(
        &deployment.pic,
        deployment.id(Part::BlobStore),
        person("mallory"),
    );
    let read = store.query::<ByteBuf>("blob_read_range", (BlobKey([1; 32]), 0u64, 1u64));
    assert_eq!(refused(read), Error::Unauthorized);
    let meta = store.query::<StoredBlob>("blob_meta", (BlobKey([1; 32]),));
    assert_eq!(refused(meta), Error::Unauthorized);
}

/// This build's gateway and index, and the store of release 0.1.0, which has no ranges.
#[test]
fn a_store_of_release_0_1_0_is_read_by_chunks() {
    let created = Created::on(network()).with_modules(|part| match part {
        Part::BlobStore => release_0_1_0(part),
        part => wasm(part.name()),
    });
    let deployment = created.install(GatewayArgs::default());
    let alice = deployment.client(person("alice"));
    let data = bytes(700, 4);
    let spec = UploadSpec::document("file", 700).in_chunks_of(300, 700);
    let blob = upload(&alice, &spec, &data).unwrap().result.blob_id;
    assert_eq!(alice.blob_read(&blob).unwrap().to_vec(), data);
    let read = alice.blob_read_range(&blob, 299, 400).unwrap();
    assert_eq!(read.to_vec(), data[299..699]);
    deployment.upgrade(Part::BlobStore);
    assert_eq!(alice.blob_read(&blob).unwrap().to_vec(), data);
    let read = alice.blob_read_range(&blob, 299, 400).unwrap();
    assert_eq!(read.to_vec(), data[299..699]);
}
