//! When stores are asked, and the effect of their answers.

use super::*;

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
