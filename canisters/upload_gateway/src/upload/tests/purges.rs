//! Purges for which the gateway has no job: it learns of them from the index.

use super::trash::{DAY, MEMORY, all_gone, committed};
use super::world::*;
use capsule_shared::memory_index::Trash;
use capsule_shared::operators::{DueCursor, DuePage, MemoryDue};

const HOUR: u64 = 3_600;

impl Net {
    /// A page of at most two memories whose time in the trash is over.
    pub(super) fn due(&self, after: Option<DueCursor>) -> DuePage {
        let after = after.map(|last| last.memory_id);
        let due = self
            .trash
            .iter()
            .filter(|(_, trash)| trash.purge_at <= self.now);
        let due = due.filter(|(id, _)| after.as_ref().is_none_or(|last| *id > last));
        let mut memories: Vec<_> = due
            .take(3)
            .map(|(id, trash)| MemoryDue {
                gateway: self.memories[id].gateway,
                purge_at: trash.purge_at,
                memory_id: id.clone(),
                place: self.memories[id].place.clone(),
            })
            .collect();
        let more = memories.len() > 2;
        memories.truncate(2);
        let last = memories.last().filter(|_| more);
        let next = last.map(|last| DueCursor {
            gateway: last.gateway,
            purge_at: last.purge_at,
            memory_id: last.memory_id.clone(),
        });
        DuePage { memories, next }
    }
}

/// The index has a memory in the trash, and this gateway doesn't know.
fn trashed_elsewhere(world: &World, memory: &str, gateway: u8) {
    let mut net = world.net();
    let purge_at = net.now;
    let trash = Trash {
        trashed_at: purge_at,
        trashed_by: id(OWNER),
        purge_at,
    };
    net.trash.insert(memory.into(), trash);
    net.memories.get_mut(memory).unwrap().gateway = id(gateway);
}

fn calls(world: &World, method: &str) -> usize {
    let net = world.net();
    net.calls.iter().filter(|called| **called == method).count()
}

#[test]
fn a_memory_that_was_taken_down_goes_within_two_hours() {
    let (world, service, session) = committed();
    trashed_elsewhere(&world, MEMORY, GATEWAY);
    for _ in 0..2 {
        world.pass(&service, HOUR);
    }
    all_gone(&world, &service);
    // Its idempotency key is free.
    assert_ne!(begin(&service, "key", 2).unwrap(), session);
}

#[test]
fn a_gateway_without_an_index_rests() {
    let (world, _) = World::new();
    let world = World {
        memory: Default::default(),
        ..world
    };
    let service = world.start();
    world.pass(&service, 60);
    let armed = world.net().armed.unwrap();
    assert!(armed > world.net().now, "it would run in each round");
}

#[test]
fn the_trash_of_another_gateway_goes_page_by_page() {
    let (world, service, _) = committed();
    for number in 2..8 {
        committed_as(&service, &format!("key {number}"));
    }
    for number in 1..8 {
        trashed_elsewhere(&world, &format!("memory-{number}"), 50);
    }
    for _ in 0..5 {
        world.pass(&service, 60);
    }
    all_gone(&world, &service);
    // Pages of two.
    assert_eq!(calls(&world, "memories_due"), 4);
    world.pass(&service, HOUR);
    assert_eq!(calls(&world, "memories_due"), 5);
}

#[test]
fn a_question_that_failed_comes_again() {
    for fault in [
        Fault::NotSent,
        Fault::Rejected,
        Fault::LostReply,
        Fault::NoMethod,
        Fault::RefusedGateway,
    ] {
        let (world, service, _) = committed();
        trashed_elsewhere(&world, MEMORY, 50);
        world.fail("memories_due", fault.clone());
        world.pass(&service, 60);
        assert_eq!(world.net().memories.len(), 1, "{fault:?}");
        for _ in 0..2 {
            world.pass(&service, HOUR);
        }
        all_gone(&world, &service);
    }
}

#[test]
fn an_upgrade_asks_anew() {
    let (world, service, _) = committed();
    world.pass(&service, 60);
    trashed_elsewhere(&world, MEMORY, 50);
    let service = world.start();
    world.pass(&service, 60);
    all_gone(&world, &service);
}

#[test]
fn a_memory_with_a_job_gets_no_other() {
    let (world, service, _) = committed();
    run(service.delete_memory(id(OWNER), MEMORY.into())).unwrap();
    for _ in 0..31 {
        world.pass(&service, DAY);
    }
    all_gone(&world, &service);
    assert_eq!(calls(&world, "memory_expire"), 1);
    assert!(calls(&world, "memories_due") > 20);
}
