//! Random histories against a simple model. After every step the counters are those of a scan, and
//! nobody sees memories of others. A restart opens the same stable memory again.

use super::sha256::{age, slice};
use super::{call, commit, gateway, is_conflict, person};
use crate::memories::page::Order;
use crate::state::State;
use capsule_shared::Error;
use ic_stable_structures::VectorMemory;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

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
    Trash {
        gateway: u8,
        who: u8,
        memory: u64,
    },
    Restore {
        gateway: u8,
        who: u8,
        memory: u64,
    },
    /// Ends the stay in the trash that began so many steps ago.
    Expire {
        gateway: u8,
        memory: u64,
        ago: u64,
    },
    /// The owner of the capsule makes `whom` a controller, or `whom` leaves.
    Grant {
        capsule: u8,
        whom: u8,
        add: bool,
    },
    Restart,
    /// Makes the state look as release 0.1.0 left it, and restarts.
    Age,
    /// Enters this many memories by their SHA-256.
    Enter {
        memories: u32,
    },
}

/// How many steps a memory stays in the trash.
const STAY: u64 = 3;

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
        5 => (gateway(), 1..4u8, 1..8u64)
            .prop_map(|(gateway, who, memory)| Op::Trash { gateway, who, memory }),
        3 => (gateway(), 1..4u8, 1..8u64)
            .prop_map(|(gateway, who, memory)| Op::Restore { gateway, who, memory }),
        4 => (gateway(), 1..8u64, 1..6u64)
            .prop_map(|(gateway, memory, ago)| Op::Expire { gateway, memory, ago }),
        3 => (1..4u8, 1..4u8, any::<bool>())
            .prop_map(|(capsule, whom, add)| Op::Grant { capsule, whom, add }),
        1 => Just(Op::Restart),
        1 => Just(Op::Age),
        3 => (1..4u32).prop_map(|memories| Op::Enter { memories }),
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
    /// When it goes, while it is in the trash.
    purge_at: Option<u64>,
}

#[derive(Default)]
struct Model {
    /// The owner of each capsule. A capsule's position is its number less one.
    capsules: Vec<u8>,
    /// The controllers of each capsule.
    controllers: BTreeSet<(u8, u8)>,
    /// A memory's position is its number less one.
    memories: Vec<Kept>,
}

impl Model {
    fn right(&self, who: u8, capsule: u8) -> Result<(), Error> {
        let owner = self.capsules.get(capsule as usize - 1);
        match owner.ok_or(Error::NotFound)? {
            owner if *owner == who => Ok(()),
            _ if self.controllers.contains(&(capsule, who)) => Ok(()),
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
            } else if (Kept {
                purge_at: None,
                ..there.clone()
            }) == new
            {
                Ok(at as u64 + 1)
            } else {
                Err(Error::conflict(""))
            };
        }
        self.right(new.who, new.capsule)?;
        self.memories.push(new);
        Ok(self.memories.len() as u64)
    }

    fn there(&self, memory: u64) -> Result<&Kept, Error> {
        let there = self.memories.get(memory as usize - 1);
        there.filter(|m| !m.deleted).ok_or(Error::NotFound)
    }

    /// The memory, if `who` may change it through this gateway.
    fn own(&mut self, gateway: u8, who: u8, memory: u64) -> Result<&mut Kept, Error> {
        let there = self.there(memory)?;
        self.right(who, there.capsule)?;
        if there.gateway != gateway {
            return Err(Error::conflict(""));
        }
        Ok(&mut self.memories[memory as usize - 1])
    }

    fn expire(&mut self, gateway: u8, memory: u64, now: u64, at: u64) -> Result<(), Error> {
        let there = self.there(memory)?;
        if there.gateway != gateway || there.purge_at != Some(at) {
            return Err(Error::conflict(""));
        }
        if now < at {
            return Err(Error::temporary(""));
        }
        self.memories[memory as usize - 1].deleted = true;
        Ok(())
    }

    fn grant(&mut self, capsule: u8, whom: u8, add: bool) -> Result<(), Error> {
        let owner = *self
            .capsules
            .get(capsule as usize - 1)
            .ok_or(Error::NotFound)?;
        if add && owner == whom {
            return Err(Error::invalid(""));
        }
        if !add {
            self.right(whom, capsule)?;
            self.controllers.remove(&(capsule, whom));
        } else {
            self.controllers.insert((capsule, whom));
        }
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
        Op::Age => {
            age(state);
            *state = State::open(memory.clone());
            assert_eq!(state.index.unentered(), model.memories.len() as u64);
        }
        Op::Enter { memories } => slice(state, memories),
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
                purge_at: None,
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
            match model.own(gateway, who, memory) {
                Ok(kept) => {
                    kept.deleted = true;
                    assert_eq!(result.unwrap().id, id);
                }
                Err(Error::Conflict(_)) => assert!(is_conflict(&result)),
                Err(error) => assert_eq!(result, Err(error)),
            }
        }
        Op::Trash {
            gateway,
            who,
            memory,
        } => {
            let id = format!("mem_{memory}");
            let index = &mut state.index;
            let result = index.memory_trash(call(gateway, now), person(who), &id, now + STAY);
            match model.own(gateway, who, memory) {
                Ok(kept) => {
                    let purge_at = *kept.purge_at.get_or_insert(now + STAY);
                    assert_eq!(result.unwrap().purge_at, purge_at);
                }
                Err(error) => same_error(result.map(drop), error),
            }
        }
        Op::Restore {
            gateway,
            who,
            memory,
        } => {
            let id = format!("mem_{memory}");
            let index = &mut state.index;
            let result = index.memory_restore(call(gateway, now), person(who), &id);
            match model.own(gateway, who, memory) {
                Ok(kept) => {
                    kept.purge_at = None;
                    assert_eq!(result, Ok(()));
                }
                Err(error) => same_error(result, error),
            }
        }
        Op::Expire {
            gateway,
            memory,
            ago,
        } => {
            let at = (now + STAY).saturating_sub(ago);
            let index = &mut state.index;
            let result = index.memory_expire(call(gateway, now), &format!("mem_{memory}"), at);
            match model.expire(gateway, memory, now, at) {
                Ok(()) => assert!(result.is_ok()),
                Err(error) => same_error(result.map(drop), error),
            }
        }
        Op::Grant { capsule, whom, add } => {
            let owner = model
                .capsules
                .get(capsule as usize - 1)
                .copied()
                .unwrap_or(1);
            let id = format!("capsule-{capsule}");
            let (index, call, whom_id) = (&mut state.index, call(1, now), person(whom));
            let result = match add {
                true => index.capsule_add_controller(call, person(owner), &id, whom_id),
                false => index.capsule_remove_controller(call, whom_id, &id, whom_id),
            };
            match model.grant(capsule, whom, add) {
                Ok(()) => assert!(result.is_ok()),
                Err(error) => same_error(result.map(drop), error),
            }
        }
    }
}

/// Two errors are the same if their variants are; texts may differ.
fn same_error(result: Result<(), Error>, expected: Error) {
    let variant = std::mem::discriminant::<Error>;
    let error = result.unwrap_err();
    assert_eq!(
        variant(&error),
        variant(&expected),
        "{error} for {expected}"
    );
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
                of_capsule().any(|(number, m)| m.purge_at.is_none() && number <= index.unentered());
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
        assert_eq!(usage.memory_count as usize, own.len() + trash.len());
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
    assert_eq!(index.trash.len(), trashed);
    assert_eq!(index.by_capsule.len(), count - trashed);
    assert_eq!(index.by_blob.len(), count - trashed);
    if index.unentered() == 0 {
        assert_eq!(index.by_sha256.len(), count - trashed);
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
