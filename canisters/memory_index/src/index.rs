//! All capsules and memories, and what their operations share: look-ups and the one check of
//! rights. Plain Rust over any memory, without `ic_cdk`.

use crate::capacity::Capacity;
use crate::capsules::record::CapsuleRecord;
use crate::counters::Counters;
use crate::ids::{CapsuleId, MemoryId};
use crate::memories::record::{MemoryRecord, StoreTotals, StoredTakedown};
use crate::regions::IndexRegions;
use candid::Principal;
use canister_common::owners::Owners;
use capsule_shared::{Error, Result};
use ic_stable_structures::memory_manager::VirtualMemory;
use ic_stable_structures::{Memory, StableBTreeMap, StableBTreeSet, StableCell};

/// One call of an update: who calls, and when. Users are arguments: `who` is the user for whom a
/// gateway calls.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The calling gateway, or a canister controller.
    pub gateway: Principal,
    /// Nanoseconds since 1970.
    pub now: u64,
}

/// A set that can also be read from its end and emptied at once, which a `StableBTreeSet` can't.
/// Both lie in stable memory as the same bytes.
pub type ReversibleSet<K, M> = StableBTreeMap<K, (), M>;

/// All capsules and memories. Everything is in stable memory: opening it again after a restart
/// finds all of it. `regions` says what each structure holds.
pub struct Index<M: Memory> {
    pub(crate) counters: StableCell<Counters, VirtualMemory<M>>,
    pub(crate) capsules: StableBTreeMap<u64, CapsuleRecord, VirtualMemory<M>>,
    pub(crate) by_subject: StableBTreeMap<Vec<u8>, u64, VirtualMemory<M>>,
    pub(crate) by_member: StableBTreeSet<(Principal, u64), VirtualMemory<M>>,
    pub(crate) memories: StableBTreeMap<u64, MemoryRecord, VirtualMemory<M>>,
    pub(crate) by_capsule: ReversibleSet<(u64, u64), VirtualMemory<M>>,
    pub(crate) by_session: StableBTreeMap<(Principal, u64), u64, VirtualMemory<M>>,
    pub(crate) by_blob: StableBTreeSet<(u64, u64), VirtualMemory<M>>,
    pub(crate) grants_by_granter: StableBTreeMap<Principal, u64, VirtualMemory<M>>,
    pub(crate) grants_by_member: StableBTreeSet<Vec<u8>, VirtualMemory<M>>,
    pub(crate) trash: ReversibleSet<(u64, u64), VirtualMemory<M>>,
    pub(crate) by_sha256: ReversibleSet<(u64, [u8; 32], u64), VirtualMemory<M>>,
    pub(crate) by_store: ReversibleSet<(Principal, u64), VirtualMemory<M>>,
    pub(crate) stores: StableBTreeMap<Principal, StoreTotals, VirtualMemory<M>>,
    pub(crate) purges: ReversibleSet<(Principal, u64, u64), VirtualMemory<M>>,
    pub(crate) takedowns: StableBTreeMap<u64, StoredTakedown, VirtualMemory<M>>,
    pub owners: Owners<VirtualMemory<M>>,
    pub(crate) capacity: Capacity<VirtualMemory<M>>,
}

impl<M: Memory> Index<M> {
    /// Finds the structures in their regions. It reads as much of small ones as of large ones.
    pub fn open(regions: IndexRegions<M>) -> Self {
        let mut index = Self {
            counters: StableCell::init(regions.counters, Counters::default()),
            capsules: StableBTreeMap::init(regions.capsules),
            by_subject: StableBTreeMap::init(regions.capsules_by_subject),
            by_member: StableBTreeSet::init(regions.capsules_by_member),
            memories: StableBTreeMap::init(regions.memories),
            by_capsule: ReversibleSet::init(regions.memories_by_capsule),
            by_session: StableBTreeMap::init(regions.memories_by_session),
            by_blob: StableBTreeSet::init(regions.memories_by_blob),
            grants_by_granter: StableBTreeMap::init(regions.grants_by_granter),
            grants_by_member: StableBTreeSet::init(regions.grants_by_member),
            trash: ReversibleSet::init(regions.trash_by_capsule),
            by_sha256: ReversibleSet::init(regions.memories_by_sha256),
            by_store: ReversibleSet::init(regions.memories_by_store),
            stores: StableBTreeMap::init(regions.stores),
            purges: ReversibleSet::init(regions.purges_by_gateway),
            takedowns: StableBTreeMap::init(regions.takedowns),
            owners: Owners::open(regions.owners),
            capacity: Capacity::new(regions.all),
        };
        index.note_older();
        index
    }

    /// The capsule of this id. `NotFound` if it doesn't exist, `Unauthorized` if `who` has no right
    /// in it, `InvalidArgument` if the id is too long.
    pub(crate) fn capsule(&self, who: Principal, id: &str) -> Result<(CapsuleId, CapsuleRecord)> {
        let id = CapsuleId::parse(id)?;
        let capsule = self.capsules.get(&id.0).ok_or(Error::NotFound)?;
        if !capsule.has_right(who) {
            return Err(Error::Unauthorized);
        }
        Ok((id, capsule))
    }

    /// The memory of this id and its capsule, with the errors of [`Index::capsule`]. It may be in
    /// the trash. `NotFound` for a memory that was taken down, as for one that is deleted.
    pub(crate) fn memory(
        &self,
        who: Principal,
        id: &str,
    ) -> Result<(MemoryId, MemoryRecord, CapsuleRecord)> {
        let id = MemoryId::parse(id)?;
        let memory = self.present(id)?;
        if memory.is_taken_down() {
            return Err(Error::NotFound);
        }
        let capsule = self.capsule_of(&memory);
        if !capsule.has_right(who) {
            return Err(Error::Unauthorized);
        }
        Ok((id, memory, capsule))
    }

    /// A memory that has a record: listed, in the trash or taken down. `NotFound` for any other.
    pub(crate) fn present(&self, id: MemoryId) -> Result<MemoryRecord> {
        self.memories.get(&id.0).ok_or(Error::NotFound)
    }

    /// As [`Index::memory`], for a change that only the owning gateway may make: it alone can
    /// delete the blob. `Conflict` for any other gateway.
    pub(crate) fn own_memory(
        &self,
        call: Call,
        who: Principal,
        id: &str,
    ) -> Result<(MemoryId, MemoryRecord, CapsuleRecord)> {
        let (id, memory, capsule) = self.memory(who, id)?;
        self.check_owner(call, id, &memory)?;
        Ok((id, memory, capsule))
    }

    /// `Conflict` unless the calling gateway owns the memory.
    pub(crate) fn check_owner(
        &self,
        call: Call,
        id: MemoryId,
        memory: &MemoryRecord,
    ) -> Result<()> {
        let owner = self.owners.owner_of(memory.gateway);
        if owner != call.gateway {
            return Err(Error::conflict(format!(
                "gateway is {}, expected {owner}, which owns {id}",
                call.gateway
            )));
        }
        Ok(())
    }

    pub(crate) fn capsule_of(&self, memory: &MemoryRecord) -> CapsuleRecord {
        let capsule = self.capsules.get(&memory.capsule);
        capsule.expect("BUG: a memory has no capsule")
    }

    pub(crate) fn next_capsule(&mut self) -> CapsuleId {
        let mut counters = *self.counters.get();
        counters.last_capsule += 1;
        self.counters.set(counters);
        CapsuleId(counters.last_capsule)
    }

    /// The next id, for a capsule that then holds `count` memories.
    pub(crate) fn next_memory(&mut self, count: u64) -> MemoryId {
        let mut counters = *self.counters.get();
        counters.last_memory += 1;
        counters.most_memories = counters.most_memories.max(Some(count));
        self.counters.set(counters);
        MemoryId(counters.last_memory)
    }
}
