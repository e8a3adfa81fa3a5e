//! Tests of transfers: one gateway owns what another committed.

use super::beginnings::with_capsule;
use super::{CAPSULE, call, commit, gateway, is_conflict, is_invalid, person};
use crate::state::State;
use candid::Principal;
use canister_common::owners::MAX_TRANSFERS;
use capsule_shared::operators::GatewayTransfer;
use capsule_shared::{Error, Result};
use ic_stable_structures::VectorMemory;

/// Person 1 owns the capsule. Gateways 1 to 4 are registered, and each committed its session 1:
/// `mem_1` to `mem_4`.
fn four() -> (VectorMemory, State<VectorMemory>) {
    let (memory, mut state) = with_capsule();
    let index = &mut state.index;
    for n in 1..5 {
        let made = commit(person(1), CAPSULE, 1, 10);
        index.memory_commit(call(n, 2), made).unwrap();
        state.gateways.register(gateway(n)).unwrap();
    }
    (memory, state)
}

fn transfer(state: &mut State<VectorMemory>, from: u8, to: u8) -> Result<()> {
    state.gateways_transfer(gateway(from), gateway(to))
}

/// The owners of `mem_1` to `mem_4`. Each answer and each right must name the same one.
fn owners(state: &mut State<VectorMemory>) -> Vec<u8> {
    let owner = |number: u8| {
        let id = format!("mem_{number}");
        let index = &mut state.index;
        let memory = index.memory_find(person(1), &id).unwrap().memory;
        assert_eq!((memory.gateway, memory.session_id), (gateway(number), 1));
        let owner = memory.owner.unwrap();
        let stored = index.memories_of_store(memory.place.store, None, None);
        let stored = stored.unwrap().memories;
        assert!(stored.iter().any(|m| m.id == id && m.owner == owner));
        let (from, to) = (memory.place.store, gateway(50));
        for n in 1..5 {
            let may = gateway(n) == owner;
            // It changes the place twice, so that nothing is changed in the end.
            let moved = index.memory_relocate(call(n, 3), &id, from, to);
            assert_eq!(moved.is_ok(), may, "{moved:?}");
            if may {
                let back = index.memory_relocate(call(n, 3), &id, to, from);
                assert_eq!(back, Ok(()));
            }
            let trashed = index.memory_trash(call(n, 3), person(1), &id, 9);
            assert_eq!(trashed.is_ok(), may, "{trashed:?}");
            let restored = index.memory_restore(call(n, 3), person(1), &id);
            assert_eq!(restored.is_ok(), may, "{restored:?}");
            assert!(may || is_conflict(&restored));
        }
        (1..5).find(|n| gateway(*n) == owner).unwrap()
    };
    (1..5).map(owner).collect()
}

fn transfers(state: &State<VectorMemory>) -> Vec<(Principal, Principal)> {
    let transfers = state.index.owners.transfers().into_iter();
    transfers
        .map(|GatewayTransfer { from, to }| (from, to))
        .collect()
}

#[test]
fn everything_that_a_gateway_owns_goes_to_another_and_back() {
    let (memory, mut state) = four();
    assert_eq!(owners(&mut state), [1, 2, 3, 4]);
    for _ in 0..2 {
        assert_eq!(transfer(&mut state, 1, 2), Ok(()));
        assert_eq!(owners(&mut state), [2, 2, 3, 4]);
        state = State::open(memory.clone());
    }
    // Gateway 2 passes on its own memories and those that it got.
    assert_eq!(transfer(&mut state, 2, 3), Ok(()));
    assert_eq!(owners(&mut state), [3, 3, 3, 4]);
    let all = [(gateway(1), gateway(3)), (gateway(2), gateway(3))];
    assert_eq!(transfers(&state), all);
    // A transfer back returns all.
    assert_eq!(transfer(&mut state, 3, 2), Ok(()));
    assert_eq!(owners(&mut state), [2, 2, 2, 4]);
    let all = [(gateway(1), gateway(2)), (gateway(3), gateway(2))];
    assert_eq!(transfers(&state), all);
}

#[test]
fn a_gateway_that_handed_over_can_neither_give_nor_get() {
    let (_, mut state) = four();
    transfer(&mut state, 1, 2).unwrap();
    let gives = transfer(&mut state, 1, 3);
    assert!(is_conflict(&gives), "{gives:?}");
    let gets = transfer(&mut state, 3, 1);
    assert!(is_conflict(&gets), "{gets:?}");
    assert_eq!(owners(&mut state), [2, 2, 3, 4]);
    // A late repetition of a transfer that was followed by another changes nothing.
    transfer(&mut state, 2, 4).unwrap();
    assert!(is_conflict(&transfer(&mut state, 1, 2)));
    assert_eq!(owners(&mut state), [4, 4, 3, 4]);
}

#[test]
fn a_transfer_names_two_gateways_and_the_receiver_is_registered() {
    let (_, mut state) = four();
    assert!(is_invalid(&transfer(&mut state, 1, 1)));
    assert!(is_invalid(&transfer(&mut state, 1, 7)), "not registered");
    let nobody = state.gateways_transfer(gateway(1), Principal::management_canister());
    assert!(is_invalid(&nobody));
    assert_eq!(transfer(&mut state, 7, 1), Err(Error::NotFound));
    assert_eq!(transfers(&state), []);
    // A gateway that has left may be replaced all the same, and one that has no memory yet.
    state.gateways.unregister(gateway(1));
    assert_eq!(transfer(&mut state, 1, 2), Ok(()));
    state.gateways.register(gateway(7)).unwrap();
    assert_eq!(transfer(&mut state, 7, 2), Ok(()));
    assert_eq!(owners(&mut state), [2, 2, 3, 4]);
}

#[test]
fn sessions_stay_those_of_the_gateway_that_began_them() {
    let (_, mut state) = four();
    transfer(&mut state, 1, 2).unwrap();
    let index = &mut state.index;
    // Each gateway counts its sessions from 1, and both repeat their own commit.
    for (n, id) in [(1, "mem_1"), (2, "mem_2")] {
        let again = index.memory_commit(call(n, 5), commit(person(1), CAPSULE, 1, 10));
        assert_eq!(again.unwrap().id, id);
    }
    // The old gateway ends what it began, and the new one owns it.
    let late = index.memory_commit(call(1, 6), commit(person(1), CAPSULE, 2, 10));
    let late = late.unwrap();
    assert_eq!((late.id.as_str(), late.gateway), ("mem_5", gateway(1)));
    let old = index.memory_delete(call(1, 7), person(1), "mem_5");
    assert!(is_conflict(&old), "{old:?}");
    let new = index.memory_delete(call(2, 7), person(1), "mem_5");
    assert_eq!(new.unwrap().gateway, gateway(1));
}

#[test]
fn a_blob_id_of_two_stores_names_ones_own_blob_first() {
    let (_, mut state) = four();
    let blob = commit(person(1), CAPSULE, 1, 10).place.blob_id;
    for n in 1..5u8 {
        let (from, to) = (gateway(99), gateway(50 + n));
        let index = &mut state.index;
        let moved = index.memory_relocate(call(n, 3), &format!("mem_{n}"), from, to);
        moved.unwrap();
    }
    transfer(&mut state, 3, 2).unwrap();
    state.gateways.register(gateway(7)).unwrap();
    transfer(&mut state, 4, 7).unwrap();
    for (asking, store) in [(1, 51), (2, 52), (3, 53), (4, 54), (7, 54), (8, 51)] {
        let place = state.index.blob_locate(call(asking, 8), person(1), blob);
        assert_eq!(place.unwrap().store, gateway(store), "gateway {asking}");
    }
}

#[test]
fn the_number_of_transfers_has_a_limit() {
    let (_, mut state) = four();
    let many = |n: usize| Principal::from_slice(&[&[8], &n.to_be_bytes()[..]].concat());
    let owners = &mut state.index.owners;
    for n in 0..MAX_TRANSFERS {
        owners.transfer(many(n), gateway(1)).unwrap();
    }
    assert_eq!(transfer(&mut state, 1, 2), Err(Error::ResourceExhausted));
    assert_eq!(state.index.owners.owner_of(many(0)), gateway(1));
}
