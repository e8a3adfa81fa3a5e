//! The registry: stores that come and go, and helpers for the tests of its other parts.

mod promises;
mod questions;
mod records;

use super::*;
use capsule_shared::blob_store::STORE_SCHEMA;
use ic_stable_structures::VectorMemory;

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
