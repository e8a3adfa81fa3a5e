//! The finish protocol, with failures at every step.

use super::world::*;
use crate::failure::Failure;
use capsule_shared::BlobId;
use capsule_shared::upload::StorageBackend;

#[test]
fn an_upload_from_begin_to_reading_it_back() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    let result = finish(&service, session, FILE).unwrap();
    let key = *world.net().blobs.keys().next().unwrap();
    assert_eq!(result.memory_id, "memory-1");
    assert_eq!(result.blob_id, key.blob_id().to_string());
    assert_eq!(
        result.storage_location,
        format!("icp://blob/{}", result.blob_id)
    );
    assert_eq!(
        (result.size, result.storage_backend),
        (9, StorageBackend::Icp)
    );
    let blob = world.net().blobs[&key].clone();
    assert!(blob.sealed);
    let sha256 = <sha2::Sha256 as sha2::Digest>::digest(FILE).into();
    assert_eq!(blob.sha256, Some(sha256));
    let log = world.net().log.clone();
    let hash = hex::encode(result.checksum_sha256.as_ref().unwrap());
    assert_eq!(
        log,
        [
            "FINISH_START sid=1".to_string(),
            format!("FINISH_HASH_OK sid=1 hash={hash}"),
            "FINISH_INDEX_COMMITTED sid=1 mid=memory-1".to_string(),
        ]
    );
    // A repeated finish has the same result, also after an upgrade, and logs nothing.
    assert_eq!(finish(&world.start(), session, FILE), Ok(result.clone()));
    assert_eq!(world.net().log.len(), 3);
    assert_eq!(begin(&service, "key", 2), Ok(session));

    let owner = id(OWNER);
    for locator in [&result.blob_id, &result.storage_location] {
        let meta = run(service.blob_meta(owner, locator)).unwrap();
        assert_eq!((meta.size, meta.chunk_count), (9, 2));
        let whole = run(service.blob_whole(owner, locator)).unwrap();
        assert_eq!(whole.bytes(), FILE);
        let last = run(service.blob_chunk(owner, locator, 1)).unwrap();
        assert_eq!(last.bytes(), b"last");
        let beyond = run(service.blob_chunk(owner, locator, 2));
        assert!(matches!(beyond, Err(Failure::InvalidArgument(_))));
    }
    let unknown = BlobId(1).to_string();
    assert_eq!(
        run(service.blob_meta(owner, &unknown)),
        Err(Failure::NotFound)
    );
    let bad = run(service.blob_meta(owner, "blob_x"));
    assert!(matches!(bad, Err(Failure::InvalidArgument(_))));
}

#[test]
fn a_large_blob_is_read_chunk_by_chunk() {
    let (world, service) = World::new();
    let result = finish(&service, uploaded(&service), FILE).unwrap();
    let mut net = world.net();
    net.memories.get_mut("memory-1").unwrap().place.size = 2 * 1024 * 1024 + 1;
    drop(net);
    let refused = run(service.blob_whole(id(OWNER), &result.blob_id));
    assert!(refused.unwrap_err().to_string().contains("blob_read_chunk"));
}

#[test]
fn the_probe_counts_what_happened() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    put(&service, session, 0, b"first").unwrap();
    finish(&service, session, b"something else").unwrap_err();
    finish(&service, session, FILE).unwrap();
    finish(&service, session, FILE).unwrap();
    let stats = service.debug_session_stats();
    assert_eq!(stats.total_chunk_writes, 2, "a repeated chunk is no write");
    assert_eq!((stats.finish_ok_count, stats.finish_err_count), (1, 1));
    assert_eq!(stats.total_active, 0);
    let upgraded = world.start().debug_session_stats();
    assert_eq!(
        (upgraded.total_chunk_writes, upgraded.finish_ok_count),
        (0, 0)
    );
}

#[test]
fn a_wrong_hash_or_length_leaves_the_session_pending() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    let wrong = finish(&service, session, b"FIRSTlast").unwrap_err();
    assert!(matches!(&wrong, Failure::ChecksumMismatch { .. }));
    assert!(finish(&service, session, b"firstlast!").is_err());
    let short = run(service.finish(id(OWNER), session, &[1; 31], 9)).unwrap_err();
    assert!(short.to_string().contains("expected 32"));
    assert_eq!(
        run(service.finish(id(9), session, &[1; 32], 9)),
        Err(Failure::Unauthorized)
    );
    assert!(world.net().memories.is_empty());
    finish(&service, session, FILE).unwrap();
    let other = finish(&service, session, b"FIRSTlast").unwrap_err();
    assert!(matches!(other, Failure::ChecksumMismatch { .. }), "{other}");
}

#[test]
fn every_step_may_fail_and_the_same_call_carries_on() {
    for method in ["blob_seal", "memory_commit"] {
        for fault in [Fault::NotSent, Fault::LostReply] {
            let (world, mut service) = World::new();
            let session = uploaded(&service);
            for _ in 0..3 {
                world.fail(method, fault.clone());
                assert!(finish(&service, session, FILE).unwrap_err().is_temporary());
                service = world.start();
            }
            assert!(matches!(
                service.abort(id(OWNER), session),
                Err(Failure::Conflict(_))
            ));
            assert!(matches!(
                put(&service, session, 0, b"first"),
                Err(Failure::Conflict(_))
            ));
            assert!(finish(&service, session, b"FIRSTlast").is_err());
            finish(&service, session, FILE).unwrap();
            assert_eq!(world.net().memories.len(), 1);
            assert_eq!(world.net().log.len(), 3, "{:?}", world.net().log);
        }
    }
}

#[test]
fn the_timer_carries_on_a_finish_that_is_cut_off() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    world.fail("memory_commit", Fault::LostReply);
    finish(&service, session, FILE).unwrap_err();
    let service = world.start();
    world.fail("blob_seal", Fault::NotSent);
    world.pass(&service, 61);
    assert_eq!(
        service.sessions_stats(),
        "Total sessions: 1, Pending: 1, Committed: 0"
    );
    world.pass(&service, 600);
    assert_eq!(
        service.sessions_stats(),
        "Total sessions: 1, Pending: 0, Committed: 1"
    );
    assert_eq!(
        finish(&service, session, FILE).unwrap().memory_id,
        "memory-1"
    );
}

#[test]
fn two_finishes_at_once_commit_once() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    world.net().held.insert("blob_seal");
    let hash = <sha2::Sha256 as sha2::Digest>::digest(FILE);
    let mut first = Box::pin(service.finish(id(OWNER), session, &hash, 9));
    assert!(poll(&mut first).is_pending());
    assert!(finish(&service, session, FILE).unwrap_err().is_temporary());
    world.pass(&service, 61);
    world.net().held.clear();
    run(first).unwrap();
    assert_eq!(world.net().commits, 1);
}

#[test]
fn a_definite_refusal_to_seal_makes_the_session_pending_again() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    world.net().blobs.values_mut().for_each(|blob| {
        blob.chunks.remove(&1);
    });
    let refused = finish(&service, session, FILE).unwrap_err();
    assert!(matches!(refused, Failure::InvalidArgument(_)), "{refused}");
    put(&service, session, 1, b"last").unwrap();
    finish(&service, session, FILE).unwrap();
}

#[test]
fn without_the_right_to_write_the_upload_ends_and_is_cleaned_up() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    world.net().writers.clear();
    assert_eq!(finish(&service, session, FILE), Err(Failure::Unauthorized));
    assert_eq!(finish(&service, session, FILE), Err(Failure::NotFound));
    world.pass(&service, 1);
    assert!(world.net().blobs.is_empty());
}

#[test]
fn an_index_that_refuses_the_gateway_ends_nothing() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    world.fail("memory_commit", Fault::RefusedGateway);
    assert!(finish(&service, session, FILE).unwrap_err().is_temporary());
    finish(&service, session, FILE).unwrap();
}

#[test]
fn the_record_of_a_finished_upload_retires() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    finish(&service, session, FILE).unwrap();
    world.pass(&service, 24 * 3_600 + 1);
    assert_eq!(finish(&service, session, FILE), Err(Failure::NotFound));
    assert_ne!(begin(&service, "key", 2), Ok(session));
    assert!(
        world.net().blobs.values().any(|blob| blob.sealed),
        "the memory stays"
    );
}
