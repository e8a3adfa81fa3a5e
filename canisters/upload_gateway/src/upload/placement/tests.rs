//! Properties of the choice, and of the order in which one begin asks.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const GIB: u64 = 1 << 30;

fn store(n: u8) -> Principal {
    Principal::from_slice(&[n, 1, 1])
}

fn known(n: u8, free: u64) -> Offer {
    Offer {
        store: store(n),
        free: Some(free),
        refused: None,
        silent: false,
    }
}

fn unknown(n: u8) -> Offer {
    Offer {
        free: None,
        ..known(n, 0)
    }
}

fn silent(offer: Offer) -> Offer {
    Offer {
        silent: true,
        ..offer
    }
}

/// All stores that are candidates, each the best of those behind it.
fn order(session: u64, offers: &[Offer], room: u64) -> Vec<Principal> {
    let mut left = offers.to_vec();
    let mut order = Vec::new();
    while let Some(store) = best(session, left.iter(), room) {
        left.retain(|offer| offer.store != store);
        order.push(store);
    }
    order
}

#[test]
fn the_emptiest_of_a_few_comes_first() {
    let offers = [known(1, 5 * GIB), known(2, 7 * GIB), known(3, 6 * GIB)];
    for session in 1..100 {
        let order = order(session, &offers, GIB);
        assert_eq!(order, [store(2), store(3), store(1)]);
    }
}

#[test]
fn stores_that_surely_have_room_come_before_unknown_and_silent_ones() {
    let offers = [
        silent(known(1, 90 * GIB)),
        unknown(2),
        known(3, 2 * GIB),
        silent(unknown(4)),
        known(5, GIB - 1),
    ];
    for session in 1..100 {
        let order = order(session, &offers, GIB);
        assert_eq!(order[..2], [store(3), store(2)]);
        let last: BTreeSet<_> = order[2..].iter().copied().collect();
        assert_eq!(last, [store(1), store(4)].into());
    }
}

#[test]
fn each_upload_needs_the_room_of_a_chunk() {
    for bytes in [0, 1, 1_799_999, 1_800_000] {
        assert_eq!(room_for(bytes), 1_800_000);
    }
    assert_eq!(room_for(1_800_001), 1_800_001);
}

#[test]
fn a_store_that_refused_fits_only_what_needs_less() {
    let refused = |room, offer| Offer {
        refused: Some(room),
        ..offer
    };
    let offers = [
        refused(50, known(1, 90)),
        known(2, 40),
        refused(70, unknown(3)),
    ];
    assert_eq!(order(1, &offers, 40), [store(1), store(2), store(3)]);
    assert_eq!(order(1, &offers, 49), [store(1), store(3)]);
    assert_eq!(order(1, &offers, 50), [store(3)]);
    assert!(order(1, &offers, 70).is_empty());
    assert_eq!(last_resort(offers.iter(), 70), Some(store(1)));
}

#[test]
fn the_last_resort_is_the_emptiest_store_that_reported_too_little() {
    let offers = [known(1, 5), known(2, 7), unknown(3), known(4, 100)];
    assert_eq!(last_resort(offers.iter(), 50), Some(store(2)));
    assert_eq!(last_resort(offers.iter(), 1), None);
}

#[test]
fn a_search_asks_each_store_once_and_one_without_room() {
    let offers = [known(1, 5), known(2, 7), unknown(3), known(4, 100)];
    let mut search = Search::default();
    for n in [4, 3, 2] {
        assert_eq!(search.next(1, &offers, 50), Ok(store(n)));
    }
    assert_eq!(search.next(1, &offers, 50), Err(NoStore::NoneLeft));
    // The last resort, too, may be asked again.
    search.again(store(2));
    assert_eq!(search.next(1, &offers, 50), Ok(store(2)));
    assert_eq!(search.next(1, &offers, 50), Err(NoStore::NoneLeft));
}

#[test]
fn a_search_ends_after_five_stores() {
    let offers: Vec<_> = (1..=6).map(|n| known(n, 100)).collect();
    let mut search = Search::default();
    let mut asked = BTreeSet::new();
    for _ in 0..5 {
        asked.insert(search.next(1, &offers, 50).unwrap());
    }
    assert_eq!(asked.len(), 5);
    assert_eq!(search.next(1, &offers, 50), Err(NoStore::Enough));
    // Without a sixth one there is none left.
    let five: Vec<_> = offers
        .iter()
        .filter(|offer| asked.contains(&offer.store))
        .copied()
        .collect();
    assert_eq!(search.next(1, &five, 50), Err(NoStore::NoneLeft));
}

/// The first stores of so many sessions, counted by store.
fn firsts(offers: &[Offer], sessions: u64) -> Vec<u64> {
    let mut counts = vec![0; offers.len()];
    for session in 1..=sessions {
        let first = best(session, offers.iter(), 1).unwrap();
        let at = offers.iter().position(|offer| offer.store == first);
        counts[at.unwrap()] += 1;
    }
    counts
}

#[test]
fn a_new_store_gets_three_shares_and_not_everything() {
    let mut offers: Vec<_> = (0..20).map(|n| known(n, 10 * GIB)).collect();
    offers[19] = known(19, 100 * GIB);
    let counts = firsts(&offers, 20_000);
    // 3 of 20 stores are drawn.
    assert!((2_800..3_200).contains(&counts[19]), "{counts:?}");
    assert!(
        counts[..19]
            .iter()
            .all(|count| (750..1_050).contains(count)),
        "{counts:?}"
    );
}

fn offers() -> impl Strategy<Value = Vec<Offer>> {
    let free = prop::option::weighted(0.75, 0..4 * GIB);
    let refused = prop::option::weighted(0.2, 1..4 * GIB);
    prop::collection::vec((free, refused, any::<bool>()), 0..12).prop_map(|offers| {
        let offers = offers.into_iter().enumerate();
        offers
            .map(|(n, (free, refused, silent))| Offer {
                store: store(n as u8),
                free,
                refused,
                silent,
            })
            .collect()
    })
}

proptest! {
    /// Every store is in the order once, or it reported too little room or refused as much.
    #[test]
    fn every_store_is_a_candidate_or_reported_too_little(
        offers in offers(), session: u64, room in 1..5 * GIB
    ) {
        let order = order(session, &offers, room);
        let candidates: BTreeSet<_> = order.iter().copied().collect();
        prop_assert_eq!(candidates.len(), order.len());
        for offer in &offers {
            let possible = offer.free.is_none_or(|free| free >= room)
                && offer.refused.is_none_or(|refused| refused > room);
            prop_assert_eq!(candidates.contains(&offer.store), possible);
        }
        let full = offers.len() > order.len();
        let last = last_resort(offers.iter(), room);
        prop_assert_eq!(last.is_some(), full);
        prop_assert!(last.is_none_or(|last| !candidates.contains(&last)));
    }

    /// The list's own order doesn't matter, and the same session gets the same order.
    #[test]
    fn the_order_depends_on_the_session_and_the_stores_alone(
        offers in offers(), session: u64, room in 1..5 * GIB
    ) {
        let mut turned = offers.clone();
        turned.reverse();
        prop_assert_eq!(order(session, &offers, room), order(session, &turned, room));
    }

    /// At least as many stores as are drawn are no emptier than the first one, or all are.
    #[test]
    fn the_first_is_the_emptiest_of_three_at_least(
        offers in offers(), session: u64, room in 1..5 * GIB
    ) {
        let surely: Vec<u64> = offers
            .iter()
            .filter(|offer| !offer.silent && offer.fits(room) == Some(true))
            .map(Offer::free)
            .collect();
        if !surely.is_empty() {
            let first = best(session, offers.iter(), room).unwrap();
            let first = offers.iter().find(|offer| offer.store == first).unwrap();
            prop_assert!(!first.silent);
            let beaten = surely.iter().filter(|free| **free <= first.free()).count();
            prop_assert!(beaten >= surely.len().min(DRAWN), "{} of {:?}", first.free(), surely);
        }
    }
}
