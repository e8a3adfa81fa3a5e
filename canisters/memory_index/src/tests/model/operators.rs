//! The operators' view of the index is that of the model.

use super::kept::{Kept, Model};
use crate::state::State;
use crate::tests::{gateway, person};
use capsule_shared::operators::StoreUse;
use ic_stable_structures::VectorMemory;

pub fn check_operators(state: &State<VectorMemory>, model: &Model, now: u64) {
    let index = &state.index;
    let living = || {
        let all = (1..).zip(&model.memories);
        all.filter(|(_, m): &(u64, &Kept)| !m.deleted)
    };
    let id = |number: u64| format!("mem_{number}");

    let told = index.takedowns_list(None, None).unwrap().takedowns;
    let told = told.into_iter().map(|t| (t.memory_id, t.purged_at));
    let all = model.takedowns.iter();
    assert!(told.eq(all.map(|(number, purged_at)| (id(*number), *purged_at))));

    for (number, memory) in living() {
        for who in 1..4 {
            let found = index.memory_find(person(who), &id(number));
            assert_eq!(
                found.is_ok(),
                model.right(who, memory.capsule).is_ok() && !memory.taken_down
            );
            if let Ok(found) = found {
                assert_eq!(found.memory.owner, Some(gateway(memory.owner)));
                assert_eq!(found.memory.gateway, gateway(memory.gateway));
                assert_eq!(found.memory.place.store, gateway(memory.store));
            }
        }
    }

    let taken_down = living().filter(|(_, m)| m.taken_down).count();
    assert_eq!(index.taken_down() as usize, taken_down);

    let stores = index.stores_of_memories(None, None);
    if index.unplaced() > 0 {
        assert!(stores.unwrap_err().is_temporary());
        for n in 1..4 {
            let due = index.memories_due(gateway(n), now, None, None);
            assert!(due.unwrap_err().is_temporary());
        }
        for store in 97..100 {
            let told = index.memories_of_store(gateway(store), None, None);
            assert!(told.unwrap_err().is_temporary());
        }
        return;
    }
    let mut used = Vec::new();
    for store in 97..100 {
        let told = index.memories_of_store(gateway(store), None, None).unwrap();
        let told = told.memories.into_iter();
        let told = told.map(|m| (m.id, m.owner, m.place.size, m.in_trash, m.taken_down));
        let of_store = || living().filter(|(_, m)| m.store == store);
        let expected = of_store().map(|(number, m)| {
            let in_trash = m.purge_at.is_some() && !m.taken_down;
            let owner = gateway(m.owner);
            (id(number), owner, m.size, in_trash, m.taken_down)
        });
        assert!(told.eq(expected), "store {store}");
        let memories = of_store().count() as u64;
        if memories > 0 {
            used.push(StoreUse {
                store: gateway(store),
                memories,
                bytes: of_store().map(|(_, m)| m.size).sum(),
            });
        }
    }
    assert_eq!(stores.unwrap().stores, used);
    for n in 1..4 {
        let told = index.memories_due(gateway(n), now, None, None).unwrap();
        let told = told.memories.into_iter();
        let told: Vec<_> = told.map(|m| (m.gateway, m.purge_at, m.memory_id)).collect();
        let due = living().filter_map(|(number, m)| {
            let purge_at = m.purge_at.filter(|at| *at <= now && m.owner == n)?;
            Some((gateway(m.gateway), purge_at, id(number)))
        });
        let mut due: Vec<_> = due.collect();
        due.sort();
        assert_eq!(told, due, "gateway {n}");
    }
}
