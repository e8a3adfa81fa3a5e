//! The registry: its records, stores that come and go, promises and questions.

use super::record::{Noted, Promised, Store};
use super::*;
use canister_common::codec::{Record, encode};
use canister_common::golden::{assert_golden, assert_hex};
use capsule_shared::blob_store::{STORE_SCHEMA, StoreReserve};
use capsule_shared::stores::StoreReport;
use ic_stable_structures::{Storable, VectorMemory};

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;

fn id(n: u8) -> Principal {
    Principal::from_slice(&[n, 1, 1])
}

fn empty() -> (VectorMemory, Registry<VectorMemory>) {
    let memory = VectorMemory::default();
    let registry = Registry::new(memory.clone(), 0);
    (memory, registry)
}

/// A registry with the stores 1 to `count`.
fn listed(count: u8) -> (VectorMemory, Registry<VectorMemory>) {
    let (memory, mut registry) = empty();
    for n in 1..=count {
        registry.add(id(n), None, 0).unwrap();
    }
    (memory, registry)
}

fn report(free_bytes: u64) -> StoreReport {
    StoreReport {
        at: 1,
        schema: STORE_SCHEMA,
        blobs: 3,
        used_bytes: 400,
        promised_bytes: 50,
        free_bytes,
        capacity_bytes: free_bytes + 450,
        cycles: 7,
        reserve: None,
    }
}

fn free_of(registry: &Registry<VectorMemory>, n: u8) -> u64 {
    let free = registry.get(id(n)).unwrap().free();
    free.expect("the store gave no report")
}

fn tell(registry: &mut Registry<VectorMemory>, n: u8, told: Told, now: u64) {
    let question = registry.ask(id(n), now).unwrap();
    registry.told(&question, told, now);
}

// ---- records ------------------------------------------------------------------------------------

#[test]
fn records_of_stores_keep_their_layout() {
    assert_eq!(Noted::VERSION, 1);
    let new = Store::new(0x0102_0304);
    assert_golden(&Noted::Store(new.clone()), NEW);
    let full = Store {
        state: StoreState::Draining,
        capacity_bytes: Some(5),
        promised: Promised {
            before: 6,
            since: 7,
        },
        silent_since: Some(8),
        report: Some(StoreReport {
            at: 9,
            schema: STORE_SCHEMA,
            blobs: 10,
            used_bytes: 11,
            promised_bytes: 12,
            free_bytes: 13,
            capacity_bytes: 14,
            cycles: 15,
            reserve: Some(StoreReserve {
                cycles: 16,
                limit_cycles: 17,
            }),
        }),
        ..new.clone()
    };
    assert_golden(&Noted::Store(full), FULL);
    for (state, byte) in [
        (StoreState::Active, 0),
        (StoreState::ReadOnly, 1),
        (StoreState::Draining, 2),
        (StoreState::Offline, 3),
    ] {
        let bytes = encode(&Noted::Store(Store {
            state,
            ..new.clone()
        }));
        assert_eq!(bytes[1], byte);
    }
    assert_golden(&Noted::Retired, "01 04");
}

#[test]
fn the_key_of_a_store_keeps_its_layout() {
    assert_hex(&id(7).to_bytes(), "07 01 01");
}

const NEW: &str = "
    01 00 04030201
    0000000000000000 0000000000000000
    00 00 00";

const FULL: &str = "
    01 02 04030201
    0600000000000000 0700000000000000
    01 0500000000000000
    01 0800000000000000
    01 0900000000000000 02000000 0a00000000000000 0b00000000000000
    0c00000000000000 0d00000000000000 0e00000000000000
    0f000000000000000000000000000000
    01 10000000000000000000000000000000 11000000000000000000000000000000";

// ---- stores that come and go --------------------------------------------------------------------

#[test]
fn stores_are_listed_in_the_order_in_which_they_came() {
    let (memory, mut registry) = empty();
    for n in [3, 1, 2] {
        registry.add(id(n), None, 0).unwrap();
    }
    registry.set_state(id(1), StoreState::Draining, 0).unwrap();
    registry.set_capacity(id(2), Some(99)).unwrap();
    tell(&mut registry, 3, Told::Report(report(1_000)), 5);
    let entries = registry.entries();
    let ids: Vec<_> = entries.iter().map(|entry| entry.store).collect();
    assert_eq!(ids, [id(3), id(1), id(2)]);
    assert_eq!(registry.active(), [id(3), id(2)]);
    // All of that is in stable memory.
    assert_eq!(Registry::new(memory, 9).entries(), entries);
}

#[test]
fn a_list_or_a_name_changes_no_store_that_was_ever_listed() {
    let (memory, mut registry) = listed(2);
    registry.set_state(id(1), StoreState::ReadOnly, 0).unwrap();
    registry.retire(id(2));
    for mut registry in [registry, Registry::new(memory, 9)] {
        registry.propose(id(1), 0);
        registry.propose(id(2), 0);
        assert!(registry.active().is_empty());
        assert_eq!(registry.entries().len(), 1);
        assert_eq!(registry.set_capacity(id(2), None), Err(Failure::NotFound));
        // A word of the operator does.
        registry.add(id(1), None, 0).unwrap();
        registry.add(id(2), None, 0).unwrap();
        assert_eq!(registry.active(), [id(1), id(2)]);
        registry.set_state(id(1), StoreState::ReadOnly, 0).unwrap();
        registry.retire(id(2));
    }
}

#[test]
fn a_registry_has_a_thousand_stores_at_most() {
    let (_, mut registry) = empty();
    for n in 0..1_000u16 {
        let store = Principal::from_slice(&n.to_be_bytes());
        registry.add(store, None, 0).unwrap();
    }
    let refused = registry.add(id(1), None, 0);
    assert_eq!(refused, Err(Failure::ResourceExhausted));
    registry.propose(id(1), 0);
    assert!(!registry.is_listed(id(1)));
}

#[test]
fn only_active_stores_offer_room() {
    let (_, mut registry) = listed(4);
    let states = [
        StoreState::ReadOnly,
        StoreState::Draining,
        StoreState::Offline,
    ];
    for (n, state) in (1..).zip(states) {
        registry.set_state(id(n), state, 0).unwrap();
    }
    let offers: Vec<_> = registry.offers(1).iter().map(|offer| offer.store).collect();
    assert_eq!(offers, [id(4)]);
}

// ---- promises -----------------------------------------------------------------------------------

#[test]
fn promises_count_until_the_report_that_counts_them() {
    let (_, mut registry) = listed(1);
    tell(&mut registry, 1, Told::Report(report(1_000)), 0);
    registry.promise(id(1), 100, 100);
    let question = registry.ask(id(1), 1).unwrap();
    // The store gets the question before this one.
    registry.promise(id(1), 30, 30);
    assert_eq!(free_of(&registry, 1), 870);
    registry.told(&question, Told::Report(report(900)), 2);
    drop(question);
    assert_eq!(free_of(&registry, 1), 870);
    tell(&mut registry, 1, Told::Report(report(870)), 3);
    assert_eq!(free_of(&registry, 1), 870);
}

#[test]
fn promises_of_a_question_without_an_answer_count_on() {
    let (_, mut registry) = listed(1);
    tell(&mut registry, 1, Told::Report(report(1_000)), 0);
    registry.promise(id(1), 100, 100);
    tell(&mut registry, 1, Told::Nothing, 1);
    registry.promise(id(1), 30, 30);
    tell(&mut registry, 1, Told::NotAsked, 2);
    assert_eq!(free_of(&registry, 1), 870);
}

#[test]
fn a_promise_that_came_to_nothing_is_taken_back() {
    let (_, mut registry) = listed(1);
    tell(&mut registry, 1, Told::Report(report(1_000)), 0);
    let before = registry.promise(id(1), 100, 100);
    let _question = registry.ask(id(1), 1).unwrap();
    let since = registry.promise(id(1), 30, 30);
    registry.not_opened(before, Refusal::Other, 2);
    assert_eq!(free_of(&registry, 1), 970);
    registry.not_opened(since, Refusal::Other, 2);
    assert_eq!(free_of(&registry, 1), 1_000);
    assert!(registry.was_opening(id(1)));
    assert!(!registry.offers(1)[0].silent);
}

#[test]
fn a_store_has_one_open_question_at_most() {
    let (_, mut registry) = listed(1);
    tell(&mut registry, 1, Told::Report(report(1_000)), 0);
    registry.promise(id(1), 100, 100);
    let now = 20 * MINUTE;
    let question = registry.ask(id(1), now).unwrap();
    registry.promise(id(1), 30, 30);
    // Its answer would count the second promise, and that of the first question doesn't.
    assert!(registry.ask(id(1), now).is_none());
    registry.told(&question, Told::Report(report(900)), now);
    assert_eq!(free_of(&registry, 1), 870);
    // A question that is due waits for the open one, and doesn't wake the timer.
    registry.room_wanted(now);
    assert!(registry.ask_next(now + MINUTE).is_none());
    assert_eq!(registry.next_question(), Some(now + 11 * MINUTE));
    drop(question);
    assert!(registry.ask(id(1), now).is_some());
}

#[test]
fn a_promise_that_a_report_counted_is_not_taken_from_others() {
    let (_, mut registry) = listed(1);
    tell(&mut registry, 1, Told::Report(report(1_000)), 0);
    let slow = registry.promise(id(1), 100, 100);
    tell(&mut registry, 1, Told::Report(report(900)), 1);
    registry.promise(id(1), 30, 30);
    let question = registry.ask(id(1), 2).unwrap();
    registry.not_opened(slow, Refusal::Other, 3);
    assert_eq!(free_of(&registry, 1), 870);
    registry.told(&question, Told::Nothing, 4);
    assert_eq!(free_of(&registry, 1), 870);
}

#[test]
fn a_report_before_the_listing_counts_for_a_new_store_only() {
    let (_, mut registry) = empty();
    registry.add(id(1), Some(report(1_000)), 0).unwrap();
    assert_eq!(free_of(&registry, 1), 1_000);
    registry.promise(id(1), 100, 100);
    let _question = registry.ask(id(1), 1).unwrap();
    registry.add(id(1), Some(report(1_000)), 2).unwrap();
    assert_eq!(free_of(&registry, 1), 900);
}

#[test]
fn the_operators_bound_counts_beside_the_stores() {
    let (_, mut registry) = listed(1);
    tell(&mut registry, 1, Told::Report(report(1_000)), 0);
    // 450 bytes are taken or promised.
    for (bound, free) in [
        (Some(650), 200),
        (Some(100), 0),
        (Some(9_999), 1_000),
        (None, 1_000),
    ] {
        registry.set_capacity(id(1), bound).unwrap();
        assert_eq!(free_of(&registry, 1), free, "{bound:?}");
    }
}

#[test]
fn a_store_never_offers_more_than_the_operators_bound() {
    let (_, mut registry) = listed(1);
    let offers = |registry: &Registry<VectorMemory>, room| registry.offers(room).len();
    registry.set_capacity(id(1), Some(650)).unwrap();
    // It gave no report, so nobody knows how much it holds.
    assert_eq!(offers(&registry, 1), 0);
    tell(&mut registry, 1, Told::Report(report(1_000)), 0);
    registry.promise(id(1), 30, 30);
    assert_eq!((offers(&registry, 170), offers(&registry, 171)), (1, 0));
    registry.set_capacity(id(1), None).unwrap();
    assert_eq!(offers(&registry, u64::MAX), 1);
}

// ---- questions ----------------------------------------------------------------------------------

#[test]
fn stores_are_asked_one_after_the_other_and_again_after_ten_minutes() {
    let (memory, mut registry) = listed(2);
    assert_eq!(registry.next_question(), Some(10 * SECOND));
    assert!(registry.begin_asking(9 * SECOND).is_none());
    let now = 10 * SECOND;
    let asking = registry.begin_asking(now).unwrap();
    // Meanwhile no other turn asks, and the timer doesn't wake for it.
    assert!(registry.begin_asking(now).is_none());
    assert_eq!(registry.next_question(), None);
    let first = registry.ask_next(now).unwrap();
    let second = registry.ask_next(now).unwrap();
    assert_eq!((first.store(), second.store()), (id(1), id(2)));
    assert!(registry.ask_next(now).is_none());
    registry.told(&first, Told::Report(report(1)), now);
    registry.told(&second, Told::NoReports, now);
    drop(asking);
    assert_eq!(registry.next_question(), Some(now + 10 * MINUTE));
    // A start asks all soon.
    let restarted = Registry::new(memory, now);
    assert_eq!(restarted.next_question(), Some(now + 10 * SECOND));
}

#[test]
fn a_silent_store_is_noted_and_asked_less_and_less() {
    let (_, mut registry) = listed(1);
    let mut now = 0;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        tell(&mut registry, 1, Told::Nothing, now);
        let next = registry.next_question().unwrap();
        pauses.push((next - now) / MINUTE);
        now = next;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 32, 32]);
    assert_eq!(registry.entries()[0].silent_since, Some(0));
    assert!(registry.offers(1)[0].silent);
    tell(&mut registry, 1, Told::Report(report(1)), now);
    assert_eq!(registry.entries()[0].silent_since, None);
    assert!(!registry.offers(1)[0].silent);
    tell(&mut registry, 1, Told::Nothing, now);
    assert_eq!(registry.next_question(), Some(now + MINUTE));
}

#[test]
fn a_store_of_release_0_1_0_is_usable_without_a_report() {
    let (_, mut registry) = listed(1);
    tell(&mut registry, 1, Told::NoReports, 5);
    let offer = registry.offers(1)[0];
    assert_eq!((offer.free, offer.silent), (None, false));
    assert_eq!(registry.entries()[0].silent_since, None);
}

#[test]
fn a_store_that_did_not_open_a_blob_is_asked_within_a_minute() {
    for refusal in [Refusal::Full, Refusal::Silent] {
        let (_, mut registry) = listed(1);
        tell(&mut registry, 1, Told::Report(report(1_000)), 0);
        let now = 5 * MINUTE;
        let state = |registry: &Registry<VectorMemory>| {
            let offer = registry.offers(1)[0];
            (offer.refused, offer.silent)
        };
        for room in [300, 200, 400] {
            let promise = registry.promise(id(1), room, room);
            registry.not_opened(promise, refusal, now);
        }
        let expected = match refusal {
            Refusal::Full => (Some(200), false),
            _ => (None, true),
        };
        assert_eq!(state(&registry), expected);
        assert_eq!(registry.next_question(), Some(now + MINUTE));
        // A smaller one that it takes says nothing about the room for those.
        let promise = registry.promise(id(1), 100, 100);
        registry.opened(promise);
        assert_eq!(state(&registry), (expected.0, false));
        let promise = registry.promise(id(1), 200, 200);
        registry.opened(promise);
        assert_eq!(state(&registry), (None, false));
    }
}

#[test]
fn a_refusal_counts_until_the_next_report() {
    let (_, mut registry) = listed(1);
    let promise = registry.promise(id(1), 300, 300);
    registry.not_opened(promise, Refusal::Full, 0);
    for (told, refused) in [
        (Told::Nothing, Some(300)),
        (Told::NotAsked, Some(300)),
        (Told::Report(report(1_000)), None),
    ] {
        tell(&mut registry, 1, told, 0);
        assert_eq!(registry.offers(1)[0].refused, refused);
    }
}

#[test]
fn a_store_that_was_given_up_is_not_asked() {
    let (_, mut registry) = listed(1);
    registry.set_state(id(1), StoreState::Offline, 0).unwrap();
    assert_eq!(registry.next_question(), None);
    registry
        .set_state(id(1), StoreState::ReadOnly, MINUTE)
        .unwrap();
    assert_eq!(registry.next_question(), Some(MINUTE + 10 * SECOND));
    registry.retire(id(1));
    assert_eq!(registry.next_question(), None);
}
