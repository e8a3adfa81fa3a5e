//! Abort and expiry, and the clean-up after them.

use super::world::*;
use crate::failure::Failure;
use std::task::Poll;

#[test]
fn abort_deletes_the_blob_however_often_the_store_fails() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    assert_eq!(service.abort(id(9), session), Err(Failure::Unauthorized));
    service.abort(id(OWNER), session).unwrap();
    service.abort(id(OWNER), session).unwrap();
    for fault in [Fault::NotSent, Fault::LostReply] {
        world.fail("blob_delete", fault);
    }
    let service = world.start();
    world.pass(&service, 1);
    assert!(!world.net().blobs.is_empty());
    for _ in 0..3 {
        world.pass(&service, 600);
    }
    assert!(world.net().blobs.is_empty());
    assert_eq!(put(&service, session, 0, b"first"), Err(Failure::NotFound));
    assert_eq!(finish(&service, session, FILE), Err(Failure::NotFound));
}

#[test]
fn an_abort_overtakes_a_chunk_in_flight() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 1).unwrap();
    world.net().held.insert("blob_put_chunk");
    let mut put = Box::pin(service.put_chunk(id(OWNER), chunk(session, 0, b"late")));
    assert!(poll(&mut put).is_pending());
    service.abort(id(OWNER), session).unwrap();
    world.net().held.clear();
    assert_eq!(poll(&mut put), Poll::Ready(Err(Failure::NotFound)));
    world.pass(&service, 1);
    assert!(world.net().blobs.is_empty());
}

#[test]
fn a_forgotten_upload_expires() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    world.pass(&service, 24 * 3_600);
    assert!(world.net().log.is_empty());
    world.pass(&service, 1);
    assert_eq!(world.net().log, [format!("SESSION_EXPIRED sid={session}")]);
    world.pass(&service, 1);
    assert!(world.net().blobs.is_empty());
    assert_ne!(begin(&service, "key", 2), Ok(session));
}

#[test]
fn a_repeated_begin_keeps_the_session_alive() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 2).unwrap();
    world.pass(&service, 23 * 3_600);
    assert_eq!(begin(&service, "key", 2), Ok(session));
    world.pass(&service, 2 * 3_600);
    put(&service, session, 0, b"first").unwrap();
}

#[test]
fn a_deletion_outlasts_a_store_that_refuses_the_gateway() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    service.abort(id(OWNER), session).unwrap();
    for _ in 0..120 {
        world.fail(
            "blob_delete",
            Fault::Refused(capsule_shared::Error::Unauthorized),
        );
    }
    for _ in 0..100 {
        world.pass(&service, 1_000);
    }
    world.net().calls.clear();
    for _ in 0..86 {
        world.pass(&service, 1_000);
    }
    world.net().calls.retain(|call| *call == "blob_delete");
    let tries = world.net().calls.len();
    assert!(tries <= 4, "{tries} calls in a day");
    world.net().faults.clear();
    world.pass(&service, 25 * 3_600);
    assert!(world.net().blobs.is_empty());
}
