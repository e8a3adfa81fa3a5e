//! Bytes that a store is promised while it opens a blob, and how much it refused.

use super::Registry;
use super::promise::{Promise, Refusal};
use candid::Principal;
use ic_stable_structures::Memory;

impl<M: Memory> Registry<M> {
    /// An upload that needs this room is being opened in the store, which is promised `bytes`.
    pub fn promise(&mut self, store: Principal, bytes: u64, room: u64) -> Promise {
        let mut questions = 0;
        self.update(store, |listed| {
            listed.opening = true;
            listed.store.promise(bytes);
            questions = listed.questions;
        });
        Promise {
            store,
            bytes,
            room,
            questions,
        }
    }

    /// The store opened the blob. It answers, and has the room.
    pub fn opened(&mut self, promise: Promise) {
        self.update(promise.store, |listed| {
            listed.refused = listed.refused.filter(|refused| *refused > promise.room);
            listed.store.silent_since = None;
        });
    }

    /// The store didn't open the blob. If that says something about the store, it is asked soon.
    pub fn not_opened(&mut self, promise: Promise, refusal: Refusal, now: u64) {
        self.update(promise.store, |listed| {
            // A report that counted the promise has cleared it. The rest are promises of others.
            if promise.questions >= listed.reported {
                let promised = &mut listed.store.promised;
                let part = match promise.questions == listed.questions {
                    true => &mut promised.since,
                    false => &mut promised.before,
                };
                *part = part.saturating_sub(promise.bytes);
            }
            match refusal {
                Refusal::Full => {
                    let least = listed.refused.unwrap_or(promise.room);
                    listed.refused = Some(least.min(promise.room));
                }
                Refusal::Silent => {
                    listed.store.silent_since.get_or_insert(now);
                }
                Refusal::Other => return,
            }
            listed.ask_soon(now);
        });
    }

    /// An upload found no room. The stores are asked soon, because reports may be old.
    pub fn room_wanted(&mut self, now: u64) {
        for listed in self.listed.values_mut() {
            listed.ask_soon(now);
        }
        self.find_next_question();
    }

    /// Whether an upload was being opened in the store since the last question.
    pub fn was_opening(&self, store: Principal) -> bool {
        self.listed.get(&store).is_some_and(|listed| listed.opening)
    }
}
