//! Begins: two at once, refusals, lost answers, and begins that are cut off.

use super::world::*;
use crate::failure::Failure;
use crate::upload::types::SessionId;
use candid::Principal;
use capsule_shared::Error;
use capsule_shared::blob_store::Declared;
use capsule_shared::gateway::GatewayArgs;

#[test]
fn a_begin_is_found_again_by_its_key() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 2).unwrap();
    assert_eq!(session, SessionId(1));
    assert_eq!(begin(&world.start(), "key", 2), Ok(session));
    let other = run(service.begin(id(OWNER), begin_args("key", "other.jpg", 2, 0)));
    assert!(matches!(other, Err(Failure::Conflict(_))), "{other:?}");
    assert_eq!(world.net().blobs.len(), 1);
}

#[test]
fn the_blob_is_where_the_frozen_key_says() {
    let (world, service) = World::new();
    begin(&service, "key", 2).unwrap();
    let key = *world.net().blobs.keys().next().unwrap();
    // The frozen test vector of capsule-1#photo.jpg, session 1.
    assert_eq!(key.blob_id().0, 2484458371407530296);
}

#[test]
fn two_identical_begins_at_once_make_one_session() {
    let (world, service) = World::new();
    world.net().held.insert("capsule_usage");
    let mut first = Box::pin(service.begin(id(OWNER), begin_args("key", "photo.jpg", 2, 0)));
    assert!(poll(&mut first).is_pending());
    assert!(begin(&service, "key", 2).unwrap_err().is_temporary());
    world.net().held.clear();
    let session = run(first).unwrap();
    assert_eq!(begin(&service, "key", 2), Ok(session));
    assert_eq!(world.net().blobs.len(), 1);
    assert_eq!(service.with(|state| state.report(0)).events.begins, 1);
}

#[test]
fn bad_arguments_and_callers_are_refused_before_any_call() {
    let (world, service) = World::new();
    let long = "x".repeat(1_025);
    for args in [
        begin_args("", "photo.jpg", 1, 0),
        begin_args("key", "", 1, 0),
        begin_args("key", &long, 1, 0),
        begin_args(&long, "photo.jpg", 1, 0),
        begin_args("key", "photo.jpg", 0, 0),
        begin_args("key", "photo.jpg", 3, 2),
    ] {
        let refused = run(service.begin(id(OWNER), args));
        assert!(
            matches!(refused, Err(Failure::InvalidArgument(_))),
            "{refused:?}"
        );
    }
    let mut args = begin_args("key", "photo.jpg", 1, 0);
    args.capsule_id = "c".repeat(257);
    assert!(run(service.begin(id(OWNER), args)).is_err());
    let anonymous = || {
        let args = begin_args("key", "photo.jpg", 1, 0);
        run(service.begin(Principal::anonymous(), args))
    };
    assert_eq!(anonymous(), Err(Failure::Unauthorized));
    assert!(world.net().calls.is_empty());
    let allow = GatewayArgs {
        allow_anonymous: Some(true),
        ..GatewayArgs::default()
    };
    service.configure(allow).unwrap();
    world.net().writers.insert(Principal::anonymous());
    assert_eq!(anonymous(), Ok(SessionId(1)));
}

#[test]
fn without_the_right_to_write_nothing_is_left() {
    let (world, service) = World::new();
    let stranger = |key| run(service.begin(id(9), begin_args(key, "photo.jpg", 2, 0)));
    for _ in 0..200 {
        assert_eq!(stranger("key"), Err(Failure::Unauthorized));
    }
    assert!(world.net().blobs.is_empty());
    world.net().writers.insert(id(9));
    assert_eq!(stranger("key"), Ok(SessionId(1)));
}

#[test]
fn a_taken_blob_id_is_skipped() {
    let (world, service) = World::new();
    world.fail("blob_open", Fault::Refused(Error::conflict("taken")));
    assert_eq!(begin(&service, "key", 2), Ok(SessionId(2)));
    world.pass(&service, 7_200);
    assert!(!world.net().calls.contains(&"blob_delete"));
}

#[test]
fn a_begin_whose_answer_is_lost_leaves_no_blob() {
    let (world, service) = World::new();
    world.fail("blob_open", Fault::LostReply);
    assert!(begin(&service, "key", 2).unwrap_err().is_temporary());
    // The release waits: a request that is still on its way would leave its blob behind.
    world.pass(&service, 60);
    assert_eq!(world.net().blobs.len(), 1);
    world.pass(&service, 600);
    assert!(world.net().blobs.is_empty());
    begin(&service, "key", 2).unwrap();
    world.fail("blob_open", Fault::NotSent);
    assert!(begin(&service, "other", 2).unwrap_err().is_temporary());
    world.pass(&service, 7_200);
    assert_eq!(world.net().blobs.len(), 1, "the blob of the living session");
}

#[test]
fn a_begin_that_is_cut_off_leaves_neither_blob_nor_reservation() {
    let (world, service) = World::new();
    world.net().held.insert("blob_open");
    let mut cut_off = Box::pin(service.begin(id(OWNER), begin_args("key", "photo.jpg", 2, 0)));
    while world.net().blobs.is_empty() {
        assert!(poll(&mut cut_off).is_pending());
    }
    drop(cut_off);
    world.net().held.clear();
    begin(&service, "key", 2).unwrap();
    // The same after an upgrade, which loses the heap.
    let service = world.start();
    world.pass(&service, 700);
    assert_eq!(
        world.net().blobs.len(),
        1,
        "only the blob of the living session"
    );
}

#[test]
fn an_answer_after_the_start_of_the_clean_up_makes_no_session() {
    let (world, service) = World::new();
    world.net().held.insert("blob_open");
    let mut late = Box::pin(service.begin(id(OWNER), begin_args("key", "photo.jpg", 2, 0)));
    while world.net().blobs.is_empty() {
        assert!(poll(&mut late).is_pending());
    }
    world.net().now += 3_600 * SECOND;
    run(service.tick());
    world.net().held.clear();
    assert!(run(late).unwrap_err().is_temporary());
    assert_eq!(
        service.sessions_stats(),
        "Total sessions: 0, Pending: 0, Committed: 0"
    );
}

#[test]
fn missing_peers_are_named() {
    let (world, _) = World::new();
    let fresh = World {
        memory: Default::default(),
        ..world
    };
    let error = begin(&fresh.start(), "key", 2).unwrap_err();
    assert_eq!(error, Failure::temporary("memory_index is not configured"));
}

#[test]
fn another_blob_under_the_key_of_a_lost_begin_is_left_alone() {
    let (world, service) = World::new();
    world.fail("blob_open", Fault::LostReply);
    assert!(begin(&service, "key", 2).unwrap_err().is_temporary());
    // The lost answer was a refusal.
    let key = *world.net().blobs.keys().next().unwrap();
    world.net().blobs.get_mut(&key).unwrap().foreign = true;
    world.pass(&service, 700);
    assert!(world.net().blobs.contains_key(&key));
    assert_eq!(
        service.cleanup_expired(),
        "Expired sessions: 0, Queued jobs: 0"
    );
}

#[test]
fn a_refusal_to_an_unregistered_gateway_says_nothing_about_the_caller() {
    let (world, service) = World::new();
    world.fail("capsule_usage", Fault::RefusedGateway);
    assert!(begin(&service, "key", 1).unwrap_err().is_temporary());
    begin(&service, "key", 1).unwrap();
}

#[test]
fn the_store_learns_what_the_uploader_declared() {
    let (world, service) = World::new();
    let declared = |session: SessionId| {
        let key = service.with(|state| state.expect_upload(session).key(session));
        world.net().blobs[&key].declared
    };
    let session = run(service.begin(id(OWNER), begin_args("sized", "photo.jpg", 2, 70))).unwrap();
    let stranger = Declared {
        bytes: 70,
        known: false,
    };
    assert_eq!(declared(session), Some(stranger));
    service.list_principals(&[id(OWNER)], true).unwrap();
    let session = begin(&service, "no size", 2).unwrap();
    let known = Declared {
        bytes: 0,
        known: true,
    };
    assert_eq!(declared(session), Some(known));
}

#[test]
fn a_full_store_refuses_a_begin_that_may_be_repeated() {
    let (world, service) = World::new();
    for _ in 0..200 {
        world.fail("blob_open", Fault::Refused(Error::ResourceExhausted));
        assert_eq!(begin(&service, "key", 2), Err(Failure::ResourceExhausted));
    }
    assert!(world.net().blobs.is_empty());
    assert_eq!(
        service.cleanup_expired(),
        "Expired sessions: 0, Queued jobs: 0"
    );
    let session = begin(&service, "key", 2).unwrap();
    assert_eq!(begin(&service, "key", 2), Ok(session));
}
