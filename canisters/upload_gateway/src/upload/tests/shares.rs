//! Questions of strangers take no place from finishes, deletions and begins.

use super::world::*;
use crate::failure::Result;
use std::future::Future;
use std::pin::Pin;

type Open = Pin<Box<dyn Future<Output = Result<()>>>>;

/// Has strangers open as many calls to the index as they can, and keeps them open.
fn rush(world: &World, service: &Service) -> Vec<Open> {
    world
        .net()
        .held
        .extend(["memory_read", "capsule_remove_controller"]);
    let mut open: Vec<Open> = Vec::new();
    for n in 0..600u32 {
        let (asking, who) = (service.clone(), id(200));
        let mut call: Open = match n % 3 {
            0 => Box::pin(async move { asking.delete_memory(who, format!("memory-{n}")).await }),
            1 => Box::pin(async move {
                let read = asking.read_memory_certified(who, "memory-1").await;
                read.map(|_| ())
            }),
            _ => Box::pin(async move {
                let removed = asking.remove_controller(who, "capsule-1", id(201)).await;
                removed.map(|_| ())
            }),
        };
        match poll(&mut call) {
            std::task::Poll::Pending => open.push(call),
            std::task::Poll::Ready(refused) => assert!(refused.unwrap_err().is_temporary()),
        }
    }
    open
}

#[test]
fn strangers_leave_room_for_finishes_deletions_and_begins() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    let second = begin(&service, "second", 1).unwrap();
    put(&service, second, 0, b"second").unwrap();
    finish(&service, second, b"second").unwrap();
    world.fail("memory_delete", Fault::NotSent);
    run(service.delete_memory(id(OWNER), "memory-1".into())).unwrap_err();

    let open = rush(&world, &service);
    assert_eq!(open.len(), 40);
    assert_eq!(service.open_calls(), 40);
    begin(&service, "new", 1).unwrap();
    finish(&service, session, FILE).unwrap();
    world.pass(&service, 400);
    assert!(!world.net().memories.contains_key("memory-1"));
    // The deletion's blob is gone: what is left is the finished one and the new one.
    assert_eq!(world.net().blobs.len(), 2);
    drop(open);
    assert_eq!(service.open_calls(), 0);
}

/// A query's calls take no place in the queues of a peer.
#[test]
fn queries_have_no_caps() {
    let (world, service) = World::new();
    finish(&service, uploaded(&service), FILE).unwrap();
    let open = rush(&world, &service);
    world.net().held.clear();
    let read = || run(service.read_memory(id(OWNER), "memory-1"));
    assert!(read().unwrap_err().is_temporary());
    world.net().in_query = true;
    read().unwrap();
    assert_eq!(service.open_calls(), 40);
    drop(open);
}
