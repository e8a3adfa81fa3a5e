//! Stores and callers that change while a store opens a blob.

use super::store_choice::{store_of, two_stores};
use super::world::*;
use crate::failure::{Failure, Result};
use crate::upload::types::SessionId;
use capsule_shared::Error;
use capsule_shared::stores::StoreState;

const MINUTE: u64 = 60;

/// Begins an upload whose first opening is held, and refused for lack of room.
fn held_begin(world: &World, service: &Service) -> impl Future<Output = Result<SessionId>> + Unpin {
    let full = Fault::Refused(Error::ResourceExhausted);
    world.fail("blob_open", full);
    held_open(world, service)
}

fn held_open(world: &World, service: &Service) -> impl Future<Output = Result<SessionId>> + Unpin {
    world.net().held.insert("blob_open");
    let service = service.clone();
    let args = begin_args("key", "photo.jpg", 2, 0);
    let mut begun = Box::pin(async move { service.begin(id(OWNER), args).await });
    while world.net().calls.last() != Some(&"blob_open") {
        assert!(poll(&mut begun).is_pending());
    }
    begun
}

#[test]
fn a_store_that_is_added_during_a_begin_takes_the_upload() {
    let (world, service) = World::new();
    let begun = held_begin(&world, &service);
    run(service.add_store(id(OTHER_STORE))).unwrap();
    world.net().held.clear();
    let session = run(begun).unwrap();
    assert_eq!(store_of(&service, session), id(OTHER_STORE));
}

#[test]
fn a_store_that_is_removed_during_a_begin_is_not_tried() {
    let (world, service) = two_stores();
    let begun = held_begin(&world, &service);
    service.remove_store(id(OTHER_STORE));
    world.net().held.clear();
    assert_eq!(run(begun), Err(Failure::ResourceExhausted));
    assert_eq!(world.other.borrow().blobs.len(), 0);
}

#[test]
fn an_upload_whose_store_became_read_only_during_its_begin_ends_there() {
    for state in [StoreState::ReadOnly, StoreState::Draining] {
        let (world, service) = two_stores();
        let begun = held_open(&world, &service);
        service.set_store_state(id(STORE), state).unwrap();
        world.net().held.clear();
        let session = run(begun).unwrap();
        put(&service, session, 0, b"first").unwrap();
        put(&service, session, 1, b"last").unwrap();
        let memory = finish(&service, session, FILE).unwrap().memory_id;
        let next = begin(&service, "next", 2).unwrap();
        assert_eq!(store_of(&service, next), id(OTHER_STORE));
        run(service.delete_memory(id(OWNER), memory)).unwrap();
        world.pass(&service, MINUTE);
        assert!(world.net().blobs.is_empty());
    }
}

/// Retires the first store while it opens a blob. The store reported that it has none.
fn retire_during_begin(world: &World, service: &Service) {
    service.remove_store(id(STORE));
    let opened = std::mem::take(&mut world.net().blobs);
    run(service.retire_store(id(STORE))).unwrap();
    world.net().blobs = opened;
    world.net().held.clear();
}

#[test]
fn an_upload_whose_store_was_retired_during_its_begin_goes_to_another() {
    let (world, service) = two_stores();
    let begun = held_open(&world, &service);
    retire_during_begin(&world, &service);
    let session = run(begun).unwrap();
    assert_eq!(store_of(&service, session), id(OTHER_STORE));
    put(&service, session, 0, b"first").unwrap();
    // The retired store gives the opened blob back.
    assert_eq!(world.net().blobs.len(), 1);
    world.pass(&service, 1);
    assert!(world.net().blobs.is_empty());
}

#[test]
fn a_begin_whose_only_store_was_retired_says_so() {
    let (world, service) = two_stores();
    let begun = held_open(&world, &service);
    service.remove_store(id(OTHER_STORE));
    retire_during_begin(&world, &service);
    let retired = Failure::temporary("the blob store was retired meanwhile");
    assert_eq!(run(begun), Err(retired));
    world.pass(&service, 1);
    assert!(world.net().blobs.is_empty());
    // Its place and its key are free.
    service
        .set_store_state(id(OTHER_STORE), StoreState::Active)
        .unwrap();
    begin(&service, "key", 2).unwrap();
}

/// The gateway deletes what it has in a store that was given up, too.
#[test]
fn deletions_reach_a_store_that_was_given_up_or_retired() {
    let (world, service) = two_stores();
    let session = uploaded(&service);
    service
        .set_store_state(id(STORE), StoreState::Offline)
        .unwrap();
    service.abort(id(OWNER), session).unwrap();
    world.fail("blob_delete", Fault::LostReply);
    world.pass(&service, 1);
    assert_eq!(
        run(service.retire_store(id(STORE))).is_ok(),
        world.net().blobs.is_empty()
    );
    world.pass(&service, 10 * MINUTE);
    assert!(world.net().blobs.is_empty());
    run(service.retire_store(id(STORE))).unwrap();
    world.pass(&service, 10 * MINUTE);
    assert_eq!(
        service.cleanup_expired(),
        "Expired sessions: 0, Queued jobs: 0"
    );
}

#[test]
fn a_begin_asks_no_further_store_when_the_first_one_took_too_long() {
    let (world, service) = two_stores();
    let begun = held_begin(&world, &service);
    world.net().now += 3 * MINUTE * SECOND;
    world.net().held.clear();
    assert!(run(begun).unwrap_err().is_temporary());
    assert!(world.other.borrow().blobs.is_empty());
    let session = begin(&service, "key", 2).unwrap();
    assert_eq!(store_of(&service, session), id(OTHER_STORE));
}

#[test]
fn a_taken_blob_id_is_no_fault_of_its_store() {
    let (world, service) = two_stores();
    let before = service.with(|state| state.sessions().counters().next_id);
    world.fail("blob_open", Fault::Refused(Error::conflict("taken")));
    let session = begin(&service, "key", 2).unwrap();
    assert_eq!(session, SessionId(before + 1));
    assert_eq!(store_of(&service, session), id(STORE));
}

#[test]
fn a_blocked_caller_tries_no_second_store() {
    let (world, service) = two_stores();
    let begun = held_begin(&world, &service);
    service.block_principals(&[id(OWNER)]).unwrap();
    world.net().held.clear();
    assert_eq!(run(begun), Err(Failure::Unauthorized));
    assert!(world.other.borrow().blobs.is_empty());
}

#[test]
fn an_upload_that_ends_gives_its_promise_back() {
    let (world, service) = World::new();
    service.list_principals(&[id(OWNER)], true).unwrap();
    let promised = |service: &Service| service.stores()[0].promised_bytes;
    let begin = |key| {
        let args = begin_args(key, "photo.jpg", 2, 1_000);
        run(service.begin(id(OWNER), args)).unwrap()
    };
    let session = begin("aborted");
    assert_eq!(promised(&service), 1_000);
    service.abort(id(OWNER), session).unwrap();
    assert_eq!(promised(&service), 0);
    // A report that counted the promise has taken it off already.
    let session = begin("reported");
    world.pass(&service, 10 * MINUTE);
    assert_eq!(promised(&service), 0);
    begin("another");
    service.abort(id(OWNER), session).unwrap();
    assert_eq!(promised(&service), 1_000);
}
