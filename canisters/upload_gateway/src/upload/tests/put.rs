//! Chunks on their way: failures, repetitions, caps and limits.

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
    let mut trapped = Box::pin(service.put_chunk(id(OWNER), chunk(session, 0, b"first")));
    assert!(poll(&mut trapped).is_pending());
    drop(trapped);
    world.net().held.clear();
    put(&service, session, 0, b"first").unwrap();
    put(&service, session, 1, b"last").unwrap();
    finish(&service, session, FILE).unwrap();
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
fn a_store_that_refuses_the_gateway_gives_a_temporary_error() {
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
fn a_deleted_memory_makes_room_for_an_open_upload() {
    let (_, service) = World::new();
    service.with(|state| state.limits_changed(|limits| limits.bytes_per_scope = 20));
    let open_end = begin(&service, "open end", 2).unwrap();
    finish(&service, uploaded(&service), FILE).unwrap();
    put(&service, open_end, 0, b"12345678").unwrap();
    let refused = put(&service, open_end, 1, b"1234");
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    run(service.delete_memory(id(OWNER), "memory-1".into())).unwrap();
    put(&service, open_end, 1, b"1234").unwrap();
}

#[test]
fn with_few_cycles_new_work_waits_and_started_work_ends() {
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
    // A repeated begin is no new work.
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

#[test]
fn a_chunk_reaches_its_store_in_the_buffer_that_it_came_in() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 1).unwrap();
    let put = chunk(session, 0, &[7; 100_000]);
    let end = put.bytes().as_ptr_range().end as usize;
    run(service.put_chunk(id(OWNER), put)).unwrap();
    assert_eq!(world.net().last_arg_end, end);
}

#[test]
fn a_chunk_with_a_length_that_the_store_refuses_makes_way_for_the_right_one() {
    let (world, service) = World::new();
    let session = begin(&service, "key", 3).unwrap();
    // The store has the last chunk, and the gateway doesn't know.
    world.fail("blob_put_chunk", Fault::LostReply);
    put(&service, session, 2, b"last").unwrap_err();
    world.net().held.insert("blob_put_chunk");
    let mut wrong: Vec<_> = [0, 1]
        .map(|index| Box::pin(service.put_chunk(id(OWNER), chunk(session, index, b"abc"))))
        .into();
    for put in &mut wrong {
        assert!(poll(put).is_pending());
    }
    world.net().held.clear();
    for put in wrong {
        let refused = run(put).unwrap_err();
        assert_eq!(refused, Failure::invalid("a length that doesn't fit"));
        assert!(!refused.is_temporary());
    }
    put(&service, session, 0, b"first").unwrap();
    // Now the length is known, so the gateway refuses others itself.
    let refused = put(&service, session, 1, b"abc").unwrap_err();
    assert!(refused.to_string().contains("expected 5"), "{refused}");
    put(&service, session, 1, b"other").unwrap();
    put(&service, session, 2, b"last").unwrap();
    finish(&service, session, b"firstotherlast").unwrap();
    assert!(!world.net().calls.contains(&"blob_digest"));
}
