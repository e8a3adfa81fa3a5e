//! The rolling SHA-256 of an upload. The midstate after the last confirmed chunk is in stable memory; beside it, on
//! the heap, is one tentative midstate for each chunk behind it that is in flight or confirmed out of turn.
//!
//! A chunk that isn't stored discards its own and all later tentative midstates. A chunk that is confirmed without one
//! can't be hashed any more: from then on the whole file needs hashing by the blob store.

use crate::session::received::Received;
use crate::session::types::SessionId;
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;
use ic_stable_structures::{Memory, StableBTreeMap};
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Clone)]
struct Rolling {
    /// The chunks below this are in the midstate.
    next: u32,
    midstate: Sha256,
    /// The hash of the whole file, when the blob store had to make it.
    digest: Option<[u8; 32]>,
}

/// Layout, version 1: next, midstate (as the crate sha2 0.11 serializes it), 1 if the store's digest
/// is known and 0 otherwise, the digest or 32 zeros.
impl Record for Rolling {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        let midstate = self.midstate.serialize();
        let (known, digest) = (self.digest.is_some(), self.digest.unwrap_or_default());
        fields
            .u32(self.next)
            .blob(&midstate)
            .u8(known.into())
            .raw(&digest)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        if version != 1 {
            unknown(version);
        }
        let next = fields.u32();
        let midstate = SerializedState::<Sha256>::try_from(fields.blob())
            .ok()
            .and_then(|state| Sha256::deserialize(&state).ok())
            .expect("BUG: a midstate that sha2 can't read");
        let known = fields.u8() == 1;
        let digest = fields.array();
        Rolling {
            next,
            midstate,
            digest: known.then_some(digest),
        }
    }
}

storable!(Rolling);

struct Tentative {
    midstate: Sha256,
    confirmed: bool,
}

type Book = Rc<RefCell<BTreeMap<(SessionId, u32), Tentative>>>;

/// The midstate of a chunk in flight. Dropping it unconfirmed discards it and all that are built on it.
#[must_use = "dropping it discards the midstate"]
pub struct TentativeHash {
    book: Book,
    id: SessionId,
    index: u32,
    confirmed: bool,
}

impl Drop for TentativeHash {
    fn drop(&mut self) {
        if !self.confirmed {
            discard(&self.book, self.id, self.index);
        }
    }
}

fn discard(book: &Book, id: SessionId, from: u32) {
    let mut book = book.borrow_mut();
    let mut tail = book.split_off(&(id, from));
    // What belongs to later sessions goes back.
    let mut others = tail.split_off(&(SessionId(id.0 + 1), 0));
    book.append(&mut others);
}

/// Where a session's hash stands, once all chunks are there.
#[derive(Debug, PartialEq, Eq)]
pub enum Digested {
    Known([u8; 32]),
    NeedsFullRehash,
}

pub struct Hashes<M: Memory> {
    rolling: StableBTreeMap<u64, Rolling, M>,
    tentative: Book,
}

impl<M: Memory> Hashes<M> {
    pub fn new(memory: M) -> Self {
        Hashes {
            rolling: StableBTreeMap::init(memory),
            tentative: Book::default(),
        }
    }

    pub fn begin(&mut self, id: SessionId) {
        let rolling = Rolling {
            next: 0,
            midstate: Sha256::new(),
            digest: None,
        };
        self.rolling.insert(id.0, rolling);
    }

    pub fn remove(&mut self, id: SessionId) {
        self.rolling.remove(&id.0);
        discard(&self.tentative, id, 0);
    }

    fn get(&self, id: SessionId) -> Rolling {
        self.rolling
            .get(&id.0)
            .expect("BUG: a session without a hash")
    }

    /// Hashes a chunk that was just reserved, if the chunk before it is hashed.
    pub fn follow(&mut self, id: SessionId, index: u32, bytes: &[u8]) -> Option<TentativeHash> {
        let before = self.midstate_before(id, index)?;
        let tentative = Tentative {
            midstate: before.chain_update(bytes),
            confirmed: false,
        };
        self.tentative.borrow_mut().insert((id, index), tentative);
        Some(TentativeHash {
            book: self.tentative.clone(),
            id,
            index,
            confirmed: false,
        })
    }

    fn midstate_before(&self, id: SessionId, index: u32) -> Option<Sha256> {
        let rolling = self.get(id);
        if index == rolling.next {
            return Some(rolling.midstate);
        }
        let before = index.checked_sub(1)?;
        let book = self.tentative.borrow();
        Some(book.get(&(id, before))?.midstate.clone())
    }

    /// Enters a chunk that is stored, and moves the stable midstate over all that is confirmed without a gap.
    pub fn confirm(&mut self, mut hash: TentativeHash) {
        hash.confirmed = true;
        let id = hash.id;
        let mut book = self.tentative.borrow_mut();
        // It is gone when a chunk before it failed.
        if let Some(tentative) = book.get_mut(&(id, hash.index)) {
            tentative.confirmed = true;
        }
        let mut rolling = self
            .rolling
            .get(&id.0)
            .expect("BUG: a session without a hash");
        let before = rolling.next;
        while book
            .get(&(id, rolling.next))
            .is_some_and(|tentative| tentative.confirmed)
        {
            let tentative = book.remove(&(id, rolling.next));
            rolling.midstate = tentative.expect("BUG: it was there").midstate;
            rolling.next += 1;
        }
        if rolling.next != before {
            self.rolling.insert(id.0, rolling);
        }
    }

    /// Whether a received chunk is missing in the midstates for good.
    pub fn needs_full_rehash(&self, id: SessionId, received: &Received) -> bool {
        received.contains(self.get(id).next)
    }

    /// The hash of a session of which all `count` chunks are there.
    pub fn digest(&self, id: SessionId, count: u32) -> Digested {
        let rolling = self.get(id);
        match rolling.digest {
            Some(digest) => Digested::Known(digest),
            None if rolling.next == count => Digested::Known(rolling.midstate.finalize().into()),
            None => Digested::NeedsFullRehash,
        }
    }

    /// Keeps the hash that the blob store made.
    pub fn set_digest(&mut self, id: SessionId, digest: [u8; 32]) {
        if let Some(mut rolling) = self.rolling.get(&id.0) {
            rolling.digest = Some(digest);
            self.rolling.insert(id.0, rolling);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_stable_structures::VectorMemory;

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
    fn a_released_chunk_does_not_spoil_the_hash() {
        let (_, mut hashes) = started();
        drop(hashes.follow(ID, 0, b"lost").unwrap());
        let hash = hashes.follow(ID, 0, b"zero").unwrap();
        hashes.confirm(hash);
        assert_eq!(hashes.digest(ID, 1), sha(b"zero"));
    }

    #[test]
    fn what_is_built_on_a_released_chunk_needs_a_rehash() {
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
        // Another session's midstates are left alone.
        hashes.confirm(other);
        assert_eq!(hashes.digest(SessionId(8), 1), sha(b"other"));
    }
}
