//! Random histories against a simple model. After every step the counters are those of a scan, and
//! nobody sees memories of others. A restart opens the same stable memory again.

use super::{call, commit, gateway, is_conflict, person};
use crate::state::State;
use capsule_shared::Error;
use ic_stable_structures::VectorMemory;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Op {
    Create {
        who: u8,
    },
    Commit {
        gateway: u8,
        who: u8,
        capsule: u8,
        session: u64,
        size: u64,
    },
    Delete {
        gateway: u8,
        who: u8,
        memory: u64,
    },
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let gateway = || prop_oneof![4 => Just(1u8), 1 => Just(2u8)];
    prop_oneof![
        2 => (1..4u8).prop_map(|who| Op::Create { who }),
        8 => (gateway(), 1..4u8, 1..4u8, 1..6u64, 1..3u64).prop_map(
            |(gateway, who, capsule, session, size)| {
                Op::Commit { gateway, who, capsule, session, size }
            }
        ),
        4 => (gateway(), 1..4u8, 1..8u64)
            .prop_map(|(gateway, who, memory)| Op::Delete { gateway, who, memory }),
        1 => Just(Op::Restart),
    ]
}

#[derive(Clone, Debug, PartialEq)]
struct Kept {
    gateway: u8,
    session: u64,
    who: u8,
    capsule: u8,
    size: u64,
    deleted: bool,
}

#[derive(Default)]
struct Model {
    /// The owner of each capsule. A capsule's position is its number less one.
    capsules: Vec<u8>,
    /// A memory's position is its number less one.
    memories: Vec<Kept>,
}

impl Model {
    fn right(&self, who: u8, capsule: u8) -> Result<(), Error> {
        let owner = self.capsules.get(capsule as usize - 1);
        match owner.ok_or(Error::NotFound)? {
            owner if *owner == who => Ok(()),
            _ => Err(Error::Unauthorized),
        }
    }

    /// The number of the memory, or the error; a `Conflict` has no text.
    fn commit(&mut self, new: Kept) -> Result<u64, Error> {
        let same = |m: &&Kept| (m.gateway, m.session) == (new.gateway, new.session);
        if let Some(at) = self.memories.iter().position(|m| same(&m)) {
            let there = &self.memories[at];
            return if there.deleted {
                Err(Error::NotFound)
            } else if *there == new {
                Ok(at as u64 + 1)
            } else {
                Err(Error::conflict(""))
            };
        }
        self.right(new.who, new.capsule)?;
        self.memories.push(new);
        Ok(self.memories.len() as u64)
    }

    fn delete(&mut self, gateway: u8, who: u8, memory: u64) -> Result<(), Error> {
        let there = self.memories.get(memory as usize - 1).cloned();
        let there = there.filter(|m| !m.deleted).ok_or(Error::NotFound)?;
        self.right(who, there.capsule)?;
        if there.gateway != gateway {
            return Err(Error::conflict(""));
        }
        self.memories[memory as usize - 1].deleted = true;
        Ok(())
    }
}

fn step(
    memory: &VectorMemory,
    state: &mut State<VectorMemory>,
    model: &mut Model,
    now: u64,
    op: Op,
) {
    match op {
        Op::Restart => *state = State::open(memory.clone()),
        Op::Create { who } => {
            let made = state
                .index
                .capsule_create(call(1, now), person(who), None, None);
            if !model.capsules.contains(&who) {
                model.capsules.push(who);
            }
            let at = model
                .capsules
                .iter()
                .position(|owner| *owner == who)
                .unwrap();
            assert_eq!(made.unwrap().id, format!("capsule-{}", at + 1));
        }
        Op::Commit {
            gateway,
            who,
            capsule,
            session,
            size,
        } => {
            let asked = commit(person(who), &format!("capsule-{capsule}"), session, size);
            let result = state.index.memory_commit(call(gateway, now), asked);
            let kept = Kept {
                gateway,
                session,
                who,
                capsule,
                size,
                deleted: false,
            };
            match model.commit(kept) {
                Ok(number) => assert_eq!(result.unwrap().id, format!("mem_{number}")),
                Err(Error::Conflict(_)) => assert!(is_conflict(&result)),
                Err(error) => assert_eq!(result, Err(error)),
            }
        }
        Op::Delete {
            gateway,
            who,
            memory,
        } => {
            let id = format!("mem_{memory}");
            let result = state
                .index
                .memory_delete(call(gateway, now), person(who), &id);
            match model.delete(gateway, who, memory) {
                Ok(()) => assert_eq!(result.unwrap().id, id),
                Err(Error::Conflict(_)) => assert!(is_conflict(&result)),
                Err(error) => assert_eq!(result, Err(error)),
            }
        }
    }
}

fn check(state: &State<VectorMemory>, model: &Model) {
    let index = &state.index;
    let living = || {
        let all = model.memories.iter().enumerate();
        all.filter(|(_, m)| !m.deleted)
            .map(|(at, m)| (at as u64 + 1, m))
    };
    for (capsule, who) in (1..4u8).flat_map(|capsule| (1..4u8).map(move |who| (capsule, who))) {
        let id = format!("capsule-{capsule}");
        let right = model.right(who, capsule);
        let page = index.memory_list(person(who), &id, None, None);
        let usage = index.capsule_usage(person(who), &id);
        if let Err(error) = right {
            assert_eq!((page, usage), (Err(error.clone()), Err(error)));
            continue;
        }
        let own: BTreeMap<String, u64> = living()
            .filter(|(_, m)| m.capsule == capsule)
            .map(|(number, m)| (format!("mem_{number}"), m.size))
            .collect();
        let listed: BTreeMap<String, u64> = page
            .unwrap()
            .memories
            .into_iter()
            .map(|m| (m.id, m.size))
            .collect();
        assert_eq!(listed, own);
        let usage = usage.unwrap();
        assert_eq!(usage.memory_count as usize, own.len());
        assert_eq!(usage.stored_bytes, own.values().sum::<u64>());
    }
    for (number, memory) in living() {
        for who in 1..4 {
            let read = index.memory_read(person(who), &format!("mem_{number}"));
            match model.right(who, memory.capsule) {
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
    assert_eq!(index.by_capsule.len(), count);
    assert_eq!(index.by_blob.len(), count);
    assert_eq!(index.by_session.len() as usize, model.memories.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn histories_agree_with_the_model(ops in proptest::collection::vec(op(), 1..50)) {
        let memory = VectorMemory::default();
        let mut state = State::open(memory.clone());
        let mut model = Model::default();
        for (now, op) in ops.into_iter().enumerate() {
            step(&memory, &mut state, &mut model, now as u64, op);
            check(&state, &model);
        }
    }
}
