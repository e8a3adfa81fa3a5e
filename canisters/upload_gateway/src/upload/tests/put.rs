//! Chunks on their way: failures, repetitions, order, and what the hash makes of them.

use super::world::*;
use crate::failure::Failure;

#[test]
fn a_lost_answer_does_not_spoil_the_file() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 2).unwrap();
    for fault in [Fault::LostReply, Fault::NotSent] {
        world.fail("blob_put_chunk", fault);
        assert!(
            put(&service, session, 0, b"first")
                .unwrap_err()
                .is_temporary()
        );
    }
    put(&service, session, 0, b"first").unwrap();
    put(&service, session, 1, b"last").unwrap();
    assert_eq!(finish(&service, session, FILE).unwrap().size, 9);
    assert!(!world.net().calls.contains(&"blob_digest"));
}

#[test]
fn a_repeated_chunk_is_compared_by_the_store() {
    let (_, service) = World::new();
    let session = uploaded(&service);
    put(&service, session, 0, b"first").unwrap();
    let other = put(&service, session, 0, b"FIRST");
    assert!(matches!(other, Err(Failure::Conflict(_))), "{other:?}");
    finish(&service, session, FILE).unwrap();
}

#[test]
fn a_chunk_in_flight_is_not_taken_twice() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 2).unwrap();
    world.net().held.insert("blob_put_chunk");
    let mut first = Box::pin(service.put_chunk(id(OWNER), chunk(session, 0, b"first")));
    assert!(poll(&mut first).is_pending());
    assert!(
        put(&service, session, 0, b"first")
            .unwrap_err()
            .is_temporary()
    );
    assert_eq!(service.open_calls(), 1);
    world.net().held.clear();
    run(first).unwrap();
    assert_eq!(service.open_calls(), 0);
}

#[test]
fn a_trap_in_the_callback_releases_the_chunk() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 2).unwrap();
    world.net().held.insert("blob_put_chunk");
    let mut broken = Box::pin(service.put_chunk(id(OWNER), chunk(session, 0, b"first")));
    assert!(poll(&mut broken).is_pending());
    drop(broken);
    world.net().held.clear();
    put(&service, session, 0, b"first").unwrap();
    put(&service, session, 1, b"last").unwrap();
    finish(&service, session, FILE).unwrap();
}

#[test]
fn what_the_rolling_hash_lost_the_store_hashes() {
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
fn the_store_hashes_before_anybody_finishes() {
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
    world.pass(&service, 1);
    finish(&service, session, FILE).unwrap();
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
    world.pass(&service, 2);
    assert_eq!(digests(&world), 0);
    put(&service, session, 0, b"00000").unwrap();
    world.pass(&service, 2);
    // One slice, and one that found all hashed; then it waits for chunks.
    assert_eq!(digests(&world), 2);
    world.pass(&service, 600);
    assert_eq!(digests(&world), 2);
    // Also in the life after an upgrade.
    let service = world.start();
    put(&service, session, 2, b"22222").unwrap();
    put(&service, session, 3, b"333").unwrap();
    world.pass(&service, 2);
    let asked = digests(&world);
    assert!((3..=4).contains(&asked), "{asked}");
    finish(&service, session, b"000001111122222333").unwrap();
    assert_eq!(
        digests(&world),
        asked,
        "the hash was there before the finish"
    );
}

#[test]
fn the_hash_of_a_file_that_was_not_complete_is_not_its_hash() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 3).unwrap();
    put(&service, session, 1, b"11111").unwrap();
    put(&service, session, 0, b"00000").unwrap();
    world.pass(&service, 2);
    // The store hashes two of three chunks; its answer comes after the third.
    world.net().held.insert("blob_digest");
    let mut early = Box::pin(service.ask_digest(session));
    assert!(poll(&mut early).is_pending());
    put(&service, session, 2, b"2").unwrap();
    world.net().held.clear();
    run(early).unwrap();
    assert_eq!(finish(&service, session, b"00000111112").unwrap().size, 11);
}

#[test]
fn a_status_names_what_is_missing() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 12).unwrap();
    let ranges = |service: &Service| {
        let status = service.status(id(OWNER), session).unwrap();
        let missing = status.missing_chunks.iter();
        missing.map(|r| (r.first, r.last)).collect::<Vec<_>>()
    };
    assert_eq!(ranges(&service), [(0, 11)]);
    for index in [0, 2, 3, 7] {
        put(&service, session, index, b"x").unwrap();
    }
    assert_eq!(ranges(&service), [(1, 1), (4, 6), (8, 11)]);
    let service = world.start();
    assert_eq!(ranges(&service), [(1, 1), (4, 6), (8, 11)]);
    let status = service.status(id(OWNER), session).unwrap();
    assert_eq!((status.received_bytes, status.chunk_size), (4, 1));
    assert_eq!(service.list(id(OWNER)), Ok(vec![status]));
    for index in [1, 4, 5, 6, 8, 9, 10, 11] {
        put(&service, session, index, b"x").unwrap();
    }
    assert_eq!(ranges(&service), []);
    assert_eq!(service.list(id(99)), Ok(vec![]));
    assert_eq!(service.status(id(99), session), Err(Failure::Unauthorized));
    let anonymous = candid::Principal::anonymous();
    assert_eq!(service.list(anonymous), Err(Failure::Unauthorized));
}

#[test]
fn calls_in_flight_are_capped() {
    let (world, service) = World::new();
    let sessions: Vec<_> = (0..9)
        .map(|n| begin(&service, &format!("key {n}"), 60).unwrap())
        .collect();
    world.net().held.insert("blob_put_chunk");
    let mut open = Vec::new();
    for index in 0..50 {
        for session in &sessions[..8] {
            let mut put = Box::pin(service.put_chunk(id(OWNER), chunk(*session, index, b"x")));
            assert!(poll(&mut put).is_pending());
            open.push(put);
        }
    }
    assert_eq!(service.open_calls(), 400);
    let over = put(&service, sessions[8], 0, b"x").unwrap_err();
    assert!(over.is_temporary(), "{over}");
    world.net().held.clear();
    open.into_iter().for_each(|put| run(put).unwrap());
    put(&service, sessions[8], 0, b"x").unwrap();
}

#[test]
fn a_store_that_refuses_the_gateway_is_the_operators_matter() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 1).unwrap();
    world.fail(
        "blob_put_chunk",
        Fault::Refused(capsule_shared::Error::Unauthorized),
    );
    assert!(put(&service, session, 0, b"x").unwrap_err().is_temporary());
}

#[test]
fn an_upgrade_after_every_chunk() {
    let (world, mut service) = World::new();
    let session = begin(&service, "key", 5).unwrap();
    let mut file = Vec::new();
    for index in 0..5u8 {
        service = world.start();
        let bytes = vec![index; 100];
        put(&service, session, index.into(), &bytes).unwrap();
        file.extend(bytes);
    }
    service = world.start();
    finish(&service, session, &file).unwrap();
    assert!(!world.net().calls.contains(&"blob_digest"));
}

#[test]
fn a_failed_chunk_of_an_ended_session_is_not_found() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 1).unwrap();
    world.fail("blob_put_chunk", Fault::NotSent);
    let mut put = Box::pin(service.put_chunk(id(OWNER), chunk(session, 0, b"x")));
    assert!(poll(&mut put).is_pending());
    service.abort(id(OWNER), session).unwrap();
    assert_eq!(run(put), Err(Failure::NotFound));
}

#[test]
fn a_deleted_memory_makes_room_for_an_upload_under_way() {
    let (_, service) = World::new();
    let limit = capsule_shared::gateway::GatewayArgs {
        max_bytes_per_capsule: Some(20),
        ..Default::default()
    };
    service.configure(limit).unwrap();
    let open_end = begin(&service, "open end", 2).unwrap();
    finish(&service, uploaded(&service), FILE).unwrap();
    put(&service, open_end, 0, b"12345678").unwrap();
    let refused = put(&service, open_end, 1, b"1234");
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    run(service.delete_memory(id(OWNER), "memory-1".into())).unwrap();
    put(&service, open_end, 1, b"1234").unwrap();
}

#[test]
fn with_few_cycles_new_work_waits_and_what_has_begun_ends() {
    let (world, service) = World::new();
    let session = uploaded(&service);
    let open = begin(&service, "open", 1).unwrap();
    world.net().liquid = 999_999_999_999;
    let begun = begin(&service, "new", 1).unwrap_err();
    let stored = put(&service, open, 0, b"x").unwrap_err();
    let made = run(service.create_capsule(id(OWNER), None)).unwrap_err();
    for error in [begun, stored, made] {
        assert!(error.is_temporary());
        let text = error.to_string();
        let both = text.contains("999999999999 cycles") && text.contains("at least 1000000000000");
        assert!(both, "{text}");
    }
    // What it is told again isn't new.
    assert_eq!(begin(&service, "open", 1), Ok(open));
    finish(&service, session, FILE).unwrap();
    service.abort(id(OWNER), open).unwrap();
    run(service.delete_memory(id(OWNER), "memory-1".into())).unwrap();
    world.pass(&service, 1);
    assert!(world.net().blobs.is_empty());
    world.net().liquid += 1;
    begin(&service, "new", 1).unwrap();
}

#[test]
fn a_rush_of_chunks_leaves_room_for_finishes() {
    let (world, service) = World::new();
    let done = uploaded(&service);
    let sessions: Vec<_> = (0..8)
        .map(|n| begin(&service, &format!("key {n}"), 60).unwrap())
        .collect();
    world.net().held.insert("blob_put_chunk");
    let mut open = Vec::new();
    for (index, session) in (0..50).flat_map(|index| sessions.iter().map(move |s| (index, *s))) {
        let mut put = Box::pin(service.put_chunk(id(OWNER), chunk(session, index, b"x")));
        assert!(poll(&mut put).is_pending());
        open.push(put);
    }
    assert!(begin(&service, "new", 1).unwrap_err().is_temporary());
    finish(&service, done, FILE).unwrap();
}
