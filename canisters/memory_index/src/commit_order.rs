//! The order of a commit: first the record of an earlier one, then room, then the memory.

use crate::index::Call;
use crate::state::State;
use capsule_shared::Result;
use capsule_shared::memory_index::{Memory, MemoryCommit};
use ic_stable_structures::Memory as StableMemory;
use std::cell::RefCell;
use std::thread::LocalKey;

/// Commits an upload after `room` made room for its records.
///
/// A repeated commit stores nothing, so it never asks for room. A refusal would end its upload.
/// `call` is asked again after `room`, which may await. The same commit may run meanwhile.
pub async fn commit_in_order<M: StableMemory>(
    state: &'static LocalKey<RefCell<State<M>>>,
    call: impl Fn() -> Call,
    commit: MemoryCommit,
    room: impl Future<Output = Result<()>>,
) -> Result<Memory> {
    let repeated = state.with_borrow(|state| state.index.committed(call(), &commit));
    if let Some(answer) = repeated {
        return answer;
    }
    room.await?;
    state.with_borrow_mut(|state| state.index.memory_commit(call(), commit))
}
