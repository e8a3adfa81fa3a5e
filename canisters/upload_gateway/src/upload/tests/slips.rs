//! An operator names another index or another store in the middle of work.

use super::world::*;
use crate::failure::Failure;
use crate::regions::Regions;
use crate::upload::jobs::queue::Need;
use crate::upload::types::SessionId;
use candid::{CandidType, Principal};
use canister_common::http::Encoder;
use capsule_shared::Error;
use capsule_shared::gateway::{CapsuleCreators, GatewayArgs};
use ic_stable_structures::{StableBTreeMap, StableCell};

const DAY: u64 = 24 * 3_600 * SECOND;

fn with_index(index: u8) -> GatewayArgs {
    GatewayArgs {
        memory_index: Some(id(index)),
        ..GatewayArgs::default()
    }
}

fn change_index(service: &Service, index: u8) {
    service.configure(with_index(index)).unwrap();
}

fn delete(service: &Service, memory: &str) -> crate::failure::Result<()> {
    run(service.delete_memory(id(OWNER), memory.into()))
}

#[test]
fn a_finish_goes_to_the_index_of_its_begin() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    change_index(&service, OTHER_INDEX);
    // A repeated begin finds the session, whatever the index is.
    assert_eq!(begin(&service, "key", 2), Ok(session));
    let result = finish(&service, session, FILE).unwrap();
    assert_eq!(world.net().memories.len(), 1);
    assert!(world.other.borrow().calls.is_empty());
    assert_eq!(finish(&world.start(), session, FILE), Ok(result));
    world.pass(&service, 3_600);
    assert_eq!(world.net().blobs.len(), 1);
    // New work goes to the new index, where the owner may not write.
    assert_eq!(begin(&service, "new", 2), Err(Failure::Unauthorized));
}

#[test]
fn a_finish_that_waited_for_the_timer_goes_to_its_own_index() {
    for error in [Error::NotFound, Error::Unauthorized] {
        let (world, service) = World::new();
        let session = uploaded(&service);
        world.fail("memory_commit", Fault::NotSent);
        assert!(finish(&service, session, FILE).unwrap_err().is_temporary());
        change_index(&service, OTHER_INDEX);
        let refusals = vec![Fault::Refused(error); 20];
        let mut other = world.other.borrow_mut();
        other.faults.insert("memory_commit", refusals.into());
        drop(other);
        world.pass(&world.start(), 3_600);
        assert_eq!(world.net().memories.len(), 1);
        assert_eq!(world.net().blobs.len(), 1);
        // The index is asked for purges, and for nothing else.
        assert_eq!(world.other.borrow().calls, ["memories_due"]);
    }
}

#[test]
fn a_begin_in_flight_stays_with_the_index_that_it_asked() {
    let (world, service) = World::new();
    world.net().held.insert("capsule_usage");
    let mut begun = Box::pin(service.begin(id(OWNER), begin_args("key", "photo.jpg", 1, 0)));
    assert!(poll(&mut begun).is_pending());
    change_index(&service, OTHER_INDEX);
    world.net().held.clear();
    let session = run(begun).unwrap();
    put(&service, session, 0, FILE).unwrap();
    finish(&service, session, FILE).unwrap();
    assert_eq!(world.net().memories.len(), 1);
}

#[test]
fn a_deletion_goes_to_the_index_that_has_the_memory() {
    for retry in [true, false] {
        let (world, service) = World::new();
        finish(&service, uploaded(&service), FILE).unwrap();
        world.fail("memory_delete", Fault::NotSent);
        assert!(delete(&service, "memory-1").unwrap_err().is_temporary());
        change_index(&service, OTHER_INDEX);
        if retry {
            delete(&service, "memory-1").unwrap();
        }
        world.pass(&service, 3_600);
        world.pass(&service, 3_600);
        assert!(world.net().memories.is_empty());
        assert!(world.net().blobs.is_empty());
        // The other index doesn't know the memory. The caller may still repeat the call for a day.
        delete(&service, "memory-1").unwrap();
        assert!(!world.other.borrow().calls.contains(&"memory_delete"));
        world.pass(&service, 48 * 3_600);
        assert_eq!(delete(&service, "memory-1"), Err(Failure::NotFound));
    }
}

/// The worker asks whether this index is busy, not whether the configured one is.
#[test]
fn a_job_waits_for_the_index_of_its_memory() {
    for (retention, method) in [(0, "memory_delete"), (30 * DAY, "memory_trash")] {
        let (world, service) = World::new();
        let settings = GatewayArgs {
            trash_retention_ns: Some(retention),
            ..GatewayArgs::default()
        };
        service.configure(settings).unwrap();
        finish(&service, uploaded(&service), FILE).unwrap();
        world.fail(method, Fault::NotSent);
        assert!(delete(&service, "memory-1").unwrap_err().is_temporary());
        change_index(&service, OTHER_INDEX);
        let need = service.with(|state| {
            let due = state.job_due(u64::MAX).unwrap();
            state.need_of(&due.job.task)
        });
        assert_eq!(need, Need::Index(Some(id(INDEX))));
    }
}

#[test]
fn another_index_that_knows_no_memory_deletes_no_bytes() {
    let (world, service) = World::new();
    finish(&service, uploaded(&service), FILE).unwrap();
    world.fail("memory_delete", Fault::NotSent);
    assert!(delete(&service, "memory-1").unwrap_err().is_temporary());
    change_index(&service, OTHER_INDEX);
    // Its own index stays out of reach.
    let unreachable = vec![Fault::NotSent; 100];
    let mut net = world.net();
    net.faults.insert("memory_delete", unreachable.into());
    drop(net);
    for _ in 0..10 {
        world.pass(&service, 700);
    }
    assert_eq!(world.net().memories.len(), 1);
    assert_eq!(world.net().blobs.len(), 1);
}

/// Two indexes may give the same memory id.
#[test]
fn a_memory_of_the_new_index_is_deleted_although_its_id_was_used_before() {
    let (world, service) = World::new();
    finish(&service, uploaded(&service), FILE).unwrap();
    delete(&service, "memory-1").unwrap();
    change_index(&service, OTHER_INDEX);
    let mut other = world.other.borrow_mut();
    other.writers.insert(id(OWNER));
    other.now = world.net().now;
    drop(other);
    let session = begin(&service, "new", 1).unwrap();
    put(&service, session, 0, b"new").unwrap();
    let memory = finish(&service, session, b"new").unwrap().memory_id;
    assert_eq!(memory, "memory-1");
    delete(&service, &memory).unwrap();
    delete(&service, &memory).unwrap();
    assert!(world.other.borrow().memories.is_empty());
    world.pass(&service, 3_600);
    assert!(world.net().blobs.is_empty());
    world.pass(&service, 48 * 3_600);
    assert_eq!(
        service.cleanup_expired(),
        "Expired sessions: 0, Queued jobs: 0"
    );
}

#[test]
fn two_deletions_of_one_id_go_on_side_by_side() {
    let (world, service) = World::new();
    finish(&service, uploaded(&service), FILE).unwrap();
    let second = begin(&service, "second", 1).unwrap();
    put(&service, second, 0, b"second").unwrap();
    let mut memory = world.net().memories["memory-1"].clone();
    memory.session_id = second.0;
    change_index(&service, OTHER_INDEX);
    world.other.borrow_mut().writers.insert(id(OWNER));
    let other_memories = || world.other.borrow().memories.len();
    world
        .other
        .borrow_mut()
        .memories
        .insert("memory-1".into(), memory);
    // Noted at the other index first, then at the first one.
    world
        .other
        .borrow_mut()
        .faults
        .insert("memory_delete", vec![Fault::NotSent].into());
    assert!(delete(&service, "memory-1").unwrap_err().is_temporary());
    change_index(&service, INDEX);
    // The noted one is carried on. The next call is about the first index.
    delete(&service, "memory-1").unwrap();
    assert_eq!((other_memories(), world.net().memories.len()), (0, 1));
    delete(&service, "memory-1").unwrap();
    assert!(world.net().memories.is_empty());
}

// ---- peers of the environment -------------------------------------------------------------------

/// A gateway whose environment names the usual peers and that nobody configured.
fn named_world() -> (World, Service) {
    let (world, _) = World::new();
    let world = World {
        memory: Default::default(),
        ..world
    };
    let service = world.start();
    service.installed(GatewayArgs::default()).unwrap();
    name_peers(&world, INDEX, STORE);
    (world, service)
}

fn name_peers(world: &World, index: u8, store: u8) {
    let mut net = world.net();
    net.named.insert("memory_index", id(index));
    net.named.insert("blob_store", id(store));
}

#[test]
fn named_peers_are_registered_when_they_are_first_seen() {
    let (world, service) = named_world();
    // The environment was set after the install.
    uploaded(&service);
    name_peers(&world, OTHER_INDEX, OTHER_STORE);
    let service = world.start();
    service.configure(GatewayArgs::default()).unwrap();
    let settings = service.configuration();
    assert_eq!(settings.memory_index, Some(id(INDEX)));
    assert_eq!(settings.blob_stores, [id(STORE)]);
    finish(&service, SessionId(1), FILE).unwrap();
    begin(&service, "new", 1).unwrap();
    assert!(world.other.borrow().calls.is_empty());
}

#[test]
fn another_store_does_not_shut_out_the_named_one() {
    let add = GatewayArgs {
        blob_stores: Some(vec![id(OTHER_STORE), id(STORE)]),
        ..GatewayArgs::default()
    };
    for by_configure in [true, false] {
        let (_, service) = named_world();
        match by_configure {
            true => service.configure(add.clone()).unwrap(),
            false => run(service.add_store(id(OTHER_STORE))).unwrap(),
        }
        let stores = service.configuration().blob_stores;
        assert_eq!(stores, [id(STORE), id(OTHER_STORE)]);
    }
    // An install that lists stores has only these.
    let (world, _) = named_world();
    let world = World {
        memory: Default::default(),
        ..world
    };
    let service = world.start();
    service.installed(add).unwrap();
    let stores = service.configuration().blob_stores;
    assert_eq!(stores, [id(OTHER_STORE), id(STORE)]);
}

#[test]
fn a_removed_store_keeps_its_uploads_and_gets_no_new_ones() {
    let (world, service) = named_world();
    let session = uploaded(&service);
    service.remove_store(id(STORE));
    for service in [service, world.start()] {
        // The environment still names it.
        let refused = begin(&service, "new", 1).unwrap_err();
        assert_eq!(refused, Failure::temporary("blob_store is not configured"));
        service.configure(GatewayArgs::default()).unwrap();
        assert!(service.configuration().blob_stores.is_empty());
    }
    let service = world.start();
    let no_trash = GatewayArgs {
        trash_retention_ns: Some(0),
        ..GatewayArgs::default()
    };
    service.configure(no_trash).unwrap();
    finish(&service, session, FILE).unwrap();
    run(service.add_store(id(OTHER_STORE))).unwrap();
    begin(&service, "new", 1).unwrap();
    assert_eq!(world.other.borrow().blobs.len(), 1);
    delete(&service, "memory-1").unwrap();
    world.pass(&service, 60);
    assert!(world.net().blobs.is_empty());
}

#[test]
fn only_canisters_are_stores() {
    let (_, service) = World::new();
    for nobody in [Principal::anonymous(), Principal::management_canister()] {
        let refused = run(service.add_store(nobody)).unwrap_err();
        assert!(matches!(refused, Failure::InvalidArgument(_)), "{refused}");
    }
    let many = (0..1_000u16).map(|n| Principal::from_slice(&n.to_be_bytes()));
    let add = GatewayArgs {
        blob_stores: Some(many.collect()),
        ..GatewayArgs::default()
    };
    assert_eq!(service.configure(add), Err(Failure::ResourceExhausted));
    assert_eq!(service.configuration().blob_stores, [id(STORE)]);
}

/// The settings as release 0.1.0 stored them.
#[derive(CandidType)]
struct OldSettings {
    memory_index: Option<Principal>,
    blob_stores: Vec<Principal>,
    allow_anonymous: bool,
    capsule_creators: CapsuleCreators,
    max_sessions_per_principal: u32,
    max_sessions_per_capsule: u32,
    max_sessions: u32,
    max_bytes_per_capsule: u64,
    session_ttl_ns: u64,
    committed_retention_ns: u64,
    reorder_window: u32,
}

/// Writes settings and uploads in the first versions of their layouts, which name no first index.
pub fn write_as_release_0_1_0(world: &World) {
    let regions = Regions::open(world.memory.clone());
    let settings = OldSettings {
        memory_index: Some(id(INDEX)),
        blob_stores: vec![id(STORE)],
        allow_anonymous: false,
        capsule_creators: CapsuleCreators::Anyone,
        max_sessions_per_principal: 100,
        max_sessions_per_capsule: 100,
        max_sessions: 100,
        max_bytes_per_capsule: 1 << 30,
        // The release took any number.
        session_ttl_ns: 0,
        committed_retention_ns: DAY,
        reorder_window: 8,
    };
    let mut bytes = vec![1];
    bytes.extend(candid::encode_one(settings).unwrap());
    StableCell::<Vec<u8>, _>::new(regions.config, bytes);

    let mut uploads = StableBTreeMap::<u64, Vec<u8>, _>::init(regions.upload_meta);
    let all: Vec<_> = uploads.iter().map(|entry| entry.into_pair()).collect();
    for (session, meta) in all {
        let index = 4 + u32::from_le_bytes(meta[1..5].try_into().unwrap()) as usize;
        let old = [&[1][..], &meta[1 + index..]].concat();
        uploads.insert(session, old);
    }
}

/// The arguments of the first upgrade change the index. Earlier uploads stay with the old one.
#[test]
fn the_first_upgrade_notes_the_index_before_it_takes_arguments() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    drop(service);
    write_as_release_0_1_0(&world);
    let service = world.start();
    service.configure(with_index(OTHER_INDEX)).unwrap();
    finish(&service, session, FILE).unwrap();
    assert_eq!(world.net().memories.len(), 1);
    assert!(world.other.borrow().calls.is_empty());
}

/// The release took a session's lifetime of 0. The upgrade ends no session, and says so.
#[test]
fn a_stored_setting_out_of_range_is_mended_and_reported() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    drop(service);
    write_as_release_0_1_0(&world);
    let service = world.start();
    service.configure(GatewayArgs::default()).unwrap();
    world.pass(&service, 500);
    assert_eq!(service.configuration().session_ttl_ns, 600 * SECOND);
    let report = service.configure_check(GatewayArgs::default()).unwrap();
    let [mended] = &report.out_of_range[..] else {
        panic!("{report:?}");
    };
    assert_eq!(mended.name, "session_ttl_ns");
    assert_eq!((&*mended.from, &*mended.to), ("0", "600000000000"));
    assert!(metrics(&service).contains("upload_gateway_settings_out_of_range 1 "));
    // A setting in range ends the report.
    let day = GatewayArgs {
        session_ttl_ns: Some(DAY),
        ..GatewayArgs::default()
    };
    service.configure(day).unwrap();
    let report = world.start().configure_check(GatewayArgs::default());
    assert!(report.unwrap().out_of_range.is_empty());
    assert!(metrics(&service).contains("upload_gateway_settings_out_of_range 0 "));
    finish(&service, session, FILE).unwrap();
}

pub fn metrics(service: &Service) -> String {
    let mut encoder = Encoder::new(Vec::new(), 0);
    service.encode_metrics(&mut encoder).unwrap();
    String::from_utf8(encoder.into_inner()).unwrap()
}
