//! Owns every stable `MemoryId` of the gateway. An id is never given a second meaning: a layout that changes takes new
//! ids, and the old ones are listed here as retired (none so far).

use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{DefaultMemoryImpl, Memory};

/// 2 MiB buckets: the gateway keeps records, not bytes of files, and 32,768 of them make 64 GiB.
const BUCKET_PAGES: u16 = 32;

const CONFIG: MemoryId = MemoryId::new(0);
const SESSION_COUNTERS: MemoryId = MemoryId::new(1);
const SESSIONS: MemoryId = MemoryId::new(2);
const SESSION_KEYS: MemoryId = MemoryId::new(3);
const SESSION_TIMELINE: MemoryId = MemoryId::new(4);
const SESSION_OWNERS: MemoryId = MemoryId::new(5);
const SESSION_OWNED: MemoryId = MemoryId::new(6);
const SESSION_SCOPES: MemoryId = MemoryId::new(7);
const UPLOAD_META: MemoryId = MemoryId::new(8);
const UPLOAD_HASH: MemoryId = MemoryId::new(9);
const UPLOAD_FINISH: MemoryId = MemoryId::new(10);
const JOBS: MemoryId = MemoryId::new(11);
const JOB_COUNTER: MemoryId = MemoryId::new(12);
const DELETIONS: MemoryId = MemoryId::new(13);

pub type StableMemory = VirtualMemory<DefaultMemoryImpl>;

/// The memories of the session layer.
pub struct SessionRegions<M> {
    pub counters: M,
    pub sessions: M,
    pub keys: M,
    pub timeline: M,
    pub owners: M,
    pub owned: M,
    pub scopes: M,
}

/// The memories of the whole gateway.
pub struct Regions<M> {
    pub config: M,
    pub sessions: SessionRegions<M>,
    pub upload_meta: M,
    pub upload_hash: M,
    pub upload_finish: M,
    pub jobs: M,
    pub job_counter: M,
    pub deletions: M,
}

/// Lays the gateway's memories out in one stable memory, or finds them there.
pub fn regions<M: Memory>(memory: M) -> Regions<VirtualMemory<M>> {
    let manager = MemoryManager::init_with_bucket_size(memory, BUCKET_PAGES);
    let get = |id| manager.get(id);
    Regions {
        config: get(CONFIG),
        sessions: SessionRegions {
            counters: get(SESSION_COUNTERS),
            sessions: get(SESSIONS),
            keys: get(SESSION_KEYS),
            timeline: get(SESSION_TIMELINE),
            owners: get(SESSION_OWNERS),
            owned: get(SESSION_OWNED),
            scopes: get(SESSION_SCOPES),
        },
        upload_meta: get(UPLOAD_META),
        upload_hash: get(UPLOAD_HASH),
        upload_finish: get(UPLOAD_FINISH),
        jobs: get(JOBS),
        job_counter: get(JOB_COUNTER),
        deletions: get(DELETIONS),
    }
}
