//! Owns every stable `MemoryId` of the memory index. An id is never given a second meaning: a layout that changes takes
//! new ids, and the old ones are listed here as retired (none so far).

use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};

/// Pages of 64 KiB in one bucket of the memory manager; it can't be changed once a canister is installed.
///
/// 32 pages (2 MiB), of which the manager has at most 32,768, reach 64 GiB: some ten million memories of a few KiB. The
/// nine memories here take 18 MiB at least.
pub const BUCKET_PAGES: u16 = 32;

/// The ids that come next; see `record::Counters`.
const COUNTERS: MemoryId = MemoryId::new(0);
/// `u64` (number of the capsule) to `record::CapsuleRecord`.
const CAPSULES: MemoryId = MemoryId::new(1);
/// Owner and subject (see `index::subject_key`) to the `u64` number of their capsule.
const CAPSULES_BY_SUBJECT: MemoryId = MemoryId::new(2);
/// A set of `(Principal, u64)`: who has rights in which capsule.
const CAPSULES_BY_MEMBER: MemoryId = MemoryId::new(3);
/// `u64` (number of the memory) to `record::MemoryRecord`.
const MEMORIES: MemoryId = MemoryId::new(4);
/// A set of `(u64, u64)`: capsule and memory.
const MEMORIES_BY_CAPSULE: MemoryId = MemoryId::new(5);
/// `(Principal, u64)`, gateway and session, to the `u64` number of the memory that it committed. It stays when the memory
/// is deleted, so that the same commit, repeated late, doesn't bring it back.
const MEMORIES_BY_SESSION: MemoryId = MemoryId::new(6);
/// A set of `(u64, u64)`: blob id and memory.
const MEMORIES_BY_BLOB: MemoryId = MemoryId::new(7);
/// The registered gateways: a set of principals.
const GATEWAYS: MemoryId = MemoryId::new(8);

/// One memory for each stable structure.
pub struct Regions<M: Memory> {
    pub counters: VirtualMemory<M>,
    pub capsules: VirtualMemory<M>,
    pub capsules_by_subject: VirtualMemory<M>,
    pub capsules_by_member: VirtualMemory<M>,
    pub memories: VirtualMemory<M>,
    pub memories_by_capsule: VirtualMemory<M>,
    pub memories_by_session: VirtualMemory<M>,
    pub memories_by_blob: VirtualMemory<M>,
    pub gateways: VirtualMemory<M>,
}

impl<M: Memory> Regions<M> {
    /// Opens what is there, or lays it out in an empty memory.
    pub fn open(memory: M) -> Self {
        let manager = MemoryManager::init_with_bucket_size(memory, BUCKET_PAGES);
        Self {
            counters: manager.get(COUNTERS),
            capsules: manager.get(CAPSULES),
            capsules_by_subject: manager.get(CAPSULES_BY_SUBJECT),
            capsules_by_member: manager.get(CAPSULES_BY_MEMBER),
            memories: manager.get(MEMORIES),
            memories_by_capsule: manager.get(MEMORIES_BY_CAPSULE),
            memories_by_session: manager.get(MEMORIES_BY_SESSION),
            memories_by_blob: manager.get(MEMORIES_BY_BLOB),
            gateways: manager.get(GATEWAYS),
        }
    }
}
