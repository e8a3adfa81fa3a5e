//! Files whose rolling hash has a gap, so that the store hashes them.

use super::world::*;

#[test]
fn the_store_hashes_a_file_whose_rolling_hash_has_a_gap() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 3).unwrap();
    world.net().held.insert("blob_put_chunk");
    let mut zero = Box::pin(service.put_chunk(id(OWNER), chunk(session, 0, b"zero.")));
    let mut one = Box::pin(service.put_chunk(id(OWNER), chunk(session, 1, b"one..")));
    assert!(poll(&mut zero).is_pending());
    assert!(poll(&mut one).is_pending());
    drop(zero);
    world.net().held.clear();
    run(one).unwrap();
    put(&service, session, 0, b"zero.").unwrap();
    put(&service, session, 2, b"two").unwrap();
    let file = b"zero.one..two";
    let first = finish(&service, session, file).unwrap_err();
    assert!(
        first.is_temporary() && first.to_string().contains("1 of 13 bytes"),
        "{first}"
    );
    finish(&service, session, file).unwrap();
}

#[test]
fn the_store_hashes_before_the_finish() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 2).unwrap();
    world.net().held.insert("blob_put_chunk");
    let mut zero = Box::pin(service.put_chunk(id(OWNER), chunk(session, 0, b"first")));
    let mut one = Box::pin(service.put_chunk(id(OWNER), chunk(session, 1, b"last")));
    assert!(poll(&mut zero).is_pending());
    assert!(poll(&mut one).is_pending());
    drop(zero);
    world.net().held.clear();
    run(one).unwrap();
    put(&service, session, 0, b"first").unwrap();
    let service = world.start();
    seconds(&world, &service, 2);
    finish(&service, session, FILE).unwrap();
}

/// Lets time pass second by second. The store hashes at most once in each.
fn seconds(world: &World, service: &Service, count: u64) {
    for _ in 0..count {
        world.pass(service, 1);
    }
}

/// How often the store was asked to hash.
fn digests(world: &World) -> usize {
    let net = world.net();
    let calls = net.calls.iter();
    calls.filter(|call| **call == "blob_digest").count()
}

#[test]
fn hashing_begins_when_the_gap_closes_and_goes_on_with_the_chunks() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 4).unwrap();
    put(&service, session, 1, b"11111").unwrap();
    seconds(&world, &service, 3);
    assert_eq!(digests(&world), 0);
    put(&service, session, 0, b"00000").unwrap();
    seconds(&world, &service, 3);
    // The first call hashes a slice, the second finds all hashed. Then the job waits for chunks.
    assert_eq!(digests(&world), 2);
    world.pass(&service, 600);
    assert_eq!(digests(&world), 2);
    // The same after an upgrade.
    let service = world.start();
    put(&service, session, 2, b"22222").unwrap();
    put(&service, session, 3, b"333").unwrap();
    seconds(&world, &service, 3);
    let asked = digests(&world);
    assert!((3..=4).contains(&asked), "{asked}");
    finish(&service, session, b"000001111122222333").unwrap();
    assert_eq!(
        digests(&world),
        asked,
        "the hash was known before the finish"
    );
}

#[test]
fn the_hash_of_a_file_that_was_not_complete_is_not_its_hash() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 3).unwrap();
    put(&service, session, 1, b"11111").unwrap();
    put(&service, session, 0, b"00000").unwrap();
    seconds(&world, &service, 3);
    // The store hashes two of three chunks, and its answer arrives after the third chunk.
    world.net().held.insert("blob_digest");
    let mut early = Box::pin(service.ask_digest(session));
    assert!(poll(&mut early).is_pending());
    put(&service, session, 2, b"2").unwrap();
    world.net().held.clear();
    run(early).unwrap();
    assert_eq!(finish(&service, session, b"00000111112").unwrap().size, 11);
}
