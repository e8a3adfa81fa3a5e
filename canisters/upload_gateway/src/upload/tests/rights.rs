//! Callers without a right, and a gateway that the index refuses.

use super::trash::{self, committed, in_trash, is_whole};
use super::world::*;
use crate::failure::Failure;
use candid::CandidType;
use capsule_shared::Error;
use capsule_shared::capsule::{CapsuleHeader, PersonRef};
use capsule_shared::gateway::{CapsuleCreators, GatewayArgs};

const STRANGER: u8 = 9;

/// The answers of every method that reads or changes a memory or its blob.
fn answers(service: &Service, who: u8, memory: &str, blob: &str) -> Vec<Failure> {
    let (who, memory) = (id(who), memory.to_string());
    vec![
        run(service.blob_meta(who, blob)).unwrap_err(),
        run(service.blob_whole(who, blob)).unwrap_err(),
        run(service.blob_chunk(who, blob, 0)).unwrap_err(),
        run(service.read_memory(who, &memory)).unwrap_err(),
        run(service.read_memory_certified(who, &memory)).unwrap_err(),
        run(service.delete_memory(who, memory.clone())).unwrap_err(),
        run(service.restore_memory(who, memory.clone())).unwrap_err(),
        run(service.purge_memory(who, memory)).unwrap_err(),
    ]
}

#[test]
fn a_stranger_cannot_tell_what_exists() {
    let (world, service) = World::new();
    let result = finish(&service, uploaded(&service), FILE).unwrap();
    let mut seen = Vec::new();
    for (memory, blob) in [
        ("memory-1", result.blob_id.as_str()),
        ("memory-2", "blob_7"),
    ] {
        world.net().calls.clear();
        let told = answers(&service, STRANGER, memory, blob);
        assert!(
            told.iter().all(|error| *error == Failure::NotFound),
            "{told:?}"
        );
        seen.push(std::mem::take(&mut world.net().calls));
    }
    assert_eq!(seen[0], seen[1], "the calls differ");
    assert_eq!(seen[0].len(), 8, "one question each: {:?}", seen[0]);
    run(service.blob_meta(id(OWNER), &result.blob_id)).unwrap();
}

#[test]
fn an_owner_gets_a_temporary_error_while_the_index_refuses_the_gateway() {
    let (world, service) = World::new();
    let result = finish(&service, uploaded(&service), FILE).unwrap();
    let methods = [
        "blob_locate",
        "blob_locate",
        "blob_locate",
        "memory_read",
        "memory_read",
        "memory_find",
        "memory_find",
        "memory_find",
    ];
    for method in methods {
        world.fail(method, Fault::RefusedGateway);
    }
    let told = answers(&service, OWNER, "memory-1", &result.blob_id);
    assert!(told.iter().all(Failure::is_temporary), "{told:?}");
}

/// An answer of an index of release 0.1.0: it doesn't say whether it knows the gateway.
fn old<T: CandidType>(answer: Result<T, Error>) -> Fault {
    Fault::Replied(reply(answer))
}

#[test]
fn a_refusal_by_an_index_of_release_0_1_0_is_made_sure_of() {
    let (world, service) = World::new();
    let refused = || old::<()>(Err(Error::Unauthorized));
    let calls = || std::mem::take(&mut world.net().calls);
    // It knows the gateway, and answers the same again.
    world.net().writers.clear();
    world.fail("capsule_usage", refused());
    assert_eq!(begin(&service, "key", 1), Err(Failure::Unauthorized));
    assert_eq!(calls(), ["capsule_usage", "capsule_list", "capsule_usage"]);
    // It doesn't know the gateway.
    for probe in [refused(), Fault::NotSent, Fault::LostReply] {
        world.fail("capsule_usage", refused());
        world.fail("capsule_list", probe);
        assert!(begin(&service, "key", 1).unwrap_err().is_temporary());
        assert_eq!(calls(), ["capsule_usage", "capsule_list"]);
    }
    // A query has no consequences, so the first answer counts there.
    world.net().in_query = true;
    world.fail("memory_list", refused());
    world.fail("capsule_list", Fault::NotSent);
    let listed = run(service.list_memories(id(OWNER), "capsule-1", None, None, None));
    assert_eq!(listed, Err(Failure::Unauthorized));
    world.net().in_query = false;
    // An operator registers the gateway in between.
    world.net().writers.insert(id(OWNER));
    world.fail("capsule_usage", refused());
    // It also upgrades the index and takes the right away: that is no refusal of the caller.
    world.fail("memory_commit", refused());
    world.fail("memory_commit", Fault::RefusedGateway);
    let session = begin(&service, "key", 1).unwrap();
    put(&service, session, 0, FILE).unwrap();
    assert!(finish(&service, session, FILE).unwrap_err().is_temporary());
    finish(&service, session, FILE).unwrap();
}

#[test]
fn an_index_of_release_0_1_0_has_no_trash_to_look_into() {
    let committed = || {
        let (world, service) = World::new();
        finish(&service, uploaded(&service), FILE).unwrap();
        world.fail("memory_find", Fault::NoMethod);
        (world, service)
    };
    let list = || old(Ok(Vec::<CapsuleHeader>::new()));
    let delete = |service: &Service| run(service.delete_memory(id(OWNER), "memory-1".into()));
    let (world, service) = committed();
    world.fail("capsule_list", list());
    delete(&service).unwrap();
    assert!(world.net().memories.is_empty());

    let (world, service) = committed();
    world.net().memories.clear();
    // Once to learn the release, and once to make sure of the answer.
    world.fail("memory_read", old::<()>(Err(Error::NotFound)));
    world.fail("memory_read", old::<()>(Err(Error::NotFound)));
    world.fail("capsule_list", list());
    world.fail("capsule_list", list());
    assert_eq!(delete(&service), Err(Failure::NotFound));

    // An index with a trash: the memory may be there, and the call merely failed.
    for fault in [Fault::NotSent, Fault::Rejected, Fault::LostReply] {
        let (world, service, _) = trash::committed();
        world.fail("memory_find", fault);
        assert!(delete(&service).unwrap_err().is_temporary());
        assert_eq!(world.net().calls.last(), Some(&"memory_find"));
        assert!(!in_trash(&world) && is_whole(&world));
    }
}

#[test]
fn an_index_of_release_0_1_0_takes_nothing_into_a_trash_and_says_so() {
    let (world, service, _) = committed();
    let list = || old(Ok(Vec::<CapsuleHeader>::new()));
    let delete = || run(service.delete_memory(id(OWNER), "memory-1".into()));
    world.fail("memory_trash", Fault::NoMethod);
    world.fail("capsule_list", list());
    let told = delete();
    assert!(matches!(told, Err(Failure::NotImplemented(_))), "{told:?}");
    // Nothing is left to do, and no deletion comes later.
    world.pass(&service, 700);
    let queue = service.cleanup_expired();
    assert!(queue.ends_with("Queued jobs: 0"), "{queue}");
    world.pass(&service, 40 * 24 * 3_600);
    assert!(!in_trash(&world) && is_whole(&world));

    // An index with a trash, or another canister: the call merely failed.
    for fault in [Fault::Rejected, Fault::NoMethod] {
        world.fail("memory_trash", fault);
        assert!(delete().unwrap_err().is_temporary());
    }
}

#[test]
fn a_restore_needs_no_trash_of_an_index_of_release_0_1_0() {
    let (world, service, _) = committed();
    let list = || old(Ok(Vec::<CapsuleHeader>::new()));
    world.fail("memory_trash", Fault::Rejected);
    let deleted = run(service.delete_memory(id(OWNER), "memory-1".into()));
    assert!(deleted.unwrap_err().is_temporary());
    for method in ["memory_find", "memory_restore"] {
        world.fail(method, Fault::NoMethod);
        world.fail("capsule_list", list());
    }
    run(service.restore_memory(id(OWNER), "memory-1".into())).unwrap();
    world.pass(&service, 700);
    assert!(!in_trash(&world) && is_whole(&world));
}

#[test]
fn the_canisters_of_the_system_are_no_persons() {
    let (world, service) = World::new();
    for canister in [GATEWAY, INDEX, STORE] {
        let add = run(service.add_controller(id(OWNER), "capsule-1", id(canister)));
        assert!(matches!(add, Err(Failure::InvalidArgument(_))), "{add:?}");
        let subject = Some(PersonRef::Principal(id(canister)));
        let made = run(service.create_capsule(id(OWNER), subject));
        assert!(matches!(made, Err(Failure::InvalidArgument(_))), "{made:?}");
    }
    assert_eq!(world.net().calls, [""; 0]);
}

#[test]
fn a_capsule_controller_leaves_with_one_call() {
    let (world, service) = World::new();
    let leave = |who| run(service.leave_capsule(id(who), "capsule-1"));
    let refused = leave(OWNER);
    assert!(
        matches!(refused, Err(Failure::InvalidArgument(_))),
        "{refused:?}"
    );
    world.net().writers.insert(id(STRANGER));
    assert_eq!(leave(STRANGER), Ok(()));
    world.net().writers.remove(&id(STRANGER));
    assert_eq!(leave(STRANGER), Ok(()));
    world.fail("capsule_remove_controller", Fault::RefusedGateway);
    assert!(leave(STRANGER).unwrap_err().is_temporary());
}

#[test]
fn the_index_learns_how_many_capsules_the_caller_may_make() {
    let (world, service) = World::new();
    let create = || run(service.create_capsule(id(OWNER), None)).map(|_| ());
    create().unwrap();
    assert_eq!(world.net().most_capsules, Some(10));
    let configure = |creators| {
        let settings = GatewayArgs {
            capsule_creators: Some(creators),
            max_capsules_per_principal: Some(3),
            ..GatewayArgs::default()
        };
        service.configure(settings).unwrap();
    };
    configure(CapsuleCreators::Anyone);
    create().unwrap();
    assert_eq!(world.net().most_capsules, Some(3));
    // An operator who lists the creators trusts them.
    configure(CapsuleCreators::Listed(vec![id(OWNER)]));
    create().unwrap();
    assert_eq!(world.net().most_capsules, None);
}

#[test]
fn a_full_index_leaves_the_session_pending_and_says_so() {
    let (world, service) = World::new();
    world.fail("capsule_usage", Fault::Refused(Error::ResourceExhausted));
    let refused = begin(&service, "key", 2);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    let session = uploaded(&service);
    world.fail("memory_commit", Fault::Refused(Error::ResourceExhausted));
    let full = finish(&service, session, FILE);
    assert_eq!(full, Err(Failure::ResourceExhausted));
    let told = service.sessions_stats();
    assert_eq!(told, "Total sessions: 1, Pending: 1, Committed: 0");
    // The bytes stay, and the same call succeeds once there is room.
    put(&service, session, 0, b"first").unwrap();
    finish(&service, session, FILE).unwrap();
}
