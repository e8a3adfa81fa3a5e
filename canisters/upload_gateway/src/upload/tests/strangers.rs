//! Strangers keep within their share: floods of begins and of bytes, blocks, and who is known.

use super::world::*;
use crate::failure::Failure;
use crate::session::standing::Standing;
use crate::upload::admission::Ingress;
use crate::upload::types::{BeginArgs, SessionId};
use candid::{Principal, encode_args};
use capsule_shared::gateway::GatewayArgs;
use serde_bytes::Bytes;

const DAY: u64 = 24 * 3_600;

fn args_of(key: &str, capsule: &str) -> BeginArgs {
    BeginArgs {
        capsule_id: capsule.into(),
        ..begin_args(key, "photo.jpg", 2, 0)
    }
}

/// Begins in a capsule of the caller's own.
fn begin_own(
    world: &World,
    service: &Service,
    n: u8,
    key: &str,
) -> crate::failure::Result<SessionId> {
    world.net().writers.insert(id(n));
    run(service.begin(id(n), args_of(key, &format!("capsule of {n}"))))
}

fn with_max_sessions(max: u32) -> (World, Service) {
    let (world, service) = World::new();
    service
        .configure(GatewayArgs {
            max_sessions: Some(max),
            ..GatewayArgs::default()
        })
        .unwrap();
    (world, service)
}

#[test]
fn after_a_flood_the_known_upload_at_once_and_a_newcomer_after_ten_minutes() {
    let (world, service) = with_max_sessions(6);
    service.list_principals(&[id(200)], true).unwrap();
    for n in [11, 12, 13] {
        begin_own(&world, &service, n, "flood").unwrap();
    }
    for n in [14, 15] {
        let refused = begin_own(&world, &service, n, "flood");
        assert_eq!(refused, Err(Failure::ResourceExhausted));
    }
    for key in ["1", "2", "3"] {
        begin_own(&world, &service, 200, key).unwrap();
    }
    // Repeated begins and empty finishes are no progress.
    world.pass(&service, 599);
    begin_own(&world, &service, 11, "flood").unwrap();
    assert!(run(service.finish(id(11), SessionId(1), &[0; 32], 0)).is_err());
    let refused = begin_own(&world, &service, 20, "mine");
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    world.pass(&service, 1);
    let mine = begin_own(&world, &service, 20, "mine").unwrap();
    assert_eq!(
        run(service.put_chunk(id(20), chunk(mine, 0, b"first"))),
        Ok(())
    );
    // It ended like an expired one.
    assert_eq!(world.net().log.last().unwrap(), "SESSION_EXPIRED sid=1");
    assert_eq!(service.status(id(11), SessionId(1)), Err(Failure::NotFound));
    world.pass(&service, 1);
    assert_eq!(world.net().blobs.len(), 6);
    let report = service.with(|state| state.report(0));
    assert_eq!((report.strangers, report.max_strangers), (3, 3));
    let events = report.events;
    assert_eq!((events.sessions_evicted, events.sessions_expired), (1, 0));
}

#[test]
fn a_begin_without_the_right_to_write_ends_no_session() {
    let (world, service) = with_max_sessions(2);
    begin_own(&world, &service, 11, "flood").unwrap();
    world.pass(&service, 3_600);
    let refused = run(service.begin(id(66), args_of("key", "capsule of 11")));
    assert_eq!(refused, Err(Failure::Unauthorized));
    assert_eq!(world.net().blobs.len(), 1);
}

#[test]
fn begins_of_a_stranger_do_not_count_in_a_foreign_capsule() {
    let (world, service) = World::new();
    service
        .configure(GatewayArgs {
            max_sessions_per_capsule: Some(3),
            max_bytes_per_capsule: Some(1_800_000),
            ..GatewayArgs::default()
        })
        .unwrap();
    world.net().held.insert("capsule_usage");
    let mut begins: Vec<_> = (0..20)
        .map(|n| Box::pin(service.begin(id(9), begin_args(&format!("{n}"), "x", 1, 1_700_000))))
        .collect();
    for begin in &mut begins {
        assert!(poll(begin).is_pending());
    }
    world.net().held.clear();
    // The owner notices nothing, in sessions or in bytes.
    for key in ["1", "2", "3"] {
        run(service.begin(id(OWNER), begin_args(key, "photo.jpg", 2, 540_000))).unwrap();
    }
    for begin in begins {
        assert_eq!(run(begin), Err(Failure::Unauthorized));
    }
}

#[test]
fn a_finished_upload_that_is_older_than_seven_days_makes_somebody_known() {
    let (world, service) = World::new();
    let standing = |service: &Service| {
        let now = world.net().now;
        service.with(|state| state.standing(id(OWNER), now))
    };
    let session = uploaded(&service);
    assert_eq!(standing(&service), Standing::New);
    finish(&service, session, FILE).unwrap();
    world.pass(&service, 7 * DAY);
    assert_eq!(standing(&service), Standing::New);
    world.pass(&service, 1);
    assert_eq!(standing(&service), Standing::Known);
    // A later upload doesn't start the time again, and an upgrade keeps it.
    let service = world.start();
    finish(&service, uploaded(&service), FILE).unwrap();
    assert_eq!(standing(&service), Standing::Known);
    assert_eq!(service.with(|state| state.people().counts()).uploaded, 1);
}

#[test]
fn the_lists_of_the_operator_are_paged_and_survive_an_upgrade() {
    let (world, service) = World::new();
    let people: Vec<_> = (0..1_500u32)
        .map(|n| Principal::from_slice(&n.to_be_bytes()))
        .collect();
    for part in people.chunks(1_000) {
        service.list_principals(part, true).unwrap();
    }
    let refused = service.list_principals(&people, true);
    assert!(matches!(refused, Err(Failure::InvalidArgument(_))));
    service.block_principals(&people[..1]).unwrap();
    service.block_principals(&[id(66)]).unwrap();
    service.list_principals(&people[1..2], false).unwrap();
    let service = world.start();
    let first = service.principals(None);
    assert_eq!(first.principals.len(), 1_000);
    let now = Some(world.net().now);
    let both = first.principals[1];
    assert!(
        first
            .principals
            .iter()
            .all(|p| p.known_since == now || p.blocked_since == now)
    );
    assert_ne!(both.principal, people[1]);
    let second = service.principals(first.next);
    assert_eq!((second.principals.len(), second.next), (500, None));
    let counts = service.with(|state| state.people().counts());
    assert_eq!((counts.listed, counts.blocked), (1_499, 2));
}

#[test]
fn a_blocked_principal_may_only_read() {
    let (world, service) = World::new();
    let done = uploaded(&service);
    finish(&service, done, FILE).unwrap();
    let open = begin(&service, "open", 2).unwrap();
    assert_eq!(service.block_principals(&[id(OWNER)]), Ok(1));
    assert_eq!(
        world.net().log.last().unwrap(),
        &format!("SESSION_EXPIRED sid={open}")
    );
    assert_eq!(begin(&service, "new", 1), Err(Failure::Unauthorized));
    assert_eq!(put(&service, open, 0, b"x"), Err(Failure::Unauthorized));
    assert_eq!(service.check_updates(id(OWNER)), Err(Failure::Unauthorized));
    let begins = encode_args(("c", begin_args("k", "n", 1, 0).metadata, 1u32, "k")).unwrap();
    assert!(!service.admits(ingress(OWNER, "uploads_begin", begins.clone())));
    // Its memory stays, and it may read it.
    assert_eq!(service.list(id(OWNER)).unwrap().len(), 1);
    world.pass(&service, 1);
    assert_eq!(world.net().blobs.len(), 1);
    assert_eq!(service.unblock_principals(&[id(OWNER)]), Ok(()));
    assert!(service.admits(ingress(OWNER, "uploads_begin", begins)));
    begin(&service, "new", 1).unwrap();
}

fn ingress(n: u8, method: &str, arg: Vec<u8>) -> Ingress {
    Ingress {
        caller: id(n),
        is_controller: false,
        method: method.into(),
        arg,
    }
}

#[test]
fn a_begin_in_flight_of_a_blocked_principal_makes_no_session() {
    for method in ["capsule_usage", "blob_open"] {
        let (world, service) = World::new();
        world.net().held.insert(method);
        let mut begin = Box::pin(service.begin(id(OWNER), begin_args("key", "photo.jpg", 2, 9)));
        for _ in 0..5 {
            assert!(poll(&mut begin).is_pending());
        }
        service.block_principals(&[id(OWNER)]).unwrap();
        world.net().held.clear();
        assert_eq!(run(begin), Err(Failure::Unauthorized));
        assert_eq!(service.with(|state| state.sessions().counters().pending), 0);
        world.pass(&service, 700);
        assert!(world.net().blobs.is_empty());
    }
}

#[test]
fn a_begin_in_flight_keeps_the_standing_that_its_owner_got() {
    let (world, service) = World::new();
    world.net().held.insert("blob_open");
    let mut begin = Box::pin(service.begin(id(OWNER), begin_args("key", "photo.jpg", 2, 9)));
    for _ in 0..5 {
        assert!(poll(&mut begin).is_pending());
    }
    service.list_principals(&[id(OWNER)], true).unwrap();
    world.net().held.clear();
    run(begin).unwrap();
    assert_eq!(service.with(|state| state.report(0)).strangers, 0);
}

#[test]
fn a_controller_ends_pending_sessions_by_id() {
    let (world, service) = World::new();
    let done = uploaded(&service);
    finish(&service, done, FILE).unwrap();
    let open = begin(&service, "open", 2).unwrap();
    let ended = service.end_sessions(&[done.0, open.0, open.0, 99]);
    assert_eq!(ended, Ok(vec![open.0]));
    world.pass(&service, 1);
    assert_eq!(world.net().blobs.len(), 1);
    let refused = service.end_sessions(&vec![1; 1_001]);
    assert!(matches!(refused, Err(Failure::InvalidArgument(_))));
}

#[test]
fn the_budget_says_when_it_is_free_again() {
    let (world, service) = World::new();
    service
        .configure(GatewayArgs {
            max_bytes_per_principal_per_day: Some(8_640_000),
            ..GatewayArgs::default()
        })
        .unwrap();
    let session = begin(&service, "key", 2).unwrap();
    let (chunk, last) = (vec![7; 1_700_000], vec![7; 1_000_000]);
    put(&service, session, 0, &chunk).unwrap();
    // The same chunk again costs as much, so it counts; and a chunk that is refused, too.
    for _ in 0..3 {
        put(&service, session, 0, &chunk).unwrap();
    }
    assert!(put(&service, session, 9, &chunk).is_err());
    let refused = put(&service, session, 1, &last).unwrap_err();
    assert!(refused.is_temporary());
    let free = world.net().now + 8_600 * SECOND;
    let text = format!(
        "the budget of bytes per principal and day is used up: 8500000 of 8640000 bytes; \
         free again in 8600 s, at {free} ns since 1970"
    );
    assert_eq!(refused, Failure::temporary(text));
    // To ask again and again doesn't put it off.
    for _ in 0..9 {
        assert!(put(&service, session, 1, &last).is_err());
    }
    world.pass(&service, 8_599);
    let session = begin(&service, "other", 2).unwrap();
    assert!(put(&service, session, 0, &last).is_err());
    world.pass(&service, 1);
    put(&service, session, 0, &last).unwrap();
    let events = service.with(|state| state.report(0)).events;
    assert_eq!(events.budget_refusals["principal"], 11);
}

#[test]
fn a_large_chunk_of_an_ended_session_gets_its_typed_answer() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 2).unwrap();
    let large = encode_args((session.0, 0u32, Bytes::new(&vec![7; 300_000]))).unwrap();
    let admits = |n| service.admits(ingress(n, "uploads_put_chunk", large.clone()));
    assert!(admits(OWNER));
    assert!(!admits(9));
    world.pass(&service, DAY + 1);
    assert_eq!(put(&service, session, 0, b"x"), Err(Failure::NotFound));
    assert!(admits(OWNER));
    assert!(!admits(9));
    world.pass(&service, DAY);
    assert!(admits(OWNER));
    world.pass(&service, 1);
    assert!(!admits(OWNER));
}

/// A complete file may wait for its hash longer than ten minutes.
#[test]
fn a_file_that_is_being_hashed_makes_progress() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 2).unwrap();
    put(&service, session, 1, b"last").unwrap();
    put(&service, session, 0, b"first").unwrap();
    world.pass(&service, 500);
    assert!(world.net().calls.contains(&"blob_digest"));
    let progress = service.with(|state| state.sessions().get(session).unwrap().last_progress);
    assert_eq!(progress, world.net().now);
    finish(&service, session, FILE).unwrap();
}
