//! A capsule controller who is removed, or leaves, loses its pending uploads in the capsule.

use super::world::*;
use crate::failure::Failure;
use crate::upload::types::{BeginArgs, SessionId, SessionStatus};
use capsule_shared::gateway::GatewayArgs;

const CONTROLLER: u8 = 9;
const CAPSULE: &str = "capsule-1";

type Done = crate::failure::Result<()>;

/// A gateway in whose capsule `CONTROLLER` may write.
fn shared() -> (World, Service) {
    let (world, service) = World::new();
    world.net().writers.insert(id(CONTROLLER));
    (world, service)
}

fn begin_in(
    service: &Service,
    who: u8,
    capsule: &str,
    key: &str,
) -> crate::failure::Result<SessionId> {
    let args = BeginArgs {
        capsule_id: capsule.into(),
        ..begin_args(key, "photo.jpg", 2, 0)
    };
    run(service.begin(id(who), args))
}

fn begin_own(service: &Service, key: &str) -> crate::failure::Result<SessionId> {
    begin_in(service, CONTROLLER, CAPSULE, key)
}

fn remove(service: &Service) -> Done {
    let removed = service.remove_controller(id(OWNER), CAPSULE, id(CONTROLLER));
    run(removed).map(|_| ())
}

fn leave(service: &Service) -> Done {
    run(service.leave_capsule(id(CONTROLLER), CAPSULE))
}

fn is_pending(service: &Service, session: SessionId) -> bool {
    let found = service.with(|state| state.sessions().get(session));
    found.is_some_and(|session| session.status == SessionStatus::Pending)
}

fn queued(service: &Service) -> u64 {
    service.with(|state| state.queued_jobs())
}

#[test]
fn the_pending_uploads_of_a_removed_controller_end_and_no_others() {
    let (world, service) = shared();
    let gone = begin_own(&service, "gone").unwrap();
    let elsewhere = begin_in(&service, CONTROLLER, "capsule-2", "elsewhere").unwrap();
    let owners = begin_in(&service, OWNER, CAPSULE, "owner's").unwrap();
    run(service.put_chunk(id(CONTROLLER), chunk(gone, 0, b"first"))).unwrap();

    remove(&service).unwrap();
    assert!(!is_pending(&service, gone));
    assert!(is_pending(&service, elsewhere) && is_pending(&service, owners));
    let put = run(service.put_chunk(id(CONTROLLER), chunk(gone, 1, b"last")));
    assert_eq!(put, Err(Failure::NotFound));
    let ended = service.with(|state| {
        let sessions = state.sessions();
        sessions.ended_lately(gone, id(CONTROLLER), world.net().now)
    });
    assert!(ended, "its owner gets a typed answer");
    assert_eq!(world.net().log, [format!("SESSION_EXPIRED sid={gone}")]);
    world.pass(&service, 1);
    assert_eq!(world.net().blobs.len(), 2);
    assert_eq!(queued(&service), 0);
}

#[test]
fn a_finishing_upload_is_judged_by_the_index() {
    let (world, service) = shared();
    let session = begin_own(&service, "finishing").unwrap();
    for (index, bytes) in [(0, &b"first"[..]), (1, b"last")] {
        run(service.put_chunk(id(CONTROLLER), chunk(session, index, bytes))).unwrap();
    }
    let finish = || {
        let hash = sha2::Sha256::digest(FILE);
        run(service.finish(id(CONTROLLER), session, &hash, FILE.len() as u64))
    };
    use sha2::Digest;
    world.fail("memory_commit", Fault::LostReply);
    assert!(finish().unwrap_err().is_temporary());
    remove(&service).unwrap();
    // The index committed it before the removal.
    assert_eq!(finish().unwrap().memory_id, "memory-1");
}

#[test]
fn after_a_lost_answer_the_same_call_ends_the_uploads() {
    let removal: fn(&Service) -> Done = remove;
    let own_removal: fn(&Service) -> Done = |service| {
        let removed = service.remove_controller(id(CONTROLLER), CAPSULE, id(CONTROLLER));
        match run(removed) {
            Err(Failure::Unauthorized) => Ok(()),
            other => other.map(|_| ()),
        }
    };
    for call in [removal, own_removal, leave] {
        let (world, service) = shared();
        let session = begin_own(&service, "key").unwrap();
        world.fail("capsule_remove_controller", Fault::LostReply);
        assert!(call(&service).unwrap_err().is_temporary());
        assert!(is_pending(&service, session));
        for _ in 0..2 {
            call(&service).unwrap();
            assert!(!is_pending(&service, session));
        }
        world.pass(&service, 1);
        assert!(world.net().blobs.is_empty());
    }
}

#[test]
fn a_refused_removal_ends_nothing() {
    let (world, service) = shared();
    let session = begin_own(&service, "key").unwrap();
    let owners = begin_in(&service, OWNER, CAPSULE, "owner's").unwrap();
    let stranger = service.remove_controller(id(77), CAPSULE, id(CONTROLLER));
    assert!(run(stranger).is_err());
    // An owner is no capsule controller, and keeps its right.
    for who in [OWNER, CONTROLLER] {
        let removed = service.remove_controller(id(who), CAPSULE, id(OWNER));
        run(removed).unwrap();
    }
    // The index refuses the gateway, not its caller.
    world.fail("capsule_remove_controller", Fault::RefusedGateway);
    assert!(leave(&service).unwrap_err().is_temporary());
    assert!(is_pending(&service, session) && is_pending(&service, owners));
}

#[test]
fn many_uploads_end_in_slices_and_an_upgrade_loses_none() {
    let (world, service) = shared();
    let limits = GatewayArgs {
        max_sessions_per_principal: Some(1_000),
        max_sessions_per_capsule: Some(1_000),
        ..GatewayArgs::default()
    };
    service.configure(limits).unwrap();
    let mut sessions = Vec::new();
    for n in 0..300 {
        // Every third is in a capsule in which the right stays.
        let capsule = ["capsule-2", CAPSULE, CAPSULE][n % 3];
        let session = begin_in(&service, CONTROLLER, capsule, &format!("key {n}")).unwrap();
        sessions.push((session, capsule == CAPSULE));
        world.net().now += 1;
    }
    let left = |service: &Service| -> usize {
        let of = sessions
            .iter()
            .filter(|(session, own)| *own && is_pending(service, *session));
        of.count()
    };
    // Each look at the instructions finds a tenth of a turn used.
    world.net().instructions_per_look = 150_000_000;
    remove(&service).unwrap();
    let after_call = left(&service);
    assert!(
        (1..200).contains(&after_call),
        "{after_call} of 200 are left"
    );

    // Somebody gives the right again, while a job ends what began before.
    world.net().writers.insert(id(CONTROLLER));
    let new = begin_own(&service, "new").unwrap();
    let service = world.start();
    let (mut before, mut slices) = (after_call, 0);
    for _ in 0..500 {
        world.net().instructions = 0;
        world.pass(&service, 1);
        slices += u32::from(left(&service) < before);
        before = left(&service);
    }
    assert!(slices > 1, "{after_call} uploads ended in {slices} slice");
    world.net().instructions_per_look = 0;
    world.net().instructions = 0;
    world.pass(&service, 700);
    assert_eq!(left(&service), 0);
    assert!(is_pending(&service, new));
    let stayed = sessions
        .iter()
        .filter(|(session, _)| is_pending(&service, *session));
    assert_eq!(stayed.count(), 100);
    assert_eq!(queued(&service), 0);
    assert_eq!(world.net().blobs.len(), 101);
}

#[test]
fn a_begin_in_flight_makes_no_upload_after_the_removal() {
    for method in ["capsule_usage", "blob_open"] {
        let (world, service) = shared();
        world.net().held.insert(method);
        let args = begin_args("key", "photo.jpg", 2, 0);
        let mut begun = Box::pin(service.begin(id(CONTROLLER), args));
        for _ in 0..5 {
            assert!(poll(&mut begun).is_pending());
        }
        remove(&service).unwrap();
        world.net().held.clear();
        assert!(run(begun).unwrap_err().is_temporary(), "{method}");
        assert_eq!(begin_own(&service, "key"), Err(Failure::Unauthorized));
        world.pass(&service, 700);
        assert!(world.net().blobs.is_empty());
        // With the right again, the same begin succeeds.
        world.net().writers.insert(id(CONTROLLER));
        begin_own(&service, "key").unwrap();
    }
}

#[test]
fn a_capsule_of_the_same_id_in_another_index_is_another_capsule() {
    let (world, service) = shared();
    let session = begin_own(&service, "key").unwrap();
    let other = GatewayArgs {
        memory_index: Some(id(OTHER_INDEX)),
        ..GatewayArgs::default()
    };
    service.configure(other).unwrap();
    world.other.borrow_mut().writers.insert(id(OWNER));
    remove(&service).unwrap();
    assert!(is_pending(&service, session));
}
