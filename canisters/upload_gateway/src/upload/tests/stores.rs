//! The registry of stores: how stores come, report and go.

use super::slips::{metrics, write_as_release_0_1_0};
use super::world::*;
use crate::failure::{Failure, Result};
use capsule_shared::Error;
use capsule_shared::blob_store::{MigrationStatus, STORE_SCHEMA, StoreStatus};
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::stores::{StoreEntry, StoreState};

const MINUTE: u64 = 60;

fn with_stores(stores: &[u8]) -> GatewayArgs {
    GatewayArgs {
        blob_stores: Some(stores.iter().map(|store| id(*store)).collect()),
        ..GatewayArgs::default()
    }
}

fn entry(service: &Service, store: u8) -> StoreEntry {
    let entries = service.stores();
    let entry = entries.into_iter().find(|entry| entry.store == id(store));
    entry.expect("the store is listed")
}

fn retire(service: &Service, store: u8) -> Result<()> {
    run(service.retire_store(id(store)))
}

/// The text of a refusal, which is an `InvalidArgument`.
#[track_caller]
fn invalid(result: Result<()>) -> String {
    match result {
        Err(Failure::InvalidArgument(text)) => text,
        other => panic!("it isn't an invalid argument: {other:?}"),
    }
}

// ---- adding -------------------------------------------------------------------------------------

#[test]
fn a_new_store_introduces_itself_with_a_report() {
    let (world, service) = World::new();
    world.other.borrow_mut().capacity = Some(700);
    for _ in 0..2 {
        run(service.add_store(id(OTHER_STORE))).unwrap();
        let added = entry(&world.start(), OTHER_STORE);
        assert_eq!(added.state, StoreState::Active);
        let report = added.report.unwrap();
        assert_eq!((report.at, report.free_bytes), (world.net().now, 700));
    }
    // The second time it was known.
    assert_eq!(world.other.borrow().calls, ["store_status"]);
}

#[test]
fn canisters_that_are_no_stores_are_refused_by_kind() {
    let (world, service) = World::new();
    let add = |store: u8| run(service.add_store(id(store)));
    assert!(invalid(add(GATEWAY)).ends_with("is this gateway, expected a blob store"));
    assert!(invalid(add(INDEX)).ends_with("is the memory index, expected a blob store"));
    let lacks = |methods: &[&'static str]| {
        let mut other = world.other.borrow_mut();
        other.faults.clear();
        for method in methods {
            other.faults.insert(method, vec![Fault::NoMethod].into());
        }
        let answer = vec![Fault::Replied(b"DIDL\0\0".to_vec())];
        other.faults.entry("upload_config").or_insert(answer.into());
    };
    lacks(&["store_status", "blob_meta"]);
    assert!(invalid(add(OTHER_STORE)).ends_with("is an upload gateway, expected a blob store"));
    lacks(&["store_status", "blob_meta", "upload_config"]);
    assert!(invalid(add(OTHER_STORE)).ends_with("is a memory index, expected a blob store"));
    lacks(&["store_status", "blob_meta", "upload_config", "capsule_list"]);
    assert!(invalid(add(OTHER_STORE)).ends_with("is another canister, expected a blob store"));
    assert_eq!(service.stores().len(), 1);
}

#[test]
fn a_store_must_know_the_gateway_and_speak_its_schema() {
    let (world, service) = World::new();
    let add_with = |faults: &[(&'static str, Fault)]| {
        let mut other = world.other.borrow_mut();
        for (method, fault) in faults {
            other.faults.insert(method, vec![fault.clone()].into());
        }
        drop(other);
        run(service.add_store(id(OTHER_STORE)))
    };
    let unauthorized = || Fault::Refused(Error::Unauthorized);
    let text = invalid(add_with(&[("store_status", unauthorized())]));
    assert!(text.contains("doesn't know this gateway"), "{text}");
    let text = invalid(add_with(&[
        ("store_status", Fault::NoMethod),
        ("blob_meta", unauthorized()),
    ]));
    assert!(text.contains("doesn't know this gateway"), "{text}");
    let newer = StoreStatus {
        schema: STORE_SCHEMA + 1,
        blobs: 0,
        chunks: 0,
        bytes: 0,
        allocated_bytes: 0,
        promised_bytes: 0,
        free_bytes: 0,
        capacity_bytes: 0,
        migration: MigrationStatus::Nothing,
        cycles: 0,
        reserve: None,
    };
    let newer = Fault::Replied(reply(Ok(newer)));
    let text = invalid(add_with(&[("store_status", newer)]));
    assert!(text.contains("has schema 3, expected at most 2"), "{text}");
    let silent = [
        ("store_status", Fault::NotSent),
        ("blob_meta", Fault::NotSent),
    ];
    assert!(add_with(&silent).unwrap_err().is_temporary());
    assert_eq!(service.stores().len(), 1);
}

#[test]
fn a_store_of_release_0_1_0_is_added_without_a_report_and_used() {
    let (world, service) = World::new();
    let no_method = vec![Fault::NoMethod; 100];
    let mut other = world.other.borrow_mut();
    other.faults.insert("store_status", no_method.into());
    drop(other);
    run(service.add_store(id(OTHER_STORE))).unwrap();
    service.remove_store(id(STORE));
    world.pass(&service, 20 * MINUTE);
    let added = entry(&service, OTHER_STORE);
    assert_eq!((added.report, added.silent_since), (None, None));
    uploaded(&service);
    assert_eq!(world.other.borrow().blobs.len(), 1);
    service
        .set_store_state(id(OTHER_STORE), StoreState::ReadOnly)
        .unwrap();
    let refused = retire(&service, OTHER_STORE).unwrap_err();
    assert!(
        matches!(&refused, Failure::Conflict(text) if text.contains("0.1.0")),
        "{refused}"
    );
}

#[test]
fn numbered_names_of_the_environment_add_stores_and_never_remove_them() {
    let (world, service) = World::new();
    world.net().named.insert("blob_store", id(50));
    world.net().named.insert("blob_store_3", id(OTHER_STORE));
    world.pass(&service, 20);
    // The first name counts only for the first store of all.
    let both = [id(STORE), id(OTHER_STORE)];
    assert_eq!(service.configuration().blob_stores, both);
    world.net().named.clear();
    let service = world.start();
    service.configure(GatewayArgs::default()).unwrap();
    assert_eq!(service.configuration().blob_stores, both);
    // The operator's decision stays.
    world.net().named.insert("blob_store_3", id(OTHER_STORE));
    service
        .set_store_state(id(OTHER_STORE), StoreState::Draining)
        .unwrap();
    world.pass(&service, 20 * MINUTE);
    assert_eq!(entry(&service, OTHER_STORE).state, StoreState::Draining);
    retire(&service, OTHER_STORE).unwrap();
    world.pass(&service, 20 * MINUTE);
    world.start().configure(GatewayArgs::default()).unwrap();
    assert_eq!(world.start().stores().len(), 1);
}

#[test]
fn a_list_adds_only_stores_that_were_never_there() {
    let (world, service) = World::new();
    service.remove_store(id(STORE));
    let both = with_stores(&[STORE, OTHER_STORE]);
    let report = service.configure_check(both.clone()).unwrap();
    assert_eq!(report.stores_added, [id(OTHER_STORE)]);
    service.configure(both).unwrap();
    assert_eq!(service.configuration().blob_stores, [id(OTHER_STORE)]);
    assert_eq!(entry(&world.start(), STORE).state, StoreState::ReadOnly);
    run(service.add_store(id(STORE))).unwrap();
    assert_eq!(
        service.configuration().blob_stores,
        [id(STORE), id(OTHER_STORE)]
    );
}

#[test]
fn a_list_of_too_many_stores_is_refused_by_the_check_too() {
    let (_, service) = World::new();
    let many = (0..1_000u16).map(|n| candid::Principal::from_slice(&n.to_be_bytes()));
    let many = GatewayArgs {
        blob_stores: Some(many.collect()),
        ..GatewayArgs::default()
    };
    // One store is listed already.
    let checked = service.configure_check(many.clone()).map(|_| ());
    assert_eq!(checked, Err(Failure::ResourceExhausted));
    assert_eq!(service.configure(many), Err(Failure::ResourceExhausted));
    assert_eq!(service.stores().len(), 1);
}

#[test]
fn the_first_upgrade_takes_the_listed_stores_over() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    drop(service);
    write_as_release_0_1_0(&world);
    // The release had no registry.
    let regions = crate::regions::Regions::open(world.memory.clone());
    let no_stores = ic_stable_structures::StableBTreeMap::<candid::Principal, Vec<u8>, _>::new;
    no_stores(regions.stores);
    let service = world.start();
    service.configure(GatewayArgs::default()).unwrap();
    assert_eq!(service.configuration().blob_stores, [id(STORE)]);
    finish(&service, session, FILE).unwrap();
    begin(&service, "new", 2).unwrap();
    // From then on the registry alone lists them.
    service.remove_store(id(STORE));
    let service = world.start();
    service.configure(GatewayArgs::default()).unwrap();
    assert!(service.configuration().blob_stores.is_empty());
    assert_eq!(service.stores().len(), 1);
}

// ---- states and capacity ------------------------------------------------------------------------

#[test]
fn removing_makes_an_active_store_read_only_and_no_other() {
    let (_, service) = World::new();
    run(service.add_store(id(OTHER_STORE))).unwrap();
    service.remove_store(id(STORE));
    assert_eq!(entry(&service, STORE).state, StoreState::ReadOnly);
    service
        .set_store_state(id(STORE), StoreState::Draining)
        .unwrap();
    service.remove_store(id(STORE));
    assert_eq!(entry(&service, STORE).state, StoreState::Draining);
    // An unknown one is removed already.
    service.remove_store(id(99));
    let unknown = service.set_store_state(id(99), StoreState::Active);
    assert_eq!(unknown, Err(Failure::NotFound));
}

#[test]
fn the_operators_capacity_bounds_a_store() {
    let (world, service) = World::new();
    world.pass(&service, 20);
    let least = 64 << 20;
    for wrong in [0, least - 1, (450 << 30) + 1] {
        let text = invalid(service.set_store_capacity(id(STORE), Some(wrong)));
        let start = format!("capacity_bytes is {wrong}, expected {least} to ");
        assert!(text.starts_with(&start), "{text}");
    }
    let unknown = service.set_store_capacity(id(OTHER_STORE), None);
    assert_eq!(unknown, Err(Failure::NotFound));
    service.set_store_capacity(id(STORE), Some(least)).unwrap();
    assert_eq!(entry(&world.start(), STORE).capacity_bytes, Some(least));
    // Another store has more room now.
    run(service.add_store(id(OTHER_STORE))).unwrap();
    begin(&service, "key", 2).unwrap();
    assert_eq!(world.other.borrow().blobs.len(), 1);
    service.set_store_capacity(id(STORE), None).unwrap();
    assert_eq!(entry(&service, STORE).capacity_bytes, None);
}

// ---- retiring -----------------------------------------------------------------------------------

#[test]
fn only_an_empty_store_without_new_uploads_is_retired() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    let conflict = |refused: Result<()>, part: &str| match refused {
        Err(Failure::Conflict(text)) => assert!(text.contains(part), "{text}"),
        other => panic!("{other:?}"),
    };
    conflict(retire(&service, STORE), "is Active, expected ReadOnly");
    service.remove_store(id(STORE));
    conflict(retire(&service, STORE), "has 1 blobs, expected 0");
    service.abort(id(OWNER), session).unwrap();
    world.pass(&service, 1);
    world.fail("store_status", Fault::NotSent);
    assert!(retire(&service, STORE).unwrap_err().is_temporary());
    for _ in 0..2 {
        retire(&service, STORE).unwrap();
    }
    assert!(world.start().stores().is_empty());
    assert_eq!(retire(&service, OTHER_STORE), Err(Failure::NotFound));
    // Neither a list nor a name brings it back.
    world.net().named.insert("blob_store", id(STORE));
    service.configure(with_stores(&[STORE])).unwrap();
    assert!(world.start().stores().is_empty());
    run(service.add_store(id(STORE))).unwrap();
    begin(&service, "key", 2).unwrap();
}

#[test]
fn a_store_in_which_an_upload_begins_meanwhile_is_not_retired() {
    let (world, service) = World::new();
    service.remove_store(id(STORE));
    world.net().held.insert("store_status");
    let mut retired = Box::pin(service.retire_store(id(STORE)));
    assert!(poll(&mut retired).is_pending());
    run(service.add_store(id(STORE))).unwrap();
    let session = begin(&service, "key", 2).unwrap();
    service.remove_store(id(STORE));
    world.net().held.clear();
    assert!(matches!(run(retired), Err(Failure::Conflict(_))));
    put(&service, session, 0, b"first").unwrap();
    assert_eq!(service.stores().len(), 1);
}

#[test]
fn a_store_is_not_retired_while_it_is_asked_for_a_report() {
    let (world, service) = World::new();
    service.remove_store(id(STORE));
    world.net().held.insert("store_status");
    world.net().now += 20 * SECOND;
    let mut turn = Box::pin(service.tick());
    assert!(poll(&mut turn).is_pending());
    assert!(retire(&service, STORE).unwrap_err().is_temporary());
    world.net().held.clear();
    run(turn);
    retire(&service, STORE).unwrap();
}

// ---- reports ------------------------------------------------------------------------------------

#[test]
fn the_timer_asks_for_reports_every_ten_minutes_and_no_begin_does() {
    let (world, service) = World::new();
    run(service.add_store(id(OTHER_STORE))).unwrap();
    world.pass(&service, 20);
    let reports = |world: &World| {
        let calls = world.net().calls.clone();
        calls.iter().filter(|call| **call == "store_status").count()
    };
    assert_eq!(reports(&world), 1);
    for n in 0..20 {
        begin(&service, &format!("key {n}"), 2).unwrap();
    }
    assert_eq!(reports(&world), 1);
    let blobs = |store| entry(&service, store).report.unwrap().blobs;
    assert_eq!((blobs(STORE), blobs(OTHER_STORE)), (0, 0));
    world.pass(&service, 10 * MINUTE);
    assert_eq!(reports(&world), 2);
    assert_eq!(blobs(STORE) + blobs(OTHER_STORE), 20);
    // A day without uploads.
    for _ in 0..24 * 60 {
        world.pass(&service, MINUTE);
    }
    assert!(
        (140..=150).contains(&reports(&world)),
        "{}",
        reports(&world)
    );
}

#[test]
fn a_store_that_is_slow_to_report_holds_nothing_up() {
    let (world, service) = World::new();
    world.net().held.insert("store_status");
    world.net().now += 20 * SECOND;
    let mut turn = Box::pin(service.tick());
    assert!(poll(&mut turn).is_pending());
    assert_eq!(service.open_calls(), 1);
    let session = uploaded(&service);
    // A second turn doesn't ask again.
    run(service.tick());
    assert_eq!(service.open_calls(), 1);
    finish(&service, session, FILE).unwrap();
    // A turn that is cut off lets the next one ask.
    drop(turn);
    world.net().held.clear();
    world.pass(&service, 10 * MINUTE);
    assert!(entry(&service, STORE).report.is_some());
}

#[test]
fn metrics_have_a_series_for_each_store() {
    let (world, service) = World::new();
    world.net().capacity = Some(2_000_000);
    world.pass(&service, 20);
    service.list_principals(&[id(OWNER)], true).unwrap();
    let args = begin_args("key", "photo.jpg", 2, 1_000);
    run(service.begin(id(OWNER), args)).unwrap();
    world.fail("blob_open", Fault::Rejected);
    begin(&service, "other", 2).unwrap_err();
    service
        .set_store_state(id(STORE), StoreState::ReadOnly)
        .unwrap();
    world.net().now += 30 * SECOND;
    let text = metrics(&service);
    let store = id(STORE).to_text();
    for (name, value) in [
        (
            format!("store_state{{store=\"{store}\",state=\"read_only\"}}"),
            1,
        ),
        (format!("store_used_bytes{{store=\"{store}\"}}"), 0),
        (format!("store_free_bytes{{store=\"{store}\"}}"), 2_000_000),
        (
            format!("store_capacity_bytes{{store=\"{store}\"}}"),
            2_000_000,
        ),
        (format!("store_promised_bytes{{store=\"{store}\"}}"), 1_000),
        (format!("store_report_age_seconds{{store=\"{store}\"}}"), 30),
        (format!("store_silent_seconds{{store=\"{store}\"}}"), 30),
    ] {
        let line = format!("upload_gateway_{name} {value} ");
        assert!(text.contains(&line), "no {line} in {text}");
    }
}
