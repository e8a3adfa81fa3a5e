//! The choice of a store for an upload. It is plain arithmetic on what the registry knows.
//!
//! A few stores are drawn by the session id, and the emptiest of them is the best. So stores fill
//! alike, and a new, empty one gets its share of the begins and not all of them.

#[cfg(test)]
mod tests;

use candid::Principal;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use std::cmp::Reverse;

/// How many stores are drawn for an upload, if so many have room.
///
/// Source: our choice. A new store gets three times its share of the begins until it is as full as
/// the others; the simulation shows that all end alike.
const DRAWN: usize = 3;

/// The most stores that one begin asks.
///
/// Source: our choice. Each attempt costs a call, a session id and a job. Reports and refusals tell
/// the next begin which stores are full, so even a second attempt is rare.
pub const MAX_ASKED: usize = 5;

/// Why a begin asks no further store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoStore {
    /// Each store that may have room was asked.
    NoneLeft,
    /// This begin asked [`MAX_ASKED`] stores.
    Enough,
}

/// A store that takes new uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    pub store: Principal,
    /// Bytes that are neither used nor promised, as far as the gateway knows. `None` if the store
    /// gave no report.
    pub free: Option<u64>,
    /// The least room that it refused since its last report.
    pub refused: Option<u64>,
    /// It gave no answer a short while ago, so others come first.
    pub silent: bool,
}

/// The room that a store must have for an upload of so many announced bytes: at least a chunk. 0
/// bytes are none announced.
pub fn room_for(bytes: u64) -> u64 {
    bytes.max(MAX_CHUNK_BYTES as u64)
}

impl Offer {
    /// Whether the store has so much room. `None` if nobody knows.
    fn fits(&self, room: u64) -> Option<bool> {
        if self.refused.is_some_and(|refused| refused <= room) {
            return Some(false);
        }
        self.free.map(|free| free >= room)
    }

    /// Stores of the lowest kind are asked first.
    fn kind(&self) -> u8 {
        match (self.silent, self.free) {
            (false, Some(_)) => 0,
            (false, None) => 1,
            (true, _) => 2,
        }
    }

    /// The free bytes by the last report and the refusals since; 0 if nobody knows.
    fn free(&self) -> u64 {
        let refused = self.refused.map_or(u64::MAX, |room| room.saturating_sub(1));
        self.free.unwrap_or(0).min(refused)
    }
}

/// One begin's search for a store, which asks each at most once.
#[derive(Default)]
pub struct Search {
    asked: Vec<Principal>,
    /// The store that was asked although it has too little room. One is enough.
    last_resort: Option<Principal>,
}

impl Search {
    /// The store to ask next for an upload that needs this room. It counts as asked.
    pub fn next(
        &mut self,
        session: u64,
        offers: &[Offer],
        room: u64,
    ) -> Result<Principal, NoStore> {
        let left = || {
            offers
                .iter()
                .filter(|offer| !self.asked.contains(&offer.store))
        };
        let best = best(session, left(), room);
        let last = || last_resort(left(), room).filter(|_| self.last_resort.is_none());
        let store = best.or_else(last).ok_or(NoStore::NoneLeft)?;
        if self.asked.len() >= MAX_ASKED {
            return Err(NoStore::Enough);
        }
        if best.is_none() {
            self.last_resort = Some(store);
        }
        self.asked.push(store);
        Ok(store)
    }

    /// Lets the begin ask a store once more.
    pub fn again(&mut self, store: Principal) {
        self.asked.retain(|asked| *asked != store);
        self.last_resort = self.last_resort.filter(|last| *last != store);
    }
}

/// The best store for an upload that needs this room. A store that reported too little room, or
/// refused no more than that since, is none.
///
/// First come stores that have room, next those without a report, and last those that were silent a
/// short while ago. A few of the first kind that there is are drawn, and the emptiest of them is
/// the best.
pub fn best<'a>(
    session: u64,
    offers: impl Iterator<Item = &'a Offer>,
    room: u64,
) -> Option<Principal> {
    let mut drawn: Vec<(u8, u64, &Offer)> = Vec::with_capacity(DRAWN + 1);
    for offer in offers.filter(|offer| offer.fits(room) != Some(false)) {
        drawn.push((offer.kind(), score(session, offer.store), offer));
        drawn.sort_unstable_by_key(|(kind, score, offer)| (*kind, *score, offer.store));
        drawn.truncate(DRAWN);
    }
    let (first, ..) = *drawn.first()?;
    let alike = drawn.iter().take_while(|(kind, ..)| *kind == first);
    // Among equals the drawing decides.
    let best = alike.min_by_key(|(.., offer)| Reverse(offer.free()));
    best.map(|(.., offer)| offer.store)
}

/// The store to ask when no other took the upload: the emptiest of those that have too little room
/// by their reports and refusals, which may be old.
fn last_resort<'a>(offers: impl Iterator<Item = &'a Offer>, room: u64) -> Option<Principal> {
    let full = offers.filter(|offer| offer.fits(room) == Some(false));
    let emptiest = full.max_by_key(|offer| (offer.free(), Reverse(offer.store)));
    emptiest.map(|offer| offer.store)
}

/// The place of a store in the drawing for a session: the lowest scores are drawn.
fn score(session: u64, store: Principal) -> u64 {
    let chunks = store.as_slice().chunks(8);
    chunks.fold(mixed(session), |state, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mixed(state ^ u64::from_le_bytes(word))
    })
}

/// One step of SplitMix64, whose outputs look independent even for inputs in sequence.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
pub fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
