//! The transitions of blobs that move from store to store.
//!
//! A job `MoveBlob` names a store and a blob. It does what the record says: it brings the blob to
//! the store, or deletes what is left there.

use super::State;
use crate::upload::jobs::queue::Task;
use crate::upload::moves::record::{Move, Next};
use crate::upload::moves::{BAD_COPY_NS, Drain, GRACE_NS, Running};
use crate::upload::placement::{best, mixed, room_for};
use crate::upload::registry::Asking;
use candid::Principal;
use capsule_shared::BlobKey;
use capsule_shared::blob_store::SharedBlob;
use capsule_shared::operators::StoreMemory;
use capsule_shared::stores::StoreState;
use ic_stable_structures::Memory;
use std::collections::BTreeSet;

/// The need of a job `MoveBlob`.
pub enum Moving {
    /// The blob is to be copied to the store.
    Copying(Move),
    /// The copy is whole. The index is to name it, or does already.
    Relocating(Move),
    /// The store has what it should.
    Done,
    /// The store isn't the blob's: what it has goes.
    Stray,
}

impl<M: Memory> State<M> {
    /// When to look for blobs to move. `None` while no store is draining.
    pub(super) fn next_search(&self) -> Option<u64> {
        self.moves
            .next_question()
            .filter(|_| self.registry.has_any(StoreState::Draining))
    }

    /// Begins to look for blobs to move, if it is time; see [`Asking`].
    pub fn search_begun(&mut self, index: Principal, now: u64) -> Option<(Asking, Drain)> {
        let draining = self.registry.in_state(StoreState::Draining);
        self.moves.begin_search(index, &draining, now)
    }

    /// The search goes on behind this memory.
    pub fn search_goes_on(&mut self, from: Drain, now: u64) {
        self.moves.goes_on(Some(from), now);
    }

    /// There is no further page of the store: the search goes on in the next one.
    pub fn search_ended(&mut self, of: Drain, now: u64) {
        let draining = self.registry.in_state(StoreState::Draining);
        let mut later = draining.into_iter().skip_while(|store| *store != of.store);
        let next = later.nth(1).map(|store| Drain {
            store,
            after: None,
            ..of
        });
        self.moves.goes_on(next, now);
    }

    pub fn has_room_for_moves(&self) -> bool {
        self.moves.has_room()
    }

    /// The index says that a memory lies in a store that is draining.
    ///
    /// After: a record names the store to which its blob moves, and a job moves it. Nothing changes
    /// if that was so, if the blob rests after a former move, or if no store has room for it.
    pub fn move_begun(&mut self, index: Principal, memory: StoreMemory, now: u64) {
        let place = memory.place;
        let known = self.moves.get(&place.key);
        if let Some(known) = &known
            && (known.next.is_some() || now < known.not_before)
        {
            return;
        }
        let Ok(sha256) = memory.sha256.as_slice().try_into() else {
            return;
        };
        let room = room_for(place.size);
        let offers = self.registry.offers(room);
        let others = offers.iter().filter(|offer| offer.store != place.store);
        let drawing = mixed(memory.session_id);
        let Some(store) = best(drawing, others, room) else {
            return;
        };
        self.registry.promise(store, place.size, room);
        let record = Move {
            memory: memory.id,
            index,
            home: place.store,
            next: Some(Next {
                store,
                relocating: false,
            }),
            not_before: 0,
            bytes: place.size,
            sha256,
        };
        self.moves.set(place.key, record);
        self.moves.set_shared(place.key, None);
        let key = place.key;
        self.jobs.push(now, Task::MoveBlob { store, key });
    }

    /// A job for the blob begins to run; see [`Running`].
    pub fn move_run_begun(&self, key: BlobKey) -> Option<Running> {
        self.moves.begin_run(key)
    }

    /// The need of a job now.
    pub fn moving(&self, store: Principal, key: BlobKey) -> Moving {
        match self.moves.get(&key) {
            None => Moving::Stray,
            Some(record) => match record.next {
                Some(next) if next.store == store && next.relocating => Moving::Relocating(record),
                Some(next) if next.store == store => Moving::Copying(record),
                _ if record.needs(store) => Moving::Done,
                _ => Moving::Stray,
            },
        }
    }

    /// Whether a copy to this store is still wanted: it takes uploads, and the other is draining.
    pub fn is_wanted(&self, record: &Move) -> bool {
        let state = |store| self.registry.get(store).map(|store| store.state);
        let to = record.next.and_then(|next| state(next.store));
        to == Some(StoreState::Active) && state(record.home) == Some(StoreState::Draining)
    }

    /// The blob that its store shares, if it told since the last start.
    pub fn shared(&mut self, key: BlobKey) -> Option<SharedBlob> {
        self.moves.shared(key)
    }

    pub fn shared_noted(&mut self, key: BlobKey, shared: Option<SharedBlob>) {
        self.moves.set_shared(key, shared);
    }

    /// The copy is whole, and the index is asked next to name it.
    ///
    /// After: the move isn't given up any more. If the memory was deleted meanwhile, nothing
    /// changes.
    pub fn relocation_noted(&mut self, store: Principal, key: BlobKey) {
        let record = self.moves.get(&key).filter(|record| record.is_to(store));
        if let Some(record) = record {
            let next = Some(Next {
                store,
                relocating: true,
            });
            self.moves.set(key, Move { next, ..record });
        }
    }

    /// The index names the store now.
    ///
    /// Before: the record was relocating to it. After: it is the home of the blob, and a job
    /// deletes the former one after the grace period. If the memory was deleted meanwhile, nothing
    /// changes.
    pub fn relocated(&mut self, store: Principal, key: BlobKey, now: u64) {
        let Some(record) = self.moves.get(&key).filter(|record| record.is_to(store)) else {
            return;
        };
        let former = record.home;
        let not_before = now.saturating_add(GRACE_NS);
        let moved = Move {
            home: store,
            next: None,
            not_before,
            ..record
        };
        self.moves.set(key, moved);
        let task = Task::MoveBlob { store: former, key };
        self.jobs.push(not_before, task);
    }

    /// The blob stays where it is: the operator wants it so, or the copy is bad.
    ///
    /// Before: the index wasn't asked to name the copy. After: the record has no next store, and
    /// the job deletes the copy.
    pub fn move_given_up(&mut self, store: Principal, key: BlobKey, is_bad: bool, now: u64) {
        let record = self.moves.get(&key).filter(|record| record.is_to(store));
        if let Some(record) = record
            && !record.next.is_some_and(|next| next.relocating)
        {
            let pause = if is_bad { BAD_COPY_NS } else { 0 };
            let stays = Move {
                next: None,
                not_before: now.saturating_add(pause),
                ..record
            };
            self.moves.set(key, stays);
        }
    }

    /// The memory is gone. `told` is the store that the index named when it deleted the memory, and
    /// `noted` the one that was noted before. The blob may have moved since.
    ///
    /// After: the record of its moves is gone, and jobs delete it wherever it may lie. The source
    /// of an earlier move has a job already.
    pub(super) fn blob_abandoned(
        &mut self,
        key: BlobKey,
        told: Option<Principal>,
        noted: Principal,
        now: u64,
    ) {
        let mut stores: BTreeSet<Principal> = told.into_iter().collect();
        if let Some(record) = self.moves.remove(&key) {
            stores.insert(record.home);
            stores.extend(record.next.map(|next| next.store));
        } else if stores.is_empty() {
            stores.insert(noted);
        }
        for store in stores {
            self.jobs.push(now, Task::DeleteBlob { store, key });
        }
    }

    /// The index says during a move that the memory is gone. After: as for a deletion.
    pub fn moved_memory_gone(&mut self, store: Principal, key: BlobKey, now: u64) {
        let record = self.moves.get(&key);
        if record.is_some_and(|record| record.is_to(store)) {
            self.blob_abandoned(key, None, store, now);
        }
    }
}
