//! Promised bytes, refusals and the operator's bound.

use super::*;

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
