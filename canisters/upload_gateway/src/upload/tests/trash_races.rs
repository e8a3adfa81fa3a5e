//! Two calls trash the same memory at once: it goes when its time is over, whichever is refused.

use super::trash::{DAY, MEMORY, all_gone, committed, in_trash, is_whole};
use super::world::*;
use crate::failure::{Failure, Result};
use capsule_shared::Error;
use capsule_shared::capsule::CapsuleHeader;
use std::future::Future;
use std::pin::Pin;

/// The second caller, who has the same right.
pub(super) const OTHER: u8 = 9;

pub(super) type Deleting = Pin<Box<dyn Future<Output = Result<()>>>>;

/// How two calls end.
pub(super) const ENDS: [Ending; 3] = [Ending::InOrder, Ending::Reversed, Ending::Upgrade];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The answers arrive in the order of the calls.
    InOrder,
    Reversed,
    /// An upgrade comes before the answers.
    Upgrade,
}

/// Ends two calls. Returns the gateway from then on, and the answers in the order of the calls.
pub(super) fn end(
    world: &World,
    service: Service,
    [first, second]: [Deleting; 2],
    ending: Ending,
) -> (Service, Option<[Result<()>; 2]>) {
    match ending {
        Ending::InOrder => {
            let first = run(first);
            (service, Some([first, run(second)]))
        }
        Ending::Reversed => {
            let second = run(second);
            (service, Some([run(first), second]))
        }
        Ending::Upgrade => {
            drop((first, second, service));
            (world.start(), None)
        }
    }
}

/// Lets a caller delete until the index has acted on `method`, whose answer waits.
pub(super) fn deleting(
    world: &World,
    service: &Service,
    who: u8,
    method: &'static str,
) -> Deleting {
    let service = service.clone();
    let deleted = async move { service.delete_memory(id(who), MEMORY.into()).await };
    let mut deleted: Deleting = Box::pin(deleted);
    carry_on(world, &mut deleted, method);
    deleted
}

/// Lets it go on until the index has acted on `method`.
pub(super) fn carry_on(world: &World, deleting: &mut Deleting, method: &'static str) {
    world.net().held.insert(method);
    while world.net().calls.last() != Some(&method) {
        assert!(poll(deleting).is_pending());
    }
    world.net().held.clear();
    world.net().calls.clear();
}

/// Two callers find the memory. The first puts it into the trash, then the second asks for that.
/// Both answers wait.
fn race() -> (World, Service, [Deleting; 2]) {
    let (world, service, _) = committed();
    world.net().writers.insert(id(OTHER));
    world.net().calls.clear();
    let mut second = deleting(&world, &service, OTHER, "memory_find");
    let first = deleting(&world, &service, OWNER, "memory_trash");
    world.net().now += SECOND;
    carry_on(&world, &mut second, "memory_trash");
    assert!(in_trash(&world));
    (world, service, [first, second])
}

#[test]
fn both_succeed_in_any_order_and_the_time_of_the_first_counts() {
    for first_answer in [0, 1] {
        let (world, service, mut callers) = race();
        assert_eq!(run(&mut callers[first_answer]), Ok(()));
        assert_eq!(run(&mut callers[1 - first_answer]), Ok(()));
        world.net().now -= SECOND;
        world.pass(&service, 30 * DAY - 1);
        assert!(in_trash(&world) && is_whole(&world));
        world.pass(&service, 1);
        world.pass(&service, 1);
        all_gone(&world, &service);
    }
}

/// The second caller's note replaced that of the first, with another time. Its refusal drops it.
#[test]
fn the_refusal_of_the_second_caller_keeps_the_time_of_the_first() {
    let (world, service, _) = committed();
    world.net().writers.insert(id(OTHER));
    world.net().calls.clear();
    let mut second = deleting(&world, &service, OTHER, "memory_find");
    let first = deleting(&world, &service, OWNER, "memory_trash");
    world.net().now += SECOND;
    world.net().writers.remove(&id(OTHER));
    assert_eq!(run(&mut second), Err(Failure::NotFound));
    assert_eq!(run(first), Ok(()));
    assert!(in_trash(&world) && is_whole(&world));
    world.pass(&service, 30 * DAY);
    world.pass(&service, 1);
    all_gone(&world, &service);
}

/// The first caller's refusal comes late, when the note is the second caller's.
#[test]
fn the_refusal_of_the_first_caller_leaves_the_note_of_the_second() {
    let (world, service, _) = committed();
    world.net().writers.insert(id(OTHER));
    world.net().calls.clear();
    let mut first = deleting(&world, &service, OTHER, "memory_find");
    let mut second = deleting(&world, &service, OWNER, "memory_find");
    world.fail("memory_trash", Fault::Refused(Error::Unauthorized));
    carry_on(&world, &mut first, "memory_trash");
    world.fail("memory_trash", Fault::NotSent);
    carry_on(&world, &mut second, "memory_trash");
    world.net().writers.remove(&id(OTHER));
    assert_eq!(run(&mut first), Err(Failure::NotFound));
    assert!(run(&mut second).unwrap_err().is_temporary());
    assert!(!in_trash(&world));
    // The timer carries on what the second caller asked for.
    world.pass(&service, 700);
    assert!(in_trash(&world) && is_whole(&world));
    world.pass(&service, 31 * DAY);
    world.pass(&service, 1);
    all_gone(&world, &service);
}

#[test]
fn a_failed_call_is_no_deletion_although_its_note_is_gone() {
    let (world, service, _) = committed();
    world.fail("memory_trash", Fault::Rejected);
    let deleted = deleting(&world, &service, OWNER, "memory_trash");
    run(service.restore_memory(id(OWNER), MEMORY.into())).unwrap();
    assert!(run(deleted).unwrap_err().is_temporary());
    world.pass(&service, 60 * DAY);
    assert!(!in_trash(&world) && is_whole(&world));
}

/// The second caller's note has another time than the index, and its refusal drops it.
#[test]
fn a_lost_answer_and_a_refusal_leave_nothing_in_the_trash_for_ever() {
    for ending in ENDS {
        let (world, service, _) = committed();
        world.net().writers.insert(id(OTHER));
        world.net().calls.clear();
        let mut second = deleting(&world, &service, OTHER, "memory_find");
        world.fail("memory_trash", Fault::LostReply);
        let first = deleting(&world, &service, OWNER, "memory_trash");
        world.net().now += SECOND;
        world.net().writers.remove(&id(OTHER));
        carry_on(&world, &mut second, "memory_trash");
        assert!(in_trash(&world));
        let (service, told) = end(&world, service, [first, second], ending);
        if let Some([first, second]) = told {
            assert!(first.unwrap_err().is_temporary());
            assert_eq!(second, Err(Failure::NotFound));
        }
        world.pass(&service, 30 * DAY - 2);
        assert!(in_trash(&world) && is_whole(&world), "{ending:?}");
        world.pass(&service, 1);
        assert!(!in_trash(&world), "{ending:?}");
        world.pass(&service, 1);
        world.pass(&service, 1);
        all_gone(&world, &service);
    }
}

#[test]
fn one_caller_may_ask_twice() {
    let refused = || Fault::Refused(Error::Unauthorized);
    let lost = || Fault::LostReply;
    for faults in [
        [lost(), lost()],
        [lost(), Fault::Rejected],
        [lost(), refused()],
        [Fault::Rejected, lost()],
        [refused(), lost()],
    ] {
        for ending in ENDS {
            let (world, service, _) = committed();
            world.net().calls.clear();
            let mut second = deleting(&world, &service, OWNER, "memory_find");
            let is_final = faults
                .clone()
                .map(|fault| matches!(fault, Fault::Refused(_)));
            for fault in faults.clone() {
                world.fail("memory_trash", fault);
            }
            let first = deleting(&world, &service, OWNER, "memory_trash");
            world.net().now += SECOND;
            carry_on(&world, &mut second, "memory_trash");
            let (service, told) = end(&world, service, [first, second], ending);
            for (told, is_final) in told.into_iter().flatten().zip(is_final) {
                assert_eq!(told.unwrap_err().is_temporary(), !is_final, "{faults:?}");
            }
            world.pass(&service, 700);
            assert!(
                in_trash(&world) && is_whole(&world),
                "{faults:?} {ending:?}"
            );
            world.pass(&service, 30 * DAY);
            world.pass(&service, 1);
            all_gone(&world, &service);
        }
    }
}

#[test]
fn an_index_of_release_0_1_0_refuses_both() {
    for ending in ENDS {
        let (world, service, _) = committed();
        world.net().writers.insert(id(OTHER));
        world.net().calls.clear();
        for _ in 0..3 {
            let listed: std::result::Result<_, Error> = Ok(Vec::<CapsuleHeader>::new());
            world.fail("memory_trash", Fault::NoMethod);
            world.fail("capsule_list", Fault::Replied(reply(listed)));
        }
        let mut second = deleting(&world, &service, OTHER, "memory_find");
        let first = deleting(&world, &service, OWNER, "memory_trash");
        carry_on(&world, &mut second, "memory_trash");
        let (service, told) = end(&world, service, [first, second], ending);
        for told in told.into_iter().flatten() {
            assert!(matches!(told, Err(Failure::NotImplemented(_))), "{told:?}");
        }
        world.pass(&service, 700);
        assert!(!in_trash(&world) && is_whole(&world), "{ending:?}");
        let queue = service.cleanup_expired();
        assert!(queue.ends_with("Queued jobs: 0"), "{queue}");
    }
}
