//! Changes of the settings: what is refused, and what a check reports.

use super::world::*;
use crate::failure::Failure;
use crate::upload::types::SessionId;
use capsule_shared::gateway::{ConfigureReport, GatewayArgs, MOST_FIRST_SESSION};

const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 24 * 60 * MINUTE;

fn ttl(nanoseconds: u64) -> GatewayArgs {
    GatewayArgs {
        session_ttl_ns: Some(nanoseconds),
        ..GatewayArgs::default()
    }
}

#[test]
fn a_lifetime_of_0_or_in_seconds_is_refused_and_ends_no_session() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    for value in [0, 86_400, 86_400_000, 86_400_000_000] {
        let Err(Failure::InvalidArgument(text)) = service.configure(ttl(value)) else {
            panic!("{value} nanoseconds are fine");
        };
        let start = format!("session_ttl_ns is {value}, expected 600000000000 to ");
        assert!(text.starts_with(&start), "{text}");
        assert_eq!(
            service.configure_check(ttl(value)),
            Err(Failure::InvalidArgument(text))
        );
    }
    world.pass(&service, 3_600);
    finish(&service, session, FILE).unwrap();
}

#[test]
fn one_wrong_setting_keeps_all_as_they_were() {
    let (_, service) = World::new();
    let before = service.configuration();
    let wrong = GatewayArgs {
        max_sessions: Some(7),
        reorder_window: Some(33),
        blob_stores: Some(vec![id(OTHER_STORE)]),
        ..GatewayArgs::default()
    };
    let Err(Failure::InvalidArgument(text)) = service.configure(wrong) else {
        panic!("a window of 33 is fine");
    };
    assert!(
        text.starts_with("reorder_window is 33, expected 0 to 32 "),
        "{text}"
    );
    assert_eq!(service.configuration(), before);
}

#[test]
fn the_trash_may_be_off_and_must_not_be_short() {
    let (_, service) = World::new();
    let trash = |nanoseconds| GatewayArgs {
        trash_retention_ns: Some(nanoseconds),
        ..GatewayArgs::default()
    };
    service.configure(trash(0)).unwrap();
    service.configure(trash(DAY)).unwrap();
    // 30 days in seconds.
    let Err(Failure::InvalidArgument(text)) = service.configure(trash(2_592_000)) else {
        panic!("2,592,000 nanoseconds are fine");
    };
    let start = "trash_retention_ns is 2592000, expected 0 or 3600000000000 to ";
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn a_check_says_what_a_change_would_do() {
    let (world, service) = World::new();
    for key in ["a", "b", "c"] {
        begin(&service, key, 2).unwrap();
    }
    finish(&service, uploaded(&service), FILE).unwrap();
    world.net().now += 20 * MINUTE;
    begin(&service, "young", 2).unwrap();
    let change = GatewayArgs {
        memory_index: Some(id(OTHER_INDEX)),
        blob_stores: Some(vec![id(STORE), id(OTHER_STORE)]),
        max_sessions: Some(7),
        max_bytes_per_capsule: Some(50 << 30),
        ..ttl(15 * MINUTE)
    };
    let before = service.configuration();
    let report = service.configure_check(change.clone()).unwrap();
    assert_eq!(service.configuration(), before);
    let changes: Vec<_> = report
        .changes
        .iter()
        .map(|change| (&*change.name, &*change.from, &*change.to))
        .collect();
    let (old, new) = (id(INDEX).to_text(), id(OTHER_INDEX).to_text());
    assert_eq!(
        changes,
        [
            ("memory_index", &*old, &*new),
            ("max_sessions", "10000", "7"),
            ("session_ttl_ns", "86400000000000", "900000000000"),
        ]
    );
    assert_eq!(report.stores_added, [id(OTHER_STORE)]);
    assert_eq!(report.uploads_of_old_index, Some(4));
    assert_eq!((report.sessions_expiring, report.sessions_retiring), (3, 0));

    // The change does what the check said.
    service.configure(change.clone()).unwrap();
    run(service.tick());
    assert_eq!(
        service.sessions_stats(),
        "Total sessions: 2, Pending: 1, Committed: 1"
    );
    let nothing = ConfigureReport {
        changes: vec![],
        stores_added: vec![],
        uploads_of_old_index: None,
        sessions_expiring: 0,
        sessions_retiring: 0,
        out_of_range: vec![],
    };
    assert_eq!(service.configure_check(change), Ok(nothing));
}

#[test]
fn a_gateway_that_replaces_another_counts_on() {
    let (_, service) = World::new();
    let count_from = |first| {
        service.configure(GatewayArgs {
            first_session: Some(first),
            ..GatewayArgs::default()
        })
    };
    for wrong in [0, MOST_FIRST_SESSION + 1, u64::MAX] {
        let Err(Failure::InvalidArgument(text)) = count_from(wrong) else {
            panic!("{wrong} is fine");
        };
        assert!(text.starts_with("first_session is "), "{text}");
    }
    assert_eq!(begin(&service, "one", 2), Ok(SessionId(1)));
    count_from(1_000).unwrap();
    assert_eq!(begin(&service, "two", 2), Ok(SessionId(1_000)));
    count_from(5).unwrap();
    assert_eq!(begin(&service, "three", 2), Ok(SessionId(1_001)));
}
