//! The order of a commit: first the record of an earlier one, then room, then the memory.

use capsule_shared::Result;
use capsule_shared::memory_index::{Memory, MemoryCommit};

/// Has `make` commit an upload after `room` made room for its records.
///
/// A repeated commit stores nothing: `committed` answers it, and no room is asked for. A refusal
/// would end its upload. `room` may await, and the same commit may run meanwhile. So `make` answers
/// a repeated commit, too.
pub async fn commit_in_order(
    commit: MemoryCommit,
    committed: impl FnOnce(&MemoryCommit) -> Option<Result<Memory>>,
    room: impl Future<Output = Result<()>>,
    make: impl FnOnce(MemoryCommit) -> Result<Memory>,
) -> Result<Memory> {
    if let Some(answer) = committed(&commit) {
        return answer;
    }
    room.await?;
    make(commit)
}
