//! Tests of reading blobs whole and in ranges.

use super::world::*;
use crate::failure::Failure;
use canister_common::reply::BlobReply;
use capsule_shared::Error;

/// A committed file of `chunks` chunks of `len` bytes each, and its locator.
fn committed(service: &Service, chunks: u32, len: usize) -> (Vec<u8>, String) {
    let file: Vec<u8> = (0..chunks as usize * len)
        .map(|i| (i * 31 % 251) as u8)
        .collect();
    let session = begin(service, "key", chunks).unwrap();
    for (index, bytes) in (0..).zip(file.chunks(len)) {
        put(service, session, index, bytes).unwrap();
    }
    let finished = finish(service, session, &file).unwrap();
    (file, finished.blob_id)
}

/// The calls of the store's two reading methods since the last time: ranges, and chunks.
fn reads(world: &World) -> (usize, usize) {
    let calls = std::mem::take(&mut world.net().calls);
    let count = |method| calls.iter().filter(|call| **call == method).count();
    (count("blob_read_range"), count("blob_read_chunk"))
}

#[test]
fn a_blob_of_many_chunks_is_read_with_two_calls() {
    let (world, service) = World::new();
    let (file, locator) = committed(&service, 1_024, 2_047);
    reads(&world);
    let whole = run(service.blob_whole(id(OWNER), &locator)).unwrap();
    assert!(whole.bytes() == file);
    assert_eq!(reads(&world), (2, 0));
    let (file, locator) = committed_again(&service, &world);
    let whole = run(service.blob_whole(id(OWNER), &locator)).unwrap();
    assert!(whole.bytes() == file);
    assert_eq!(reads(&world), (1, 0));
}

/// Another file, small enough for one range.
fn committed_again(service: &Service, world: &World) -> (Vec<u8>, String) {
    let session = begin(service, "other", 2).unwrap();
    put(service, session, 0, b"first").unwrap();
    put(service, session, 1, b"last").unwrap();
    let finished = finish(service, session, FILE).unwrap();
    reads(world);
    (FILE.to_vec(), finished.blob_id)
}

#[test]
fn a_range_is_read_with_one_call() {
    let (world, service) = World::new();
    let (file, locator) = committed(&service, 5, 7);
    reads(&world);
    let range = |from, len| run(service.blob_range(id(OWNER), &locator, from, len));
    assert_eq!(range(5, 10).unwrap().bytes(), &file[5..15]);
    assert_eq!(range(30, 2_000_000).unwrap().bytes(), &file[30..]);
    assert_eq!(reads(&world), (2, 0));
    let refused = range(35, 1).unwrap_err();
    assert_eq!(refused, Failure::invalid("offset is 35, expected 0 to 34"));
    let refused = range(0, 0).unwrap_err();
    assert_eq!(
        refused,
        Failure::invalid("length is 0, expected 1 to 2000000")
    );
    assert!(range(0, 2_000_001).is_err());
    assert_eq!(reads(&world), (0, 0));
}

#[test]
fn a_store_without_ranges_is_read_by_chunks() {
    let (world, service) = World::new();
    let (file, locator) = committed(&service, 5, 7);
    for from in 0..35 {
        for len in 1..=35 - from {
            world.fail("blob_read_range", Fault::NoMethod);
            let range = run(service.blob_range(id(OWNER), &locator, from as u64, len as u64));
            assert_eq!(range.unwrap().bytes(), &file[from..from + len]);
        }
    }
    reads(&world);
    world.fail("blob_read_range", Fault::NoMethod);
    let whole = run(service.blob_whole(id(OWNER), &locator)).unwrap();
    assert_eq!(whole.bytes(), file);
    assert_eq!(reads(&world), (1, 5));
}

#[test]
fn a_range_whose_call_fails_is_not_read_by_chunks() {
    let (world, service) = World::new();
    let (_, locator) = committed(&service, 5, 7);
    for fault in [Fault::NotSent, Fault::Rejected, Fault::LostReply] {
        reads(&world);
        world.fail("blob_read_range", fault);
        let refused = run(service.blob_range(id(OWNER), &locator, 0, 10)).unwrap_err();
        assert!(refused.is_temporary(), "{refused}");
        assert_eq!(reads(&world), (1, 0));
    }
}

#[test]
fn a_blob_of_too_many_chunks_is_not_read_by_chunks() {
    let (world, service) = World::new();
    let (_, locator) = committed(&service, 91, 3);
    reads(&world);
    world.fail("blob_read_range", Fault::NoMethod);
    let refused = run(service.blob_whole(id(OWNER), &locator)).unwrap_err();
    assert!(refused.is_temporary(), "{refused}");
    assert_eq!(reads(&world), (1, 0));
    let refusal = Fault::Refused(Error::conflict("the chunks are odd"));
    world.fail("blob_read_range", refusal);
    let refused = run(service.blob_whole(id(OWNER), &locator)).unwrap_err();
    assert_eq!(refused, Failure::conflict("the chunks are odd"));
    assert_eq!(reads(&world), (1, 0));
}

#[test]
fn a_reply_of_the_store_is_passed_on_in_place() {
    let (world, service) = World::new();
    let (file, locator) = committed(&service, 5, 7);
    let passed_on = |reply: BlobReply| {
        let message = reply.into_message();
        message.as_ptr_range().end as usize == world.net().last_reply_end
    };
    let whole = run(service.blob_whole(id(OWNER), &locator)).unwrap();
    assert_eq!(whole.bytes(), file);
    assert!(passed_on(whole));
    assert!(passed_on(
        run(service.blob_chunk(id(OWNER), &locator, 4)).unwrap()
    ));
    assert!(passed_on(
        run(service.blob_range(id(OWNER), &locator, 3, 9)).unwrap()
    ));
}
