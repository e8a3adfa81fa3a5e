//! Listing, finding and reading memories through the gateway.

use super::world::*;
use crate::failure::Failure;
use capsule_shared::Error;
use capsule_shared::capsule::CapsuleHeader;
use sha2::{Digest, Sha256};

const STRANGER: u8 = 9;
const CAPSULE: &str = "capsule-1";

/// The SHA-256 of [`FILE`].
fn sha256() -> Vec<u8> {
    Sha256::digest(FILE).to_vec()
}

fn find(service: &Service, who: u8) -> Result<Vec<String>, Failure> {
    let found = run(service.find_memories(id(who), CAPSULE, &sha256()))?;
    Ok(found.into_iter().map(|memory| memory.id).collect())
}

#[test]
fn a_certified_read_is_the_read_as_an_update() {
    let (world, service) = World::new();
    finish(&service, uploaded(&service), FILE).unwrap();
    let read = run(service.read_memory(id(OWNER), "memory-1"));
    world.net().calls.clear();
    let certified = run(service.read_memory_certified(id(OWNER), "memory-1"));
    assert_eq!(certified, read);
    assert!(read.is_ok());
    assert_eq!(world.net().calls, ["memory_read"]);
    let long = "m".repeat(300);
    for id_text in ["", &long] {
        let refused = run(service.read_memory_certified(id(OWNER), id_text));
        assert!(matches!(refused, Err(Failure::InvalidArgument(_))));
    }
    assert_eq!(world.net().calls, ["memory_read"]);
}

#[test]
fn with_few_cycles_only_a_certified_read_waits() {
    let (world, service) = World::new();
    finish(&service, uploaded(&service), FILE).unwrap();
    world.net().liquid = 1_000_000;
    world.net().calls.clear();
    let certified = run(service.read_memory_certified(id(OWNER), "memory-1"));
    assert!(certified.unwrap_err().is_temporary());
    assert_eq!(world.net().calls, [""; 0]);
    run(service.read_memory(id(OWNER), "memory-1")).unwrap();
}

#[test]
fn a_file_is_found_by_its_sha256() {
    let (world, service) = World::new();
    assert_eq!(find(&service, OWNER), Ok(vec![]));
    finish(&service, uploaded(&service), FILE).unwrap();
    assert_eq!(find(&service, OWNER), Ok(vec!["memory-1".into()]));
    assert_eq!(find(&service, STRANGER), Err(Failure::Unauthorized));
    world.net().calls.clear();
    for bytes in [0, 31, 33] {
        let refused = run(service.find_memories(id(OWNER), CAPSULE, &vec![7; bytes]));
        let expected = format!("sha256 length is {bytes} bytes, expected 32");
        assert_eq!(refused, Err(Failure::InvalidArgument(expected)));
    }
    let refused = run(service.find_memories(id(OWNER), "", &sha256()));
    assert!(matches!(refused, Err(Failure::InvalidArgument(_))));
    assert_eq!(world.net().calls, [""; 0]);
}

#[test]
fn an_index_of_release_0_1_0_finds_nothing_by_sha256_and_says_so() {
    let (world, service) = World::new();
    finish(&service, uploaded(&service), FILE).unwrap();
    // It answers other methods, but doesn't say whether it knows the gateway.
    let listed: Result<Vec<CapsuleHeader>, Error> = Ok(Vec::new());
    for listed in [listed, Err(Error::Unauthorized)] {
        world.fail("memory_find_sha256", Fault::NoMethod);
        world.fail("capsule_list", Fault::Replied(reply(listed)));
        let told = find(&service, OWNER);
        assert!(matches!(told, Err(Failure::NotImplemented(_))), "{told:?}");
    }
    // A call that failed, another canister, or one that gives no answer at all.
    for faults in [
        vec![("memory_find_sha256", Fault::NotSent)],
        vec![("memory_find_sha256", Fault::Rejected)],
        vec![("memory_find_sha256", Fault::LostReply)],
        vec![("memory_find_sha256", Fault::NoMethod)],
        vec![
            ("memory_find_sha256", Fault::NoMethod),
            ("capsule_list", Fault::LostReply),
        ],
        vec![
            ("memory_find_sha256", Fault::NoMethod),
            ("capsule_list", Fault::NotSent),
        ],
        vec![
            ("memory_find_sha256", Fault::NoMethod),
            ("capsule_list", Fault::NoMethod),
        ],
        vec![
            ("memory_find_sha256", Fault::NoMethod),
            ("capsule_list", Fault::RefusedGateway),
        ],
        vec![("memory_find_sha256", Fault::RefusedGateway)],
    ] {
        for (method, fault) in faults {
            world.fail(method, fault);
        }
        let told = find(&service, OWNER);
        assert!(told.as_ref().is_err_and(Failure::is_temporary), "{told:?}");
    }
    assert_eq!(find(&service, OWNER), Ok(vec!["memory-1".into()]));
}

#[test]
fn the_index_learns_in_which_order_to_list() {
    let (_, service) = World::new();
    for order in [None, Some(false), Some(true)] {
        let page = run(service.list_memories(id(OWNER), CAPSULE, None, None, order));
        assert_eq!(page.unwrap().newest_first, order);
    }
}
