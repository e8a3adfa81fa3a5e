//! Tests of grants: strangers can't use up what a person may get, and lists stay bounded.

use super::{call, person, state};
use crate::capsules::grants::{MAX_GRANTED, grant_key};
use crate::capsules::read::MAX_LISTED_GRANTS;
use crate::ids::CapsuleId;
use crate::index::Index;
use crate::state::State;
use candid::Principal;
use canister_common::golden::assert_hex;
use capsule_shared::Error;
use capsule_shared::capsule::PersonRef;
use ic_stable_structures::VectorMemory;

type TestIndex = Index<VectorMemory>;

const VICTIM: u8 = 9;

fn stranger(n: usize) -> Principal {
    Principal::from_slice(&(n as u64 + 1_000).to_le_bytes())
}

/// The own capsule of `who`.
fn own(state: &mut State<VectorMemory>, who: Principal) -> String {
    let made = state.index.capsule_create(call(1, 1), who, None, None);
    made.unwrap().id
}

fn grant(state: &mut State<VectorMemory>, now: u64, who: Principal, id: &str) {
    state
        .index
        .capsule_add_controller(call(1, now), who, id, person(VICTIM))
        .unwrap();
}

fn listed(state: &State<VectorMemory>) -> Vec<String> {
    let list = state.index.capsule_list(person(VICTIM));
    list.into_iter().map(|capsule| capsule.id).collect()
}

#[test]
fn strangers_cannot_use_up_the_grants_of_a_person() {
    let mut state = state();
    let honest = own(&mut state, person(1));
    for n in 0..=MAX_LISTED_GRANTS {
        let junk = own(&mut state, stranger(n));
        grant(&mut state, 2, stranger(n), &junk);
    }
    // The newest grant is listed first, although its capsule is the oldest.
    grant(&mut state, 3, person(1), &honest);
    assert_eq!(listed(&state)[0], honest);
    let mine = own(&mut state, person(VICTIM));
    let list = listed(&state);
    assert_eq!(list[..2], [mine, honest.clone()]);
    assert_eq!(list.len(), 1 + MAX_LISTED_GRANTS);
    // It ends when the person leaves, and may be granted again.
    let leave = |state: &mut State<VectorMemory>| {
        let (who, call) = (person(VICTIM), call(1, 4));
        let left = state
            .index
            .capsule_remove_controller(call, who, &honest, who);
        left.map(|capsule| capsule.controllers.len())
    };
    assert_eq!(leave(&mut state), Ok(0));
    assert_eq!(leave(&mut state), Err(Error::Unauthorized));
    assert!(!listed(&state).contains(&honest));
    grant(&mut state, 5, person(1), &honest);
    assert_eq!(listed(&state)[1], honest);
}

#[test]
fn the_granter_has_a_limit() {
    let mut state = state();
    let id = own(&mut state, person(1));
    grant(&mut state, 2, person(1), &id);
    let granted = |state: &State<VectorMemory>| state.index.grants_by_granter.get(&person(1));
    assert_eq!(granted(&state), Some(1));
    state.index.grants_by_granter.insert(person(1), MAX_GRANTED);
    let add = |state: &mut State<VectorMemory>| {
        let (who, call) = (person(1), call(1, 3));
        let added = state
            .index
            .capsule_add_controller(call, who, &id, person(3));
        added.map(|capsule| capsule.controllers.len())
    };
    assert_eq!(add(&mut state), Err(Error::ResourceExhausted));
    assert_eq!(state.index.capsule_list(person(3)), []);
    // A right that ends makes room for another, and repeating a grant needs none.
    grant(&mut state, 3, person(1), &id);
    let (who, at) = (person(1), call(1, 4));
    let removed = state
        .index
        .capsule_remove_controller(at, who, &id, person(VICTIM));
    removed.unwrap();
    assert_eq!(granted(&state), Some(MAX_GRANTED - 1));
    assert_eq!(add(&mut state), Ok(1));
    assert_eq!(add(&mut state), Ok(1));
    assert_eq!(granted(&state), Some(MAX_GRANTED));
}

/// Release 0.1.0 kept the controllers in their capsules, and counted no grants.
#[test]
fn grants_of_release_0_1_0_are_counted_and_listed_last() {
    let mut state = state();
    let old = own(&mut state, person(1));
    grant(&mut state, 2, person(1), &old);
    let forget = |index: &mut TestIndex| {
        index.grants_by_granter.clear_new();
        let keys: Vec<_> = index.grants_by_member.iter().collect();
        for key in keys {
            index.grants_by_member.remove(&key);
        }
    };
    forget(&mut state.index);
    let mine = own(&mut state, person(VICTIM));
    let new = own(&mut state, person(2));
    assert_eq!(listed(&state), [mine.clone(), old.clone()]);
    grant(&mut state, 3, person(2), &new);
    assert_eq!(listed(&state), [mine, new, old.clone()]);

    let (who, at) = (person(1), call(1, 4));
    state
        .index
        .capsule_add_controller(at, who, &old, person(3))
        .unwrap();
    assert_eq!(state.index.grants_by_granter.get(&who), Some(2));
    forget(&mut state.index);
    state
        .index
        .capsule_remove_controller(at, who, &old, person(3))
        .unwrap();
    assert_eq!(state.index.grants_by_granter.get(&who), None);
}

#[test]
fn the_keys_of_grants_are_pinned() {
    let key = grant_key(Principal::from_slice(&[7, 7]), 1, CapsuleId(0x0102));
    assert_hex(&key, "02 0707 fffffffffffffffe 0000000000000102");
}

#[test]
fn canisters_of_the_system_are_no_persons() {
    let mut state = state();
    let (index, gateway) = (person(200), super::gateway(1));
    state.gateways.register(gateway).unwrap();
    let id = own(&mut state, person(1));
    let old = own(&mut state, gateway);
    for canister in [index, gateway] {
        let own = |state: &mut State<VectorMemory>, who, subject| {
            state.capsule_create(index, call(1, 1), who, subject, None)
        };
        let subject = PersonRef::Principal(canister);
        assert!(super::is_invalid(&own(
            &mut state,
            person(1),
            Some(subject)
        )));
        let add = state.capsule_add_controller(index, call(1, 1), person(1), &id, canister);
        assert!(super::is_invalid(&add));
        let made = own(&mut state, canister, None);
        match canister == gateway {
            // A capsule from before does no harm.
            true => assert_eq!(made.unwrap().id, old),
            false => assert!(super::is_invalid(&made)),
        }
        let other = Some(PersonRef::Opaque("other".into()));
        assert!(super::is_invalid(&own(&mut state, canister, other)));
    }
    state
        .capsule_create(index, call(1, 1), person(1), None, None)
        .unwrap();
}

#[test]
fn a_person_makes_as_many_capsules_as_the_gateway_allows() {
    let mut state = state();
    let mut create = |who, n: usize, most| {
        let subject = Some(PersonRef::Opaque(format!("subject {n}")));
        let made = state
            .index
            .capsule_create(call(1, 1), person(who), subject, most);
        made.map(|capsule| capsule.id)
    };
    let first = create(1, 0, Some(2)).unwrap();
    create(1, 1, Some(2)).unwrap();
    assert_eq!(create(1, 2, Some(2)), Err(Error::ResourceExhausted));
    // A capsule that exists is found, others may make their own, and some have no limit.
    assert_eq!(create(1, 0, Some(2)), Ok(first));
    create(2, 2, Some(2)).unwrap();
    create(1, 2, None).unwrap();
    assert_eq!(create(3, 0, Some(0)), Err(Error::ResourceExhausted));
}
