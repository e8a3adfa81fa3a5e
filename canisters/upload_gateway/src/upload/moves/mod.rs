//! The blobs that move from store to store, and when the index is asked which others have to.
//!
//! Stable memory has a record for each blob that moved. The heap has what may be lost: what the
//! stores told about the blobs that are being moved, and how far the search has come.

pub mod record;

use super::registry::Asking;
use candid::Principal;
use capsule_shared::BlobKey;
use capsule_shared::blob_store::SharedBlob;
use ic_stable_structures::{Memory, StableBTreeMap};
use record::Move;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const SECOND_NS: u64 = 1_000_000_000;

/// The most blobs that move at once.
///
/// Source: our choice. A pull takes at most 2 MB and three rounds. A store can write some 38 MB a
/// round (docs/bench.md), so four moves take less than a tenth of that.
pub const MOST_AT_ONCE: usize = 4;

/// How long the source keeps a blob that was moved: an hour.
///
/// Source: our choice. A reader asks the index for each slice, so a minute would do. The rest is
/// for a question to the index that took longest: no older one acts after this.
pub const GRACE_NS: u64 = 3_600 * SECOND_NS;

/// How long a blob stays where it is after a copy of it had another SHA-256: a day.
pub const BAD_COPY_NS: u64 = 24 * GRACE_NS;

/// The pause before the next look at a store that is draining: while blobs move, and when there is
/// nothing to move or no room.
const BUSY_NS: u64 = 5 * SECOND_NS;
const IDLE_NS: u64 = 60 * SECOND_NS;

/// A store that is draining, and the memory behind which its next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    pub index: Principal,
    pub store: Principal,
    pub after: Option<String>,
}

/// A job moves this blob while this lives. Dropping it lets another one, also when a callback
/// traps.
pub struct Running(Rc<RefCell<BTreeSet<BlobKey>>>, BlobKey);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.borrow_mut().remove(&self.1);
    }
}

/// ```text
/// records : BlobKey -> Move
/// ```
pub struct Moves<M: Memory> {
    records: StableBTreeMap<[u8; 32], Move, M>,
    /// The blobs that are being moved, with what their stores share. A start forgets them; their
    /// jobs enter them again.
    under_way: BTreeMap<BlobKey, Option<SharedBlob>>,
    running: Rc<RefCell<BTreeSet<BlobKey>>>,
    /// When the index is asked again, in nanoseconds since 1970.
    at: u64,
    last: Option<Drain>,
    asking: Rc<Cell<bool>>,
}

impl<M: Memory> Moves<M> {
    pub fn new(records: M, now: u64) -> Self {
        Moves {
            records: StableBTreeMap::init(records),
            under_way: BTreeMap::new(),
            running: Rc::default(),
            at: now.saturating_add(IDLE_NS),
            last: None,
            asking: Rc::default(),
        }
    }

    /// How many blobs moved or are being moved, and aren't deleted.
    pub fn len(&self) -> u64 {
        self.records.len()
    }

    pub fn get(&self, key: &BlobKey) -> Option<Move> {
        self.records.get(&key.0)
    }

    pub fn set(&mut self, key: BlobKey, record: Move) {
        if record.next.is_none() {
            self.under_way.remove(&key);
        }
        self.records.insert(key.0, record);
    }

    /// The blob is to be deleted. Returns its record, if it moved or was being moved.
    pub fn remove(&mut self, key: &BlobKey) -> Option<Move> {
        self.under_way.remove(key);
        self.records.remove(&key.0)
    }

    // ---- blobs that are being moved -----------------------------------------------------------

    fn is_moving(&self, key: &BlobKey) -> bool {
        self.get(key).is_some_and(|record| record.next.is_some())
    }

    /// The blob that its store shares, if it told since the last start.
    pub fn shared(&mut self, key: BlobKey) -> Option<SharedBlob> {
        match self.is_moving(&key) {
            true => *self.under_way.entry(key).or_default(),
            false => None,
        }
    }

    /// Without effect if the blob isn't being moved any more.
    pub fn set_shared(&mut self, key: BlobKey, shared: Option<SharedBlob>) {
        if self.is_moving(&key) {
            self.under_way.insert(key, shared);
        }
    }

    /// `None` while another job moves the blob. The calls of one canister to another arrive in
    /// order. So whatever one job has a store do is done before the calls of the next.
    pub fn begin_run(&self, key: BlobKey) -> Option<Running> {
        let begins = self.running.borrow_mut().insert(key);
        begins.then(|| Running(self.running.clone(), key))
    }

    pub fn has_room(&self) -> bool {
        self.under_way.len() < MOST_AT_ONCE
    }

    // ---- the search for blobs to move ---------------------------------------------------------

    /// When the index is to be asked, in nanoseconds since 1970. `None` while it is.
    pub fn next_question(&self) -> Option<u64> {
        (!self.asking.get()).then_some(self.at)
    }

    /// Begins a search in the first of `draining`, or goes on in the one of the last page. `None`
    /// if it isn't time, enough blobs move, or no store is draining.
    pub fn begin_search(
        &mut self,
        index: Principal,
        draining: &[Principal],
        now: u64,
    ) -> Option<(Asking, Drain)> {
        self.next_question().filter(|at| *at <= now)?;
        self.at = now.saturating_add(IDLE_NS);
        let last = self.last.take();
        let last = last.filter(|last| last.index == index && draining.contains(&last.store));
        let search = last.or_else(|| {
            Some(Drain {
                index,
                store: *draining.first()?,
                after: None,
            })
        })?;
        if !self.has_room() {
            self.last = Some(search);
            self.at = now.saturating_add(BUSY_NS);
            return None;
        }
        Some((Asking::begin(&self.asking), search))
    }

    /// The search goes on behind a memory, soon. `None`: it begins anew in the next store.
    pub fn goes_on(&mut self, from: Option<Drain>, now: u64) {
        let pause = match from.is_some() {
            true => BUSY_NS,
            false => IDLE_NS,
        };
        self.at = now.saturating_add(pause);
        self.last = from;
    }
}
