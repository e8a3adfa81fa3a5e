//! Random histories against a simple model. After every step the counters are those of a scan, and
//! nobody sees memories of others. A restart opens the same stable memory again.

mod check;
mod kept;
mod op;
mod operators;

use super::sha256::{age, slice};
use super::{call, commit, gateway, person, same_error};
use crate::state::State;
use check::check;
use ic_stable_structures::VectorMemory;
use kept::{Kept, Model};
use op::{FIRST_STORE, Op, STAY, op};
use operators::check_operators;
use proptest::prelude::*;

fn step(
    memory: &VectorMemory,
    state: &mut State<VectorMemory>,
    model: &mut Model,
    now: u64,
    op: Op,
) {
    match op {
        Op::Restart => {
            let unplaced = state.index.unplaced();
            *state = State::open(memory.clone());
            assert_eq!(state.index.unplaced(), unplaced);
        }
        Op::Age => {
            age(state);
            *state = State::open(memory.clone());
            let made = model.memories.len() as u64;
            assert_eq!(state.index.unplaced(), made);
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
                taken_down: false,
                store: FIRST_STORE,
                owner: gateway,
            };
            match model.commit(kept) {
                Ok(number) => {
                    let made = result.unwrap();
                    assert_eq!(made.id, format!("mem_{number}"));
                    let store = model.memories[number as usize - 1].store;
                    assert_eq!(made.place.store, crate::tests::gateway(store));
                }
                Err(error) => same_error(result, error),
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
                Err(error) => same_error(result, error),
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
                Err(error) => same_error(result, error),
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
                Err(error) => same_error(result, error),
            }
        }
        Op::Relocate {
            gateway,
            memory,
            from,
            to,
        } => {
            let id = format!("mem_{memory}");
            let (from_id, to_id) = (crate::tests::gateway(from), crate::tests::gateway(to));
            let index = &mut state.index;
            let result = index.memory_relocate(call(gateway, now), &id, from_id, to_id);
            match model.relocate(gateway, memory, from, to) {
                Ok(()) => assert_eq!(result, Ok(())),
                Err(error) => same_error(result, error),
            }
        }
        Op::Takedown { memory } => {
            let id = format!("mem_{memory}");
            let result = state.index.memory_takedown(call(9, now), &id);
            match model.takedown(memory, now) {
                Ok(()) => assert_eq!(result.unwrap().memory_id, id),
                Err(error) => same_error(result, error),
            }
        }
        Op::Transfer { from, to } => {
            let (from_id, to_id) = (gateway(from), gateway(to));
            let result = state.gateways_transfer(from_id, to_id);
            match model.transfer(from, to) {
                Ok(()) => assert_eq!(result, Ok(())),
                Err(error) => same_error(result, error),
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
                Err(error) => same_error(result, error),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn histories_agree_with_the_model(ops in proptest::collection::vec(op(), 1..80)) {
        let memory = VectorMemory::default();
        let mut state = State::open(memory.clone());
        for n in 1..4 {
            state.gateways.register(gateway(n)).unwrap();
        }
        let mut model = Model::default();
        for (now, op) in ops.into_iter().enumerate() {
            step(&memory, &mut state, &mut model, now as u64, op);
            check(&state, &model);
            check_operators(&state, &model, now as u64);
        }
    }
}
