//! The members' view of the index is that of the model.

use super::kept::Model;
use crate::memories::page::Order;
use crate::state::State;
use crate::tests::{call, gateway, person};
use capsule_shared::Error;
use ic_stable_structures::VectorMemory;
use std::collections::BTreeMap;

pub fn check(state: &State<VectorMemory>, model: &Model) {
    let index = &state.index;
    let living = || {
        let all = model.memories.iter().enumerate();
        all.filter(|(_, m)| !m.deleted)
            .map(|(at, m)| (at as u64 + 1, m))
    };
    for (capsule, who) in (1..4u8).flat_map(|capsule| (1..4u8).map(move |who| (capsule, who))) {
        let id = format!("capsule-{capsule}");
        let right = model.right(who, capsule);
        let page = index.memory_list(person(who), &id, None, None, Order::OldestFirst);
        let usage = index.capsule_usage(person(who), &id);
        if let Err(error) = right {
            let found = index.memory_find_sha256(person(who), &id, &[1; 32]);
            assert_eq!(found, Err(error.clone()));
            assert_eq!((page, usage), (Err(error.clone()), Err(error)));
            continue;
        }
        let of_capsule = || living().filter(|(_, m)| m.capsule == capsule);
        let own: BTreeMap<String, u64> = of_capsule()
            .filter(|(_, m)| m.purge_at.is_none())
            .map(|(number, m)| (format!("mem_{number}"), m.size))
            .collect();
        let trash: BTreeMap<String, u64> = of_capsule()
            .filter(|(_, m)| !m.taken_down)
            .filter_map(|(number, m)| Some((format!("mem_{number}"), m.purge_at?)))
            .collect();
        let page_of_trash = index.memory_trash_list(person(who), &id, None, None);
        let trashed: BTreeMap<String, u64> = page_of_trash
            .unwrap()
            .memories
            .into_iter()
            .map(|m| (m.memory.id, m.trash.purge_at))
            .collect();
        assert_eq!(trashed, trash);
        let listed = page.unwrap().memories;
        let mut newest = listed.clone();
        newest.reverse();
        let reversed = index.memory_list(person(who), &id, None, None, Order::NewestFirst);
        assert_eq!(reversed.unwrap().memories, newest);
        for session in 1..6u8 {
            let sha256 = [session; 32];
            let found = index.memory_find_sha256(person(who), &id, &sha256);
            let missing =
                of_capsule().any(|(number, m)| m.purge_at.is_none() && number <= index.unplaced());
            match found {
                Ok(found) => {
                    assert!(!missing);
                    let same = newest.iter().filter(|m| m.sha256[..] == sha256);
                    assert!(found.iter().eq(same), "{found:?}");
                }
                Err(error) => assert!(missing && error.is_temporary(), "{error}"),
            }
        }
        let listed: BTreeMap<String, u64> = listed.into_iter().map(|m| (m.id, m.size)).collect();
        assert_eq!(listed, own);
        let usage = usage.unwrap();
        assert_eq!(usage.memory_count as usize, of_capsule().count());
        let bytes: u64 = of_capsule().map(|(_, m)| m.size).sum();
        assert_eq!(usage.stored_bytes, bytes);
        let info = index.capsule_read(person(who), Some(&id)).unwrap();
        assert_eq!(info.memory_count as usize, own.len());
        let record = index.capsules.get(&capsule.into()).unwrap();
        let metadata = of_capsule().map(|(number, _)| {
            let memory = index.memories.get(&number).unwrap();
            memory.metadata_bytes.unwrap()
        });
        assert_eq!(record.metadata_bytes.unwrap_or(0), metadata.sum::<u64>());
    }
    for (number, memory) in living() {
        for who in 1..4 {
            let read = index.memory_read(person(who), &format!("mem_{number}"));
            match model.right(who, memory.capsule) {
                _ if memory.taken_down => assert_eq!(read, Err(Error::NotFound)),
                Ok(()) if memory.purge_at.is_some() => {
                    assert_eq!(read, Err(Error::NotFound));
                }
                Ok(()) => {
                    let read = read.unwrap();
                    assert_eq!(read.gateway, gateway(memory.gateway));
                    let located =
                        index.blob_locate(call(memory.gateway, 0), person(who), read.place.blob_id);
                    assert_eq!(located, Ok(read.place));
                }
                Err(error) => assert_eq!(read, Err(error)),
            }
        }
    }
    let count = living().count() as u64;
    assert_eq!(index.memories.len(), count);
    let trashed = living().filter(|(_, m)| m.purge_at.is_some()).count() as u64;
    let taken_down = living().filter(|(_, m)| m.taken_down).count() as u64;
    assert_eq!(index.trash.len(), trashed - taken_down);
    assert_eq!(index.by_capsule.len(), count - trashed);
    assert_eq!(index.by_blob.len(), count - trashed);
    if index.unplaced() == 0 {
        assert_eq!(index.by_sha256.len(), count - trashed);
        assert_eq!(index.purges.len(), trashed);
        assert_eq!(index.by_store.len(), count);
    }
    assert_eq!(
        index.grants_by_member.len() as usize,
        model.controllers.len()
    );
    for who in 1..4u8 {
        let granted = model
            .controllers
            .iter()
            .filter(|(capsule, _)| model.capsules[*capsule as usize - 1] == who);
        let counted = index.grants_by_granter.get(&person(who)).unwrap_or(0);
        assert_eq!(counted as usize, granted.count());
        let own = model.capsules.iter().position(|owner| *owner == who);
        let shared = model.controllers.iter().filter(|(_, whom)| *whom == who);
        let listed = index.capsule_list(person(who));
        assert_eq!(listed.len(), shared.count() + usize::from(own.is_some()));
        if let Some(at) = own {
            assert_eq!(listed[0].id, format!("capsule-{}", at + 1));
        }
    }
    assert_eq!(index.by_session.len() as usize, model.memories.len());
}
