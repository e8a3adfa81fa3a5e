//! The rolling hash: restarts, chunks in any order, released chunks.

use crate::session::received::Received;
use crate::session::types::SessionId;
use crate::upload::hash::{Digested, Hashes, Rolling};
use ic_stable_structures::{StableBTreeMap, VectorMemory};
use sha2::{Digest, Sha256};

const ID: SessionId = SessionId(7);

fn started() -> (VectorMemory, Hashes<VectorMemory>) {
    let memory = VectorMemory::default();
    let mut hashes = Hashes::new(memory.clone());
    hashes.begin(ID);
    hashes.begin(SessionId(8));
    (memory, hashes)
}

fn sha(bytes: &[u8]) -> Digested {
    Digested::Known(Sha256::digest(bytes).into())
}

#[test]
fn it_survives_a_restart_after_every_chunk() {
    let (memory, mut hashes) = started();
    let mut all = Vec::new();
    // Lengths around the 64-byte blocks of SHA-256.
    for (index, len) in [1, 63, 64, 65, 50, 1000].into_iter().enumerate() {
        let bytes = vec![index as u8; len];
        let hash = hashes.follow(ID, index as u32, &bytes).unwrap();
        hashes.confirm(hash);
        all.extend_from_slice(&bytes);
        hashes = Hashes::new(memory.clone());
    }
    assert_eq!(hashes.digest(ID, 6), sha(&all));
}

#[test]
fn chunks_in_flight_are_chained_and_confirmed_in_any_order() {
    let (_, mut hashes) = started();
    let zero = hashes.follow(ID, 0, b"zero").unwrap();
    let one = hashes.follow(ID, 1, b"one").unwrap();
    let two = hashes.follow(ID, 2, b"two").unwrap();
    let mut received = Received::default();
    for (index, hash) in [(2, two), (0, zero), (1, one)] {
        hashes.confirm(hash);
        received.insert(index);
    }
    assert_eq!(hashes.digest(ID, 3), sha(b"zeroonetwo"));
    assert!(!hashes.needs_full_rehash(ID, &received));
}

#[test]
fn a_chunk_never_continues_the_hash_of_another_session() {
    let (_, mut hashes) = started();
    let zero = hashes.follow(ID, 0, b"zero").unwrap();
    assert!(hashes.follow(SessionId(8), 1, b"one").is_none());
    let other = hashes.follow(SessionId(8), 0, b"other").unwrap();
    let one = hashes.follow(ID, 1, b"one").unwrap();
    for hash in [other, zero, one] {
        hashes.confirm(hash);
    }
    assert_eq!(hashes.digest(ID, 2), sha(b"zeroone"));
    assert_eq!(hashes.digest(SessionId(8), 1), sha(b"other"));
}

#[test]
fn a_released_chunk_does_not_spoil_the_hash() {
    let (_, mut hashes) = started();
    drop(hashes.follow(ID, 0, b"lost").unwrap());
    let hash = hashes.follow(ID, 0, b"zero").unwrap();
    hashes.confirm(hash);
    assert_eq!(hashes.digest(ID, 1), sha(b"zero"));
}

#[test]
fn a_chunk_behind_a_released_one_needs_a_rehash() {
    let (_, mut hashes) = started();
    let other = hashes.follow(SessionId(8), 0, b"other").unwrap();
    let zero = hashes.follow(ID, 0, b"zero").unwrap();
    let one = hashes.follow(ID, 1, b"one").unwrap();
    let mut received = Received::default();
    drop(zero);
    hashes.confirm(one);
    received.insert(1);
    assert!(hashes.follow(ID, 2, b"two").is_none());
    let zero = hashes.follow(ID, 0, b"zero").unwrap();
    hashes.confirm(zero);
    received.insert(0);
    assert!(hashes.needs_full_rehash(ID, &received));
    assert_eq!(hashes.digest(ID, 2), Digested::NeedsFullRehash);
    hashes.set_digest(ID, [9; 32]);
    assert_eq!(hashes.digest(ID, 2), Digested::Known([9; 32]));
    // The other session's midstates stay.
    hashes.confirm(other);
    assert_eq!(hashes.digest(SessionId(8), 1), sha(b"other"));
}

/// An unreadable midstate isn't the end of the message: the store hashes the file.
#[test]
fn a_midstate_that_cannot_be_read_needs_a_rehash() {
    let (memory, mut hashes) = started();
    let zero = hashes.follow(ID, 0, b"zero").unwrap();
    hashes.confirm(zero);
    let unreadable = Rolling {
        next: 1,
        midstate: None,
        digest: None,
        job: None,
    };
    StableBTreeMap::init(memory.clone()).insert(ID.0, unreadable);
    let mut hashes = Hashes::new(memory);
    let mut received = Received::default();
    received.insert(0);
    assert!(hashes.needs_full_rehash(ID, &received));
    assert!(hashes.follow(ID, 1, b"one").is_none());
    assert_eq!(hashes.digest(ID, 1), Digested::NeedsFullRehash);
}
