//! The order in which a begin tries the stores. It is plain arithmetic on what the registry knows.
//!
//! A few stores are drawn by the session id, and the emptiest of them comes first. So stores fill
//! alike, and a new, empty one gets its share of the begins and not all of them.

#[cfg(not(target_family = "wasm"))]
pub mod simulation;
#[cfg(test)]
mod tests;

use candid::Principal;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use std::cmp::Reverse;

/// How many stores are drawn for an upload, as long as so many have room.
///
/// Source: our choice. A new store gets three times its share of the begins until it is as full as
/// the others; the simulation shows that all end alike.
const DRAWN: usize = 3;

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

    fn free(&self) -> u64 {
        let refused = self.refused.map_or(u64::MAX, |room| room.saturating_sub(1));
        self.free.unwrap_or(0).min(refused)
    }
}

/// The stores to try for an upload that needs this room, the best first. A store that reported too
/// little room, or refused no more than that since, isn't among them.
///
/// First come stores that have room: of a few that are drawn the emptiest, then the others. Next
/// come those of which nobody knows, and last those that were silent a short while ago.
pub fn order(session: u64, offers: &[Offer], room: u64) -> Vec<Principal> {
    let possible = offers
        .iter()
        .filter(|offer| offer.fits(room) != Some(false));
    let mut drawn: Vec<(u64, &Offer)> = possible
        .map(|offer| (score(session, offer.store), offer))
        .collect();
    let class = |offer: &Offer| match (offer.silent, offer.free) {
        (false, Some(_)) => 0,
        (false, None) => 1,
        (true, _) => 2,
    };
    drawn.sort_unstable_by_key(|(score, offer)| (class(offer), *score, offer.store));
    let surely = drawn.partition_point(|(_, offer)| class(offer) == 0);
    let few = surely.min(DRAWN);
    for group in [0..few, few..surely] {
        // A stable sort: among equals the drawing decides.
        drawn[group].sort_by_key(|(_, offer)| Reverse(offer.free()));
    }
    drawn.into_iter().map(|(_, offer)| offer.store).collect()
}

/// The store to ask when no other took the upload: the emptiest of those that have too little room
/// by their reports and refusals, which may be old.
pub fn last_resort(offers: &[Offer], room: u64) -> Option<Principal> {
    let full = offers
        .iter()
        .filter(|offer| offer.fits(room) == Some(false));
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
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
