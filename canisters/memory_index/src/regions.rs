//! Owns every region of the memory index.
//!
//! A region's id never gets a second meaning. A changed layout takes new ids, and the old ones are
//! listed here as retired (none so far).

use canister_common::room::Room;
use canister_common::superblock::{self, Kind, Superblock};
use ic_stable_structures::Memory;
// `ids::MemoryId` names a user's memory. The memory manager's type of this name is a region's id.
use ic_stable_structures::memory_manager::{MemoryId as RegionId, VirtualMemory};

/// Pages of 64 KiB in one bucket of the memory manager. An installed canister can't change it.
///
/// The manager has at most 32,768 buckets. With 32 pages (2 MiB) each they reach 64 GiB: some ten
/// million memories of a few KiB. Each region here takes 2 MiB at least.
pub const BUCKET_PAGES: u16 = 32;

/// The stable memory that the canister grows ahead: 44 MiB, by its timer up to 60 MiB. One message
/// takes at most one bucket for each region that it changes, and rarely more than one in all. A
/// commit changes 9 regions.
pub const ROOM: Room = Room {
    wanted: 22,
    least: 11,
    ahead: 8,
    heap_bytes: 0,
};

/// The last numbers that were given; see `counters`.
const COUNTERS: RegionId = RegionId::new(0);
/// `u64` (number of the capsule) to `capsules::record::CapsuleRecord`.
const CAPSULES: RegionId = RegionId::new(1);
/// Owner and subject (see `capsules::subject`) to the `u64` number of their capsule.
const CAPSULES_BY_SUBJECT: RegionId = RegionId::new(2);
/// A set of `(Principal, u64)`: who has rights in which capsule.
const CAPSULES_BY_MEMBER: RegionId = RegionId::new(3);
/// `u64` (number of the memory) to `memories::record::MemoryRecord`.
const MEMORIES: RegionId = RegionId::new(4);
/// A set of `(u64, u64)`: capsule and memory.
const MEMORIES_BY_CAPSULE: RegionId = RegionId::new(5);
/// `(Principal, u64)`, gateway and session, to the `u64` number of the memory that it committed.
/// The entry outlives the memory, so that a late repetition of the commit doesn't bring it back.
const MEMORIES_BY_SESSION: RegionId = RegionId::new(6);
/// A set of `(u64, u64)`: blob id and memory.
const MEMORIES_BY_BLOB: RegionId = RegionId::new(7);
/// The registered gateways: a set of principals.
const GATEWAYS: RegionId = RegionId::new(8);
/// The superblock; see `canister_common::superblock`.
const SUPERBLOCK: RegionId = RegionId::new(9);

/// The layout that this module writes. Raise `schema` when a module of the present one can't read
/// a new layout, and raise `lowest_reader` to the lowest schema that can.
const LAYOUT: Superblock = Superblock {
    kind: Kind::MemoryIndex,
    schema: 1,
    lowest_reader: 1,
};
/// `Principal` to the `u64` number of the rights that it granted and that hold; see
/// `capsules::grants`. A principal without an entry isn't counted yet.
const GRANTS_BY_GRANTER: RegionId = RegionId::new(10);
/// A set of keys: capsule controller, time and capsule; see `capsules::grants`.
const GRANTS_BY_MEMBER: RegionId = RegionId::new(11);
/// A set of `(u64, u64)`: capsule and memory, for memories in the trash.
const TRASH_BY_CAPSULE: RegionId = RegionId::new(12);
/// A set of `(u64, [u8; 32], u64)`: capsule, SHA-256 of the file, and memory. Memories in the trash
/// aren't in it. `Counters` says which memories of release 0.1.0 are still missing here, and in the
/// regions 14 to 16.
const MEMORIES_BY_SHA256: RegionId = RegionId::new(13);
/// A set of `(Principal, u64)`: store and memory, the trash included.
const MEMORIES_BY_STORE: RegionId = RegionId::new(14);
/// `Principal` of a store to `memories::record::StoreTotals` of the memories in the set above. A
/// store without memories has no entry.
const STORES: RegionId = RegionId::new(15);
/// A set of `(Principal, u64, u64)`: the gateway that committed a memory, when it is due to be
/// purged, and its number. It has the memories in the trash and those that were taken down.
const PURGES_BY_GATEWAY: RegionId = RegionId::new(16);
/// `u64` (number of the memory) to `memories::record::StoredTakedown`. An entry outlives its
/// memory.
const TAKEDOWNS: RegionId = RegionId::new(17);
/// `Principal` to `Principal`: a gateway, and the one that owns the memories that it committed. A
/// gateway without an entry owns them itself. No owner in it has an entry. Empty until the first
/// transfer.
const OWNERS: RegionId = RegionId::new(18);

/// How many ids [`IndexRegions::all`] looks at; those without an entry above are empty.
const IDS: u8 = 24;

/// The regions of capsules and memories.
pub struct IndexRegions<M: Memory> {
    pub counters: VirtualMemory<M>,
    pub capsules: VirtualMemory<M>,
    pub capsules_by_subject: VirtualMemory<M>,
    pub capsules_by_member: VirtualMemory<M>,
    pub memories: VirtualMemory<M>,
    pub memories_by_capsule: VirtualMemory<M>,
    pub memories_by_session: VirtualMemory<M>,
    pub memories_by_blob: VirtualMemory<M>,
    pub grants_by_granter: VirtualMemory<M>,
    pub grants_by_member: VirtualMemory<M>,
    pub trash_by_capsule: VirtualMemory<M>,
    pub memories_by_sha256: VirtualMemory<M>,
    pub memories_by_store: VirtualMemory<M>,
    pub stores: VirtualMemory<M>,
    pub purges_by_gateway: VirtualMemory<M>,
    pub takedowns: VirtualMemory<M>,
    pub owners: VirtualMemory<M>,
    /// A handle on every region, to see how much they take.
    pub all: Vec<VirtualMemory<M>>,
}

/// One region for each stable structure of the canister.
pub struct Regions<M: Memory> {
    pub index: IndexRegions<M>,
    pub gateways: VirtualMemory<M>,
}

impl<M: Memory> Regions<M> {
    /// Finds the regions in `memory`, or lays them out if it is empty. Panics if another canister
    /// or a newer release wrote it; then nothing is changed.
    pub fn open(memory: M) -> Self {
        assert_eq!(LAYOUT.kind.region(), SUPERBLOCK, "BUG: it lies elsewhere");
        let manager = superblock::open(memory, LAYOUT, BUCKET_PAGES)
            .unwrap_or_else(|refusal| panic!("{refusal}"));
        Self {
            index: IndexRegions {
                counters: manager.get(COUNTERS),
                capsules: manager.get(CAPSULES),
                capsules_by_subject: manager.get(CAPSULES_BY_SUBJECT),
                capsules_by_member: manager.get(CAPSULES_BY_MEMBER),
                memories: manager.get(MEMORIES),
                memories_by_capsule: manager.get(MEMORIES_BY_CAPSULE),
                memories_by_session: manager.get(MEMORIES_BY_SESSION),
                memories_by_blob: manager.get(MEMORIES_BY_BLOB),
                grants_by_granter: manager.get(GRANTS_BY_GRANTER),
                grants_by_member: manager.get(GRANTS_BY_MEMBER),
                trash_by_capsule: manager.get(TRASH_BY_CAPSULE),
                memories_by_sha256: manager.get(MEMORIES_BY_SHA256),
                memories_by_store: manager.get(MEMORIES_BY_STORE),
                stores: manager.get(STORES),
                purges_by_gateway: manager.get(PURGES_BY_GATEWAY),
                takedowns: manager.get(TAKEDOWNS),
                owners: manager.get(OWNERS),
                all: (0..IDS).map(|id| manager.get(RegionId::new(id))).collect(),
            },
            gateways: manager.get(GATEWAYS),
        }
    }
}
