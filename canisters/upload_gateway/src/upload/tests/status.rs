//! The status of a session, and lists of sessions.

use super::world::*;
use crate::failure::Failure;
use capsule_shared::gateway::GatewayArgs;

#[test]
fn a_status_names_the_missing_chunks() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 12).unwrap();
    let ranges = |service: &Service| {
        let status = service.status(id(OWNER), session).unwrap();
        let missing = status.missing_chunks.iter();
        missing.map(|r| (r.first, r.last)).collect::<Vec<_>>()
    };
    assert_eq!(ranges(&service), [(0, 11)]);
    for index in [0, 2, 3, 7] {
        put(&service, session, index, b"x").unwrap();
    }
    assert_eq!(ranges(&service), [(1, 1), (4, 6), (8, 11)]);
    let service = world.start();
    assert_eq!(ranges(&service), [(1, 1), (4, 6), (8, 11)]);
    let status = service.status(id(OWNER), session).unwrap();
    assert_eq!((status.received_bytes, status.chunk_size), (4, 1));
    assert_eq!(service.list(id(OWNER)), Ok(vec![status]));
    for index in [1, 4, 5, 6, 8, 9, 10, 11] {
        put(&service, session, index, b"x").unwrap();
    }
    assert_eq!(ranges(&service), []);
    assert_eq!(service.list(id(99)), Ok(vec![]));
    assert_eq!(service.status(id(99), session), Err(Failure::Unauthorized));
    let anonymous = candid::Principal::anonymous();
    assert_eq!(service.list(anonymous), Err(Failure::Unauthorized));
}

#[test]
fn lists_show_the_callers_own() {
    let (_, service) = World::new();
    uploaded(&service);
    assert!(
        service
            .sessions_list(id(OWNER), false)
            .contains("2 of 2 chunks")
    );
    assert_eq!(service.sessions_list(id(9), false), "");
    assert!(
        service
            .sessions_list(id(9), true)
            .contains("session 1: pending")
    );
    assert_eq!(
        service.sessions_stats(),
        "Total sessions: 1, Pending: 1, Committed: 0"
    );
    #[cfg(debug_assertions)]
    assert_eq!(service.debug_session_stats().by_principal, [(id(OWNER), 1)]);
}

#[test]
fn a_list_of_long_names_fits_a_reply() {
    let (_, service) = World::new();
    let many = GatewayArgs {
        max_sessions_per_principal: Some(1_000),
        max_sessions_per_capsule: Some(1_000),
        ..GatewayArgs::default()
    };
    service.configure(many).unwrap();
    for n in 0..300 {
        let args = begin_args(&format!("key {n}"), &"\u{1}".repeat(1_024), 1, 0);
        run(service.begin(id(OWNER), args)).unwrap();
    }
    for is_controller in [false, true] {
        let list = service.sessions_list(id(OWNER), is_controller);
        assert!(list.len() < 1_100_000, "{} bytes", list.len());
        assert!(list.contains("and more than these"));
    }
}
