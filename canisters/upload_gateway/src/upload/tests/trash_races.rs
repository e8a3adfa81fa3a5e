//! Two callers trash the same memory at once: it goes when its time is over, whoever is refused.

use super::trash::{DAY, MEMORY, all_gone, committed, in_trash, is_whole};
use super::world::*;
use crate::failure::{Failure, Result};
use capsule_shared::Error;
use std::future::Future;
use std::pin::Pin;

/// The second caller, who has the same right.
const OTHER: u8 = 9;

type Deleting = Pin<Box<dyn Future<Output = Result<()>>>>;

/// Lets a caller delete until the index has acted on `method`, whose answer waits.
fn deleting(world: &World, service: &Service, who: u8, method: &'static str) -> Deleting {
    let service = service.clone();
    let deleted = async move { service.delete_memory(id(who), MEMORY.into()).await };
    let mut deleted: Deleting = Box::pin(deleted);
    carry_on(world, &mut deleted, method);
    deleted
}

/// Lets it go on until the index has acted on `method`.
fn carry_on(world: &World, deleting: &mut Deleting, method: &'static str) {
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
