//! Begins with several stores: full ones, silent ones, and bounded ones.

use super::world::*;
use crate::failure::{Failure, Result};
use crate::session::standing::Standing;
use crate::upload::placement::{NoStore, Search};
use crate::upload::registry::Refusal;
use crate::upload::state::uploads::NewUpload;
use crate::upload::types::SessionId;
use candid::Principal;
use capsule_shared::Error;
use std::collections::BTreeSet;

const MINUTE: u64 = 60;

/// Two stores that reported. The first has more room, so that it is tried first.
pub fn two_stores() -> (World, Service) {
    let (world, service) = World::new();
    world.net().capacity = Some(3_000_000);
    world.other.borrow_mut().capacity = Some(2_000_000);
    run(service.add_store(id(OTHER_STORE))).unwrap();
    service.list_principals(&[id(OWNER)], true).unwrap();
    world.pass(&service, 20);
    (world, service)
}

pub fn store_of(service: &Service, session: SessionId) -> Principal {
    service.with(|state| state.expect_upload(session).store)
}

fn begin_bytes(service: &Service, key: &str, bytes: u64) -> Result<SessionId> {
    run(service.begin(id(OWNER), begin_args(key, "photo.jpg", 2, bytes)))
}

/// How often each store was asked to open a blob since the last look.
fn openings(world: &World) -> (usize, usize) {
    let count = |net: &mut Net| {
        let calls = std::mem::take(&mut net.calls);
        calls.iter().filter(|call| **call == "blob_open").count()
    };
    let first = count(&mut world.net());
    (first, count(&mut world.other.borrow_mut()))
}

fn fail_other(world: &World, method: &'static str, fault: Fault) {
    let mut other = world.other.borrow_mut();
    other.faults.entry(method).or_default().push_back(fault);
}

#[test]
fn the_emptier_store_gets_the_upload() {
    let (world, service) = two_stores();
    let session = begin(&service, "key", 2).unwrap();
    assert_eq!(store_of(&service, session), id(STORE));
    // A promise counts at once, without a new report.
    begin_bytes(&service, "large", 1_500_000).unwrap();
    let session = begin(&service, "next", 2).unwrap();
    assert_eq!(store_of(&service, session), id(OTHER_STORE));
    assert_eq!(openings(&world), (2, 1));
}

#[test]
fn a_store_that_refused_gets_no_upload_of_that_size_until_its_next_report() {
    let (world, service) = two_stores();
    world.fail("blob_open", Fault::Refused(Error::ResourceExhausted));
    let session = begin(&service, "key", 2).unwrap();
    assert_eq!(store_of(&service, session), id(OTHER_STORE));
    assert_eq!(openings(&world), (1, 1));
    begin(&service, "second", 2).unwrap();
    assert_eq!(openings(&world), (0, 1));
    world.pass(&service, MINUTE);
    begin(&service, "third", 2).unwrap();
    assert_eq!(openings(&world), (1, 0));
}

#[test]
fn a_store_that_refused_a_large_upload_takes_smaller_ones() {
    let (world, service) = two_stores();
    let full = || Fault::Refused(Error::ResourceExhausted);
    world.fail("blob_open", full());
    let refused = begin_bytes(&service, "large", 2_500_000);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    // The other store reported too little room, and is the last resort.
    assert_eq!(openings(&world), (1, 1));
    let session = begin_bytes(&service, "small", 2_400_000).unwrap();
    assert_eq!(store_of(&service, session), id(STORE));
    assert_eq!(openings(&world), (1, 0));
}

#[test]
fn a_begin_whose_call_the_platform_does_not_send_tries_no_other_store() {
    let (world, service) = two_stores();
    openings(&world);
    world.fail("blob_open", Fault::NotSent);
    assert!(begin(&service, "key", 2).unwrap_err().is_temporary());
    assert_eq!(openings(&world), (1, 0));
    // That is no fault of the store.
    assert_eq!(service.stores()[0].silent_since, None);
    let session = begin(&service, "key", 2).unwrap();
    assert_eq!(store_of(&service, session), id(STORE));
}

#[test]
fn a_begin_asks_five_stores_at_most() {
    let (_, service) = World::new();
    service.with(|state| {
        for n in 1..=6 {
            state.store_added(id(n), None, 0).unwrap();
        }
        let args = begin_args("key", "photo.jpg", 2, 0);
        let new = NewUpload {
            capsule_id: &args.capsule_id,
            pmid_stem: "stem",
            metadata: &args.metadata,
            index: id(INDEX),
            standing: Standing::Known,
        };
        let mut search = Search::default();
        let mut asked = BTreeSet::new();
        for _ in 0..5 {
            let opening = state.opening(&new, &mut search, 0).ok().unwrap();
            state.not_opened(&opening);
            state.open_failed(&opening, Refusal::Full, 0);
            asked.insert(opening.upload.store);
        }
        assert_eq!(asked.len(), 5);
        let enough = state.opening(&new, &mut search, 0).err();
        assert_eq!(enough, Some(NoStore::Enough));
        // The next begin goes on with the others.
        let next = state.opening(&new, &mut Search::default(), 0).ok().unwrap();
        assert!(!asked.contains(&next.upload.store));
    });
}

#[test]
fn a_stopped_store_is_skipped_until_it_answers() {
    let (world, service) = two_stores();
    world.fail("blob_open", Fault::Rejected);
    let session = begin(&service, "key", 2).unwrap();
    assert_eq!(store_of(&service, session), id(OTHER_STORE));
    assert!(service.stores()[0].silent_since.is_some());
    // It also gives no report.
    world.fail("store_status", Fault::Rejected);
    world.pass(&service, MINUTE);
    openings(&world);
    begin(&service, "second", 2).unwrap();
    assert_eq!(openings(&world), (0, 1));
    world.pass(&service, 10 * MINUTE);
    assert_eq!(service.stores()[0].silent_since, None);
    begin(&service, "third", 2).unwrap();
    assert_eq!(openings(&world), (1, 0));
}

#[test]
fn a_store_that_may_have_opened_the_blob_releases_it_later() {
    let (world, service) = two_stores();
    world.fail("blob_open", Fault::LostReply);
    let session = begin(&service, "key", 2).unwrap();
    assert_eq!(store_of(&service, session), id(OTHER_STORE));
    assert_eq!(begin(&service, "key", 2), Ok(session));
    assert_eq!(world.net().blobs.len(), 1);
    world.pass(&service, 700);
    assert!(world.net().blobs.is_empty());
    assert_eq!(world.other.borrow().blobs.len(), 1);
    put(&service, session, 0, b"first").unwrap();
}

#[test]
fn only_full_stores_are_exhausted() {
    let (world, service) = two_stores();
    let full = || Fault::Refused(Error::ResourceExhausted);
    world.fail("blob_open", full());
    fail_other(&world, "blob_open", full());
    assert_eq!(begin(&service, "key", 2), Err(Failure::ResourceExhausted));
    for unusable in [
        Fault::NotSent,
        Fault::Rejected,
        Fault::LostReply,
        Fault::Refused(Error::Unauthorized),
        Fault::Refused(Error::temporary("too few cycles")),
        Fault::Replied(b"garbage".to_vec()),
    ] {
        // Both report that they have room.
        world.pass(&service, MINUTE);
        world.fail("blob_open", full());
        fail_other(&world, "blob_open", unusable);
        assert!(begin(&service, "key", 2).unwrap_err().is_temporary());
    }
    // A fault of a store isn't hidden by a full one.
    world.pass(&service, MINUTE);
    world.fail("blob_open", full());
    fail_other(
        &world,
        "blob_open",
        Fault::Refused(Error::Internal("broken".into())),
    );
    let broken = Failure::Internal("broken".into());
    assert_eq!(begin(&service, "key", 2), Err(broken));
    // The failed begins hold no place and no key.
    world.pass(&service, 700);
    let session = begin(&service, "key", 2).unwrap();
    assert_eq!(begin(&service, "key", 2), Ok(session));
    let held = |net: &Net| net.blobs.len();
    assert_eq!(held(&world.net()) + held(&world.other.borrow()), 1);
}

#[test]
fn of_stores_that_reported_too_little_only_the_emptiest_is_asked() {
    let (world, service) = two_stores();
    openings(&world);
    let refused = begin_bytes(&service, "huge", 3_500_000);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    assert_eq!(openings(&world), (1, 0));
    // Its report was old.
    world.net().capacity = Some(4_000_000);
    let session = begin_bytes(&service, "huge", 3_500_000).unwrap();
    assert_eq!(store_of(&service, session), id(STORE));
}

#[test]
fn a_store_without_room_for_a_chunk_is_no_candidate() {
    for (key, bytes) in [("small", 2), ("undeclared", 0)] {
        let (world, service) = two_stores();
        world.net().capacity = Some(1_799_999);
        fail_other(&world, "store_status", Fault::LostReply);
        world.pass(&service, 10 * MINUTE);
        openings(&world);
        // Even a silent store comes before it.
        let session = begin_bytes(&service, key, bytes).unwrap();
        assert_eq!(store_of(&service, session), id(OTHER_STORE));
        assert_eq!(openings(&world), (0, 1));
    }
}

#[test]
fn announcements_of_strangers_fill_no_store() {
    let (world, service) = two_stores();
    service.list_principals(&[id(OWNER)], false).unwrap();
    for n in 0..3 {
        begin_bytes(&service, &format!("large {n}"), 900_000).unwrap();
    }
    assert!(
        service
            .stores()
            .iter()
            .all(|store| store.promised_bytes == 0)
    );
    service.list_principals(&[id(OWNER)], true).unwrap();
    openings(&world);
    let session = begin_bytes(&service, "known", 2_900_000).unwrap();
    assert_eq!(store_of(&service, session), id(STORE));
    assert_eq!(openings(&world), (1, 0));
}

#[test]
fn no_begin_goes_over_the_operators_bound() {
    let (world, service) = World::new();
    service.list_principals(&[id(OWNER)], true).unwrap();
    world.pass(&service, 20);
    let bound = 64 << 20;
    service.set_store_capacity(id(STORE), Some(bound)).unwrap();
    openings(&world);
    let begin = |key: &str, bytes| {
        let args = begin_args(key, "photo.jpg", 40, bytes);
        run(service.begin(id(OWNER), args))
    };
    // The store itself has room, and its report may be old.
    assert_eq!(begin("over", bound + 1), Err(Failure::ResourceExhausted));
    assert_eq!(openings(&world), (0, 0));
    begin("within", bound).unwrap();
    assert_eq!(begin("after", 40), Err(Failure::ResourceExhausted));
    assert_eq!(openings(&world), (1, 0));
}

#[test]
fn a_bounded_store_without_a_report_takes_nothing() {
    let (world, service) = World::new();
    service
        .set_store_capacity(id(STORE), Some(64 << 20))
        .unwrap();
    let refused = begin(&service, "key", 2);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    assert_eq!(openings(&world), (0, 0));
    world.pass(&service, 20);
    begin(&service, "key", 2).unwrap();
}
