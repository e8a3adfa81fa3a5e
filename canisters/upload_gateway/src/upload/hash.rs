//! The rolling SHA-256 of an upload.
//!
//! The midstate after the last confirmed chunk is in stable memory. The heap holds one tentative
//! midstate for each later chunk that is in flight, or that is confirmed while an earlier chunk is
//! missing.
//!
//! A released chunk discards its own tentative midstate and all later ones. A chunk that is
//! confirmed without a midstate makes a gap: from then on only the blob store can hash the file.

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

/// One upload's hash in stable memory.
#[derive(Clone)]
pub(super) struct Rolling {
    /// The midstate covers the chunks below this index.
    pub(super) next: u32,
    pub(super) midstate: Sha256,
    /// The hash of the whole file, if the blob store made it.
    pub(super) digest: Option<[u8; 32]>,
}

/// Layout, version 1: next, midstate, 1 if the store's digest is known and 0 otherwise, the digest
/// or 32 zeros. The crate sha2 0.11 serializes the midstate.
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
            .expect("BUG: sha2 can't read a stored midstate");
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

/// The midstate of a chunk in flight. Dropping it before it is confirmed discards it, and all later
/// ones with it.
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
    // The tail has the midstates of later sessions too: put them back.
    let mut others = tail.split_off(&(SessionId(id.0 + 1), 0));
    book.append(&mut others);
}

/// The hash of a session that has received all chunks.
#[derive(Debug, PartialEq, Eq)]
pub enum Digested {
    Known([u8; 32]),
    /// The midstates have a gap, and the blob store hasn't made the hash yet.
    NeedsFullRehash,
}

/// The rolling hashes of all uploads.
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

    /// Confirms a stored chunk, and moves the stable midstate past all chunks that are confirmed
    /// without a gap.
    pub fn confirm(&mut self, mut hash: TentativeHash) {
        hash.confirmed = true;
        let id = hash.id;
        let mut book = self.tentative.borrow_mut();
        // It is gone if an earlier chunk was released.
        if let Some(tentative) = book.get_mut(&(id, hash.index)) {
            tentative.confirmed = true;
        }
        let mut rolling = self.get(id);
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

    /// Whether the midstates have a gap: they can't cover a chunk that is received.
    pub fn needs_full_rehash(&self, id: SessionId, received: &Received) -> bool {
        received.contains(self.get(id).next)
    }

    /// The hash of a session that has received all its `count` chunks.
    pub fn digest(&self, id: SessionId, count: u32) -> Digested {
        let rolling = self.get(id);
        match rolling.digest {
            Some(digest) => Digested::Known(digest),
            None if rolling.next == count => Digested::Known(rolling.midstate.finalize().into()),
            None => Digested::NeedsFullRehash,
        }
    }

    /// Keeps the hash that the blob store made, if the session still has a record.
    pub fn set_digest(&mut self, id: SessionId, digest: [u8; 32]) {
        if let Some(mut rolling) = self.rolling.get(&id.0) {
            rolling.digest = Some(digest);
            self.rolling.insert(id.0, rolling);
        }
    }
}
