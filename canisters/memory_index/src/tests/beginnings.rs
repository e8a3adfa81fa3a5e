//! Indexes with which tests begin, and the changes that most of them make.

use super::{CAPSULE, call, commit, gateway, person};
use crate::index::Index;
use crate::state::State;
use capsule_shared::Result;
use capsule_shared::memory_index::{Memory, Trash};
use capsule_shared::operators::Takedown;
use ic_stable_structures::{Memory as StableMemory, VectorMemory};

/// A canister controller who takes memories down.
pub const OPERATOR: u8 = 9;

/// Person 1 owns capsule 1, and so on for `people` persons.
pub fn with_capsules(people: u8) -> (VectorMemory, State<VectorMemory>) {
    let memory = VectorMemory::default();
    let state = with_capsules_in(memory.clone(), people);
    (memory, state)
}

pub fn with_capsules_in<M: StableMemory>(memory: M, people: u8) -> State<M> {
    let mut state = State::open(memory);
    for who in 1..=people {
        let made = state
            .index
            .capsule_create(call(1, 1), person(who), None, None);
        made.unwrap();
    }
    state
}

/// Person 1 owns [`CAPSULE`].
pub fn with_capsule() -> (VectorMemory, State<VectorMemory>) {
    with_capsules(1)
}

/// Person 1 has three memories of gateway 1 in the capsule: `mem_1` to `mem_3`, of 10 bytes each.
pub fn with_three() -> (VectorMemory, State<VectorMemory>, Vec<Memory>) {
    let (memory, mut state) = with_capsule();
    let memories = (1..4).map(|session| {
        let made = commit(person(1), CAPSULE, session, 10);
        state.index.memory_commit(call(1, session), made).unwrap()
    });
    let memories = memories.collect();
    (memory, state, memories)
}

/// Hides two of them: `mem_2` is in the trash until time 9, and `mem_3` was taken down at time 6.
pub fn with_hidden() -> (VectorMemory, State<VectorMemory>, Vec<Memory>) {
    let (memory, mut state, memories) = with_three();
    put_into_trash(&mut state.index, 5, "mem_2", 9);
    take_down(&mut state.index, 6, "mem_3").unwrap();
    (memory, state, memories)
}

/// Person 1 puts a memory of gateway 1 into the trash.
pub fn put_into_trash<M: StableMemory>(
    index: &mut Index<M>,
    now: u64,
    id: &str,
    purge_at: u64,
) -> Trash {
    let trashed = index.memory_trash(call(1, now), person(1), id, purge_at);
    trashed.unwrap()
}

pub fn take_down<M: StableMemory>(index: &mut Index<M>, now: u64, id: &str) -> Result<Takedown> {
    index.memory_takedown(call(OPERATOR, now), id)
}

/// Registers gateways 1 and 2, and hands the memories of the first over to the second.
pub fn transfer_1_to_2<M: StableMemory>(state: &mut State<M>) {
    for n in 1..3 {
        state.gateways.register(gateway(n)).unwrap();
    }
    state.gateways_transfer(gateway(1), gateway(2)).unwrap();
}
