//! The stem is made once, at begin. Every later reader takes the key from the stored stem.
//!
//! Each test stores another stem than the upload's capsule and name make, and moves the blob to
//! that stem's key. A reader that computes the stem misses the blob.

use super::world::*;
use crate::failure::Failure;
use crate::regions::Regions;
use crate::upload::types::{SessionId, UploadMeta};
use capsule_shared::BlobKey;
use capsule_shared::keys::pmid_session_hash32;
use ic_stable_structures::StableBTreeMap;

const OTHER_STEM: &str = "capsule-7#renamed.jpg";

/// A gateway with one pending session of two chunks, whose stored stem is [`OTHER_STEM`].
fn with_other_stem() -> (World, Service, SessionId, BlobKey) {
    let (world, service) = World::new();
    let session = begin(&service, "key", 2).unwrap();
    drop(service);
    let mut uploads =
        StableBTreeMap::<u64, UploadMeta, _>::init(Regions::open(world.memory.clone()).upload_meta);
    let mut upload = uploads.get(&session.0).unwrap();
    let key_at_begin = upload.key(session);
    upload.pmid_stem = OTHER_STEM.into();
    uploads.insert(session.0, upload);
    let key = pmid_session_hash32(OTHER_STEM, session.0);
    let blob = world.net().blobs.remove(&key_at_begin).unwrap();
    world.net().blobs.insert(key, blob);
    let service = world.start();
    (world, service, session, key)
}

fn put_both(service: &Service, session: SessionId) {
    put(service, session, 0, b"first").unwrap();
    put(service, session, 1, b"last").unwrap();
}

#[test]
fn put_seal_commit_read_and_delete_use_the_stored_stem() {
    let (world, service, session, key) = with_other_stem();
    put_both(&service, session);
    assert_eq!(world.net().blobs[&key].chunks.len(), 2);
    let result = finish(&service, session, FILE).unwrap();
    assert!(world.net().blobs[&key].sealed);
    assert_eq!(world.net().memories["memory-1"].place.key, key);
    assert_eq!(result.blob_id, key.blob_id().to_string());
    let read = run(service.blob_whole(id(OWNER), &result.blob_id));
    assert_eq!(read.unwrap().bytes(), FILE);
    run(service.delete_memory(id(OWNER), "memory-1".into())).unwrap();
    world.pass(&service, 1);
    assert!(world.net().blobs.is_empty());
}

#[test]
fn a_full_rehash_uses_the_stored_stem() {
    let (world, service, session, key) = with_other_stem();
    // The second chunk first makes a gap, so that the store must hash.
    put(&service, session, 1, b"last").unwrap();
    put(&service, session, 0, b"first").unwrap();
    world.pass(&service, 1);
    finish(&service, session, FILE).unwrap();
    assert!(world.net().calls.contains(&"blob_digest"));
    assert!(world.net().blobs[&key].sealed);
}

#[test]
fn abort_and_expiry_delete_under_the_stored_stem() {
    for expires in [false, true] {
        let (world, service, session, _) = with_other_stem();
        put_both(&service, session);
        match expires {
            true => world.pass(&service, 24 * 3_600 + 1),
            false => service.abort(id(OWNER), session).unwrap(),
        }
        world.pass(&service, 1);
        assert!(world.net().blobs.is_empty());
    }
}

#[test]
fn the_end_of_a_right_deletes_under_the_stored_stem() {
    let (world, service, session, _) = with_other_stem();
    put_both(&service, session);
    world.net().writers.clear();
    finish(&service, session, FILE).unwrap_err();
    world.pass(&service, 1);
    assert!(world.net().blobs.is_empty());
}

#[test]
fn a_deletion_knows_a_finishing_session_by_the_stored_stem() {
    let (world, service, session, _) = with_other_stem();
    put_both(&service, session);
    // The index has the memory, but the gateway doesn't know it. The deletion must end the session,
    // or the next finish would commit the memory again.
    world.fail("memory_commit", Fault::LostReply);
    finish(&service, session, FILE).unwrap_err();
    run(service.delete_memory(id(OWNER), "memory-1".into())).unwrap();
    assert_eq!(finish(&service, session, FILE), Err(Failure::NotFound));
    world.pass(&service, 3_600);
    assert!(world.net().memories.is_empty());
    assert!(world.net().blobs.is_empty());
}
