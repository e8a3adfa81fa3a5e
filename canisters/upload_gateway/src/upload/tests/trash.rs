//! The trash: lost answers, restored memories, and the time after which a memory goes.

use super::world::*;
use crate::failure::Failure;
use crate::upload::types::SessionId;
use capsule_shared::gateway::GatewayArgs;

pub(super) const DAY: u64 = 24 * 3_600;
pub(super) const MEMORY: &str = "memory-1";

type Done = crate::failure::Result<()>;

/// A gateway whose trash keeps memories for 30 days, and a committed upload.
pub(super) fn committed() -> (World, Service, SessionId) {
    let (world, service) = World::new();
    service
        .configure(GatewayArgs {
            trash_retention_ns: Some(30 * DAY * SECOND),
            ..GatewayArgs::default()
        })
        .unwrap();
    let session = uploaded(&service);
    finish(&service, session, FILE).unwrap();
    (world, service, session)
}

fn delete(service: &Service) -> Done {
    run(service.delete_memory(id(OWNER), MEMORY.into()))
}

fn restore(service: &Service) -> Done {
    run(service.restore_memory(id(OWNER), MEMORY.into()))
}

fn purge(service: &Service) -> Done {
    run(service.purge_memory(id(OWNER), MEMORY.into()))
}

pub(super) fn in_trash(world: &World) -> bool {
    world.net().trash.contains_key(MEMORY)
}

pub(super) fn is_whole(world: &World) -> bool {
    let net = world.net();
    net.memories.contains_key(MEMORY)
        && net
            .blobs
            .values()
            .any(|blob| blob.sealed && blob.chunks.len() == 2)
}

/// Neither memory nor blob is left, and the queue is empty.
pub(super) fn all_gone(world: &World, service: &Service) {
    assert!(world.net().memories.is_empty());
    assert!(world.net().blobs.is_empty());
    let told = service.cleanup_expired();
    assert!(told.ends_with("Queued jobs: 0"), "{told}");
}

fn is_conflict(done: Done) -> bool {
    matches!(done, Err(Failure::Conflict(_)))
}

#[test]
fn the_key_is_free_as_soon_as_a_deletion_is_noted() {
    for (retention, method) in [(30 * DAY * SECOND, "memory_trash"), (0, "memory_delete")] {
        let (world, service, session) = committed();
        service
            .configure(GatewayArgs {
                trash_retention_ns: Some(retention),
                ..GatewayArgs::default()
            })
            .unwrap();
        world.fail(method, Fault::NotSent);
        assert!(delete(&service).unwrap_err().is_temporary());
        // A new upload with the key must not find the memory that goes.
        let other = begin(&service, "key", 2).unwrap();
        assert_ne!(other, session);
    }
}

#[test]
fn a_lost_look_into_the_trash_is_temporary() {
    let (world, service, _) = committed();
    delete(&service).unwrap();
    for fault in [Fault::NotSent, Fault::LostReply] {
        world.fail("memory_find", fault);
        assert!(restore(&service).unwrap_err().is_temporary());
    }
    restore(&service).unwrap();
    assert!(!in_trash(&world));
}

#[test]
fn a_deleted_memory_stays_for_30_days_and_its_key_is_free() {
    let (world, service, session) = committed();
    delete(&service).unwrap();
    assert!(in_trash(&world) && is_whole(&world));
    delete(&service).unwrap();
    assert_eq!(finish(&service, session, FILE), Err(Failure::NotFound));
    let other = begin(&service, "key", 2).unwrap();
    assert_ne!(other, session);
    service.abort(id(OWNER), other).unwrap();
    let blob = world.net().memories[MEMORY].place.blob_id.to_string();
    let read = run(service.blob_meta(id(OWNER), &blob));
    assert_eq!(read, Err(Failure::NotFound));
    let read = run(service.read_memory(id(OWNER), MEMORY));
    assert_eq!(read, Err(Failure::NotFound));

    world.pass(&service, 29 * DAY);
    assert!(in_trash(&world) && is_whole(&world));
    let service = world.start();
    world.pass(&service, DAY);
    world.pass(&service, 1);
    all_gone(&world, &service);
    assert_eq!(restore(&service), Err(Failure::NotFound));
}

#[test]
fn a_restored_memory_stays_and_one_trashed_again_gets_its_own_time() {
    let (world, service, _) = committed();
    delete(&service).unwrap();
    world.pass(&service, 10 * DAY);
    restore(&service).unwrap();
    restore(&service).unwrap();
    assert!(!in_trash(&world));
    world.pass(&service, 10 * DAY);
    delete(&service).unwrap();
    // The time of the first stay is over now.
    world.pass(&service, 11 * DAY);
    assert!(in_trash(&world) && is_whole(&world));
    restore(&service).unwrap();
    world.pass(&service, 60 * DAY);
    assert!(is_whole(&world));
    delete(&service).unwrap();
    world.pass(&service, 30 * DAY);
    world.pass(&service, 1);
    all_gone(&world, &service);
}

#[test]
fn a_lost_answer_leaves_nothing_in_the_trash_for_ever() {
    for fault in [Fault::LostReply, Fault::NotSent] {
        for retry in [true, false] {
            let (world, service, session) = committed();
            world.fail("memory_trash", fault.clone());
            assert!(delete(&service).unwrap_err().is_temporary());
            let service = world.start();
            if retry {
                delete(&service).unwrap();
            }
            world.pass(&service, 700);
            assert!(in_trash(&world) && is_whole(&world));
            let other = begin(&service, "key", 2).unwrap();
            assert_ne!(other, session, "the key is free");
            service.abort(id(OWNER), other).unwrap();
            // The answer to the purge is lost, too.
            world.fail("memory_expire", Fault::LostReply);
            for _ in 0..4 {
                world.pass(&service, 10 * DAY);
            }
            world.pass(&service, 700);
            all_gone(&world, &service);
        }
    }
}

#[test]
fn a_memory_that_is_restored_after_a_lost_answer_stays() {
    for fault in [Fault::LostReply, Fault::NotSent] {
        let (world, service, _) = committed();
        world.fail("memory_trash", fault);
        assert!(delete(&service).unwrap_err().is_temporary());
        restore(&service).unwrap();
        world.pass(&service, 700);
        assert!(!in_trash(&world), "the timer carries on no deletion");
        world.pass(&service, 60 * DAY);
        assert!(is_whole(&world));
    }
}

#[test]
fn a_restore_that_fails_leaves_the_memory_its_time() {
    let (world, service, _) = committed();
    world.fail("memory_trash", Fault::LostReply);
    assert!(delete(&service).unwrap_err().is_temporary());
    world.fail("memory_restore", Fault::NotSent);
    assert!(restore(&service).unwrap_err().is_temporary());
    assert!(in_trash(&world));
    world.pass(&service, 31 * DAY);
    world.pass(&service, 1);
    assert!(world.net().memories.is_empty() && world.net().blobs.is_empty());
}

#[test]
fn a_memory_in_the_trash_is_purged_at_once_on_request() {
    let (world, service, _) = committed();
    assert!(is_conflict(purge(&service)), "it isn't in the trash");
    delete(&service).unwrap();
    purge(&service).unwrap();
    purge(&service).unwrap();
    world.pass(&service, 1);
    assert!(world.net().memories.is_empty() && world.net().blobs.is_empty());
    world.pass(&service, DAY + 1);
    assert_eq!(purge(&service), Err(Failure::NotFound));
    world.pass(&service, 31 * DAY);
    world.pass(&service, 1);
    all_gone(&world, &service);
}

#[test]
fn a_purge_under_way_is_final() {
    let (world, service, _) = committed();
    delete(&service).unwrap();
    world.fail("memory_delete", Fault::NotSent);
    assert!(purge(&service).unwrap_err().is_temporary());
    assert!(is_conflict(restore(&service)));
    world.pass(&service, 700);
    assert!(world.net().memories.is_empty() && world.net().blobs.is_empty());
}

#[test]
fn without_the_right_nothing_is_trashed_or_deleted_later() {
    for retention in [0, 30 * DAY * SECOND] {
        let (world, service, _) = committed();
        let settings = GatewayArgs {
            trash_retention_ns: Some(retention),
            ..GatewayArgs::default()
        };
        service.configure(settings).unwrap();
        let method = match retention {
            0 => "memory_delete",
            _ => "memory_trash",
        };
        world.fail(method, Fault::NotSent);
        assert!(delete(&service).unwrap_err().is_temporary());
        // The right goes between the note and its run: that looks like no deletion.
        world.net().writers.clear();
        world.pass(&service, 700);
        world.pass(&service, 700);
        assert_eq!(delete(&service), Err(Failure::NotFound));
        world.pass(&service, 60 * DAY);
        assert!(is_whole(&world) && !in_trash(&world));
        assert_eq!(restore(&service), Err(Failure::NotFound));
        assert_eq!(purge(&service), Err(Failure::NotFound));
    }
}

#[test]
fn an_index_that_refuses_the_gateway_ends_no_note() {
    let (world, service, _) = committed();
    world.fail("memory_trash", Fault::RefusedGateway);
    assert!(delete(&service).unwrap_err().is_temporary());
    world.pass(&service, 700);
    assert!(in_trash(&world));
    // The index names the memory after its time, so that it has two jobs.
    for _ in 0..2 {
        world.fail("memory_expire", Fault::RefusedGateway);
    }
    world.pass(&service, 31 * DAY);
    assert!(is_whole(&world));
    world.pass(&service, 700);
    assert!(world.net().memories.is_empty() && world.net().blobs.is_empty());
}

#[test]
fn a_memory_of_another_gateway_is_not_trashed() {
    let (world, service, _) = committed();
    world.net().memories.get_mut(MEMORY).unwrap().gateway = id(77);
    assert!(is_conflict(delete(&service)));
    assert!(!world.net().calls.contains(&"memory_trash"));
}

#[test]
fn a_restore_is_not_acknowledged_while_another_caller_purges() {
    let (world, service, _) = committed();
    delete(&service).unwrap();
    let other = id(9);
    world.net().writers.insert(other);
    world.net().held.insert("memory_restore");
    let mut restored = Box::pin(service.restore_memory(id(OWNER), MEMORY.into()));
    // The other caller finds the memory in the trash before the restore reaches the index.
    let mut purged = Box::pin(service.purge_memory(other, MEMORY.into()));
    world.net().held.insert("memory_find");
    for _ in 0..3 {
        assert!(poll(&mut purged).is_pending());
    }
    world.net().held.remove("memory_find");
    for _ in 0..5 {
        assert!(poll(&mut restored).is_pending());
    }
    run(purged).unwrap();
    world.net().held.clear();
    assert!(is_conflict(run(restored)));
}
