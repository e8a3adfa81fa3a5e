//! Owns every stable `MemoryId` of the gateway. Each names a region of stable memory.
//!
//! An id never gets a second meaning: a changed layout takes new ids, and the old ones are listed
//! here as retired. Retired ids: none.

use canister_common::room::Room;
use canister_common::superblock::{self, Kind, Superblock};
use ic_stable_structures::memory_manager::{MemoryId, VirtualMemory};
use ic_stable_structures::{DefaultMemoryImpl, Memory};

/// Pages of 64 KiB in one bucket of the memory manager; it can't change after the install.
///
/// 32 pages (2 MiB) suffice: the gateway keeps records, not bytes of files. The manager has at
/// most 32,768 buckets, which make 64 GiB.
const BUCKET_PAGES: u16 = 32;

/// The stable memory that the canister grows ahead: 32 MiB. One message takes at most one bucket
/// for each region that it changes, and rarely more than one in all.
pub const ROOM: Room = Room {
    wanted: 16,
    least: 8,
    ahead: 0,
    heap_bytes: 0,
};

/// A cell: `Config`.
const CONFIG: MemoryId = MemoryId::new(0);
/// A cell: `Counters`, the next session id and the sessions by state.
const SESSION_COUNTERS: MemoryId = MemoryId::new(1);
/// `u64` (session id) to `SessionMeta`.
const SESSIONS: MemoryId = MemoryId::new(2);
/// `[u8; 32]` (hash of scope, owner and idempotency key) to `u64` (session id).
const SESSION_KEYS: MemoryId = MemoryId::new(3);
/// A set of `[u8; 17]`: kind, time and session id; see `session::timeline`.
const SESSION_TIMELINE: MemoryId = MemoryId::new(4);
/// `Principal` (owner) to `u32`, the number of its active sessions.
const SESSION_OWNERS: MemoryId = MemoryId::new(5);
/// A set of `(Principal, u64)`: owner and session id.
const SESSION_OWNED: MemoryId = MemoryId::new(6);
/// `String` (scope) to `ScopeUsage`, for scopes with active sessions.
const SESSION_SCOPES: MemoryId = MemoryId::new(7);
/// `u64` (session id) to `UploadMeta`.
const UPLOAD_META: MemoryId = MemoryId::new(8);
/// `u64` (session id) to `Rolling`, the midstate of the upload's hash.
const UPLOAD_HASH: MemoryId = MemoryId::new(9);
/// `u64` (session id) to `FinishRecord`.
const UPLOAD_FINISH: MemoryId = MemoryId::new(10);
/// `(u64, u64)` (due time in ns since 1970, sequence number) to `Job`.
const JOBS: MemoryId = MemoryId::new(11);
/// A cell: `u64`, the next sequence number of a job.
const JOB_COUNTER: MemoryId = MemoryId::new(12);
/// `String` (memory id) to `Deletion`.
const DELETIONS: MemoryId = MemoryId::new(13);
/// A set of `[u8; 46]`: owner, time of the last progress and id of pending sessions; see
/// `session::holders`.
const SESSION_IDLE: MemoryId = MemoryId::new(14);
/// A set of `[u8; 43]`: standing, active sessions, oldest progress and owner; see
/// `session::holders`.
const SESSION_HOLDERS: MemoryId = MemoryId::new(15);
/// `u64` (session id) to `Ended`, for sessions that ended lately.
const SESSION_ENDED: MemoryId = MemoryId::new(16);
/// `(u8, Principal)` (kind of mark, principal) to `Mark`; see `upload::people`.
const PEOPLE: MemoryId = MemoryId::new(17);
/// `(u8, Principal)` (kind of budget, principal) to `Flow`; see `upload::flows`.
const FLOWS: MemoryId = MemoryId::new(18);
/// A cell: `PeopleCounts`, how many principals have each mark.
const PEOPLE_COUNTS: MemoryId = MemoryId::new(19);
/// The superblock; see `canister_common::superblock`.
const SUPERBLOCK: MemoryId = MemoryId::new(20);
/// A cell: `Counts`, how many jobs there are of each kind.
const JOB_COUNTS: MemoryId = MemoryId::new(21);

/// `String` (memory id) to `Trashing`.
const TRASHINGS: MemoryId = MemoryId::new(25);
/// `Principal` (store) to `Noted`; see `upload::registry`.
const STORES: MemoryId = MemoryId::new(26);
/// `[u8; 32]` (blob key) to `Move`; see `upload::moves`.
const MOVES: MemoryId = MemoryId::new(27);

/// The layout that this module writes. Raise `schema` when a module of the present one can't read
/// a new layout, and raise `lowest_reader` to the lowest schema that can.
const LAYOUT: Superblock = Superblock {
    kind: Kind::UploadGateway,
    schema: 1,
    lowest_reader: 1,
};

pub type StableMemory = VirtualMemory<DefaultMemoryImpl>;

/// The regions of the session layer.
pub struct SessionRegions<M> {
    pub counters: M,
    pub sessions: M,
    pub keys: M,
    pub timeline: M,
    pub owners: M,
    pub owned: M,
    pub scopes: M,
    pub idle: M,
    pub holders: M,
    pub ended: M,
}

/// The regions of the whole gateway.
pub struct Regions<M> {
    pub config: M,
    pub sessions: SessionRegions<M>,
    pub upload_meta: M,
    pub upload_hash: M,
    pub upload_finish: M,
    pub jobs: M,
    pub job_counter: M,
    pub job_counts: M,
    pub deletions: M,
    pub people: M,
    pub people_counts: M,
    pub flows: M,
    pub trashings: M,
    pub stores: M,
    pub moves: M,
}

impl<M: Memory> Regions<VirtualMemory<M>> {
    /// Opens the regions that `memory` holds, or lays them out if it is empty. Panics if another
    /// canister or a newer release wrote it; then nothing is changed.
    pub fn open(memory: M) -> Self {
        assert_eq!(LAYOUT.kind.region(), SUPERBLOCK, "BUG: it lies elsewhere");
        let manager = superblock::open(memory, LAYOUT, BUCKET_PAGES)
            .unwrap_or_else(|refusal| panic!("{refusal}"));
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
                idle: get(SESSION_IDLE),
                holders: get(SESSION_HOLDERS),
                ended: get(SESSION_ENDED),
            },
            upload_meta: get(UPLOAD_META),
            upload_hash: get(UPLOAD_HASH),
            upload_finish: get(UPLOAD_FINISH),
            jobs: get(JOBS),
            job_counter: get(JOB_COUNTER),
            job_counts: get(JOB_COUNTS),
            deletions: get(DELETIONS),
            people: get(PEOPLE),
            people_counts: get(PEOPLE_COUNTS),
            flows: get(FLOWS),
            trashings: get(TRASHINGS),
            stores: get(STORES),
            moves: get(MOVES),
        }
    }
}
