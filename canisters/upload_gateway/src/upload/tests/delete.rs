//! Deleting memories: lost answers, refusals, foreign memories.

use super::world::*;
use crate::failure::Failure;

fn delete(service: &Service, who: u8) -> crate::failure::Result<()> {
    run(service.delete_memory(id(who), "memory-1".into()))
}

#[test]
fn the_blob_goes_with_the_memory_and_the_key_is_free() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    finish(&service, session, FILE).unwrap();
    assert_eq!(delete(&service, 9), Err(Failure::NotFound));
    assert_eq!(world.net().memories.len(), 1);
    delete(&service, OWNER).unwrap();
    delete(&service, OWNER).unwrap();
    assert_eq!(finish(&service, session, FILE), Err(Failure::NotFound));
    assert_ne!(begin(&service, "key", 2), Ok(session));
    world.pass(&service, 120);
    let net = world.net();
    assert!(net.memories.is_empty());
    assert_eq!(net.blobs.values().filter(|blob| blob.sealed).count(), 0);
}

#[test]
fn a_lost_answer_leaves_neither_memory_nor_blob() {
    for fault in [Fault::LostReply, Fault::NotSent] {
        for retry in [true, false] {
            let (world, service) = World::new();
            finish(&service, uploaded(&service), FILE).unwrap();
            world.fail("memory_delete", fault.clone());
            assert!(delete(&service, OWNER).unwrap_err().is_temporary());
            let service = world.start();
            if retry {
                delete(&service, OWNER).unwrap();
            }
            world.pass(&service, 3_600);
            world.pass(&service, 3_600);
            assert!(world.net().memories.is_empty());
            assert!(world.net().blobs.is_empty());
            delete(&service, OWNER).unwrap();
            world.pass(&service, 48 * 3_600);
            assert_eq!(delete(&service, OWNER), Err(Failure::NotFound));
        }
    }
}

#[test]
fn a_deleted_memory_is_not_committed_anew() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    // The index has the memory, but the gateway doesn't know it.
    world.fail("memory_commit", Fault::LostReply);
    finish(&service, session, FILE).unwrap_err();
    world.fail("memory_delete", Fault::LostReply);
    delete(&service, OWNER).unwrap_err();
    for _ in 0..5 {
        world.pass(&service, 700);
    }
    assert!(world.net().memories.is_empty());
    assert!(world.net().blobs.is_empty());
}

#[test]
fn only_the_gateway_that_owns_a_memory_deletes_it() {
    let (world, service) = World::new();
    finish(&service, uploaded(&service), FILE).unwrap();
    world.net().memories.get_mut("memory-1").unwrap().gateway = id(77);
    let refused = delete(&service, OWNER).unwrap_err();
    assert!(
        matches!(&refused, Failure::Conflict(t) if t.contains(&id(77).to_text())),
        "{refused}"
    );
    assert!(!world.net().calls.contains(&"memory_delete"));
}

/// The memory was handed over. Its session id is one of the gateway that committed it, and says
/// nothing about a session of this one.
#[test]
fn the_gateway_that_owns_a_memory_deletes_it() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    // The index has the memory, but the gateway doesn't know it.
    world.fail("memory_commit", Fault::LostReply);
    finish(&service, session, FILE).unwrap_err();
    world.net().memories.get_mut("memory-1").unwrap().gateway = id(77);
    let own = id(GATEWAY);
    world.net().owners.insert("memory-1".into(), own);
    delete(&service, OWNER).unwrap();
    assert!(world.net().memories.is_empty());
    // The session of the same number goes on.
    assert!(finish(&service, session, FILE).is_ok());

    let (world, service) = World::new();
    finish(&service, uploaded(&service), FILE).unwrap();
    world.net().owners.insert("memory-1".into(), id(77));
    let refused = delete(&service, OWNER).unwrap_err();
    assert!(matches!(&refused, Failure::Conflict(_)), "{refused}");
}

#[test]
fn a_deletion_outlasts_an_index_that_refuses_the_gateway() {
    let (world, service) = World::new();
    finish(&service, uploaded(&service), FILE).unwrap();
    // The index deletes the memory, but its answer is lost. Then it refuses the gateway for a
    // while.
    world.fail("memory_delete", Fault::LostReply);
    assert!(delete(&service, OWNER).unwrap_err().is_temporary());
    world.fail("memory_delete", Fault::RefusedGateway);
    assert!(delete(&service, OWNER).unwrap_err().is_temporary());
    world.pass(&service, 3_600);
    world.pass(&service, 3_600);
    assert!(world.net().blobs.is_empty());
}

#[test]
fn only_the_memorys_own_session_ends_with_it() {
    let (world, service) = World::new();
    finish(&service, uploaded(&service), FILE).unwrap();
    let other = begin(&service, "other", 1).unwrap();
    world.net().memories.get_mut("memory-1").unwrap().session_id = other.0;
    delete(&service, OWNER).unwrap();
    put(&service, other, 0, FILE).unwrap();
    world.fail("memory_commit", Fault::NotSent);
    finish(&service, other, FILE).unwrap_err();
    finish(&service, other, FILE).unwrap();
}

#[test]
fn a_refusal_to_one_caller_leaves_the_deletion_of_another() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    finish(&service, session, FILE).unwrap();
    let other = id(9);
    world.net().writers.insert(other);
    let delete = |who| Box::pin(service.delete_memory(who, "memory-1".into()));
    world.net().held.insert("memory_find");
    let mut refused = delete(other);
    for _ in 0..3 {
        assert!(poll(&mut refused).is_pending());
    }
    // The right goes after the index answered, and before the gateway asks for the deletion. The
    // index refuses it before the owner's deletion runs, and its answer comes after that.
    world.net().writers.remove(&other);
    world.net().held = ["memory_delete"].into();
    for _ in 0..3 {
        assert!(poll(&mut refused).is_pending());
    }
    let mut owners = delete(id(OWNER));
    for _ in 0..3 {
        assert!(poll(&mut owners).is_pending());
    }
    world.net().held.clear();
    assert_eq!(run(refused), Err(Failure::NotFound));
    run(owners).unwrap();
    world.pass(&service, 60);
    assert!(world.net().blobs.is_empty());
}
