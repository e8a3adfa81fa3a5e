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
use crate::upload::types::JobId;
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::midstate::Midstate;
use canister_common::storable;
use ic_stable_structures::{Memory, StableBTreeMap};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// One upload's hash in stable memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rolling {
    /// The midstate covers the chunks below this index.
    pub(super) next: u32,
    /// `None` if the stored midstate can't be read. Then only the blob store can hash the file.
    pub(super) midstate: Option<Midstate>,
    /// The hash of the whole file, if the blob store made it.
    pub(super) digest: Option<[u8; 32]>,
    /// The job that has the blob store hash the file, while it is in the queue.
    pub(super) job: Option<JobId>,
}

/// Layout, version 2: next, the midstate as `Midstate` stores it (or nothing) behind its length as
/// u8, 1 if the store's digest is known and 0 otherwise, the digest or 32 zeros, 1 if there is a
/// job and 0 otherwise, the job's due time and number or zeros.
///
/// Version 1, of release 0.1.0: next, the midstate as crate sha2 0.11 writes it behind its length
/// as u32, the digest as above. The midstate may be any bytes: unless they are one, the file is
/// hashed again.
impl Record for Rolling {
    const VERSION: u8 = 2;

    fn write(&self, fields: Writer) -> Writer {
        let midstate = self.midstate.as_ref().map(Midstate::to_bytes);
        let (due, number) = self.job.unwrap_or_default();
        fields
            .u32(self.next)
            .short(&midstate.unwrap_or_default())
            .u8(self.digest.is_some().into())
            .raw(&self.digest.unwrap_or_default())
            .u8(self.job.is_some().into())
            .u64(due)
            .u64(number)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        let next = fields.u32();
        let midstate = match version {
            1 => Midstate::from_bytes_of_0_1_0(fields.blob()),
            2 => Midstate::from_bytes(fields.short()),
            other => unknown(other),
        };
        let known = fields.u8() == 1;
        let digest = fields.array();
        let job = match version {
            1 => None,
            _ => {
                let queued = fields.u8() == 1;
                let id = (fields.u64(), fields.u64());
                queued.then_some(id)
            }
        };
        Rolling {
            next,
            midstate,
            digest: known.then_some(digest),
            job,
        }
    }
}

storable!(Rolling);

struct Tentative {
    midstate: Midstate,
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
            midstate: Some(Midstate::default()),
            digest: None,
            job: None,
        };
        self.rolling.insert(id.0, rolling);
    }

    /// Returns the job that has the blob store hash the file, if it is in the queue.
    pub fn remove(&mut self, id: SessionId) -> Option<JobId> {
        let rolling = self.rolling.remove(&id.0);
        discard(&self.tentative, id, 0);
        rolling?.job
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
            midstate: before.followed_by(bytes),
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

    fn midstate_before(&self, id: SessionId, index: u32) -> Option<Midstate> {
        let rolling = self.get(id);
        if index == rolling.next {
            return rolling.midstate;
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
            rolling.midstate = tentative.map(|tentative| tentative.midstate);
            rolling.next += 1;
        }
        if rolling.next != before {
            self.rolling.insert(id.0, rolling);
        }
    }

    /// Whether the midstates have a gap: they can't cover a chunk that is received. A midstate that
    /// can't be read covers none.
    pub fn needs_full_rehash(&self, id: SessionId, received: &Received) -> bool {
        let rolling = self.get(id);
        rolling.midstate.is_none() || received.contains(rolling.next)
    }

    /// The hash of a session that has received all its `count` chunks.
    pub fn digest(&self, id: SessionId, count: u32) -> Digested {
        let rolling = self.get(id);
        match (rolling.digest, rolling.midstate) {
            (Some(digest), _) => Digested::Known(digest),
            (None, Some(midstate)) if rolling.next == count => Digested::Known(midstate.digest()),
            _ => Digested::NeedsFullRehash,
        }
    }

    /// Keeps the hash that the blob store made, if the session still has a record. Returns the job
    /// that asked for it, if it is in the queue.
    pub fn set_digest(&mut self, id: SessionId, digest: [u8; 32]) -> Option<JobId> {
        let mut rolling = self.rolling.get(&id.0)?;
        rolling.digest = Some(digest);
        let job = rolling.job.take();
        self.rolling.insert(id.0, rolling);
        job
    }

    /// Whether the blob store's hash is known, or needs no more asking: the upload has ended.
    pub fn is_settled(&self, id: SessionId) -> bool {
        let rolling = self.rolling.get(&id.0);
        rolling.is_none_or(|rolling| rolling.digest.is_some())
    }

    /// The job that has the blob store hash the file, if it is in the queue.
    pub fn job(&self, id: SessionId) -> Option<JobId> {
        self.rolling.get(&id.0)?.job
    }

    /// Keeps the id of the job that has the blob store hash the file.
    pub fn set_job(&mut self, id: SessionId, job: Option<JobId>) {
        if let Some(mut rolling) = self.rolling.get(&id.0)
            && rolling.job != job
        {
            rolling.job = job;
            self.rolling.insert(id.0, rolling);
        }
    }
}
