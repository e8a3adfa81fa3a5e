//! The state of the index and what its rules share: looking up, and the one check of rights. Plain Rust over any memory,
//! without `ic_cdk`.

use crate::ids::{CapsuleId, MemoryId};
use crate::record::{CapsuleRecord, Counters, MemoryRecord};
use crate::regions::Regions;
use candid::Principal;
use capsule_shared::capsule::PersonRef;
use capsule_shared::{Error, Result};
use ic_stable_structures::memory_manager::VirtualMemory;
use ic_stable_structures::{Memory, StableBTreeMap, StableBTreeSet, StableCell};

/// Who calls, for whom, and when.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The calling gateway (or controller).
    pub gateway: Principal,
    /// Nanoseconds since 1970.
    pub now: u64,
}

/// All capsules and memories. Everything is in stable memory; opening again after a restart finds all of it.
pub struct Index<M: Memory> {
    pub(crate) counters: StableCell<Counters, VirtualMemory<M>>,
    pub(crate) capsules: StableBTreeMap<u64, CapsuleRecord, VirtualMemory<M>>,
    pub(crate) by_subject: StableBTreeMap<Vec<u8>, u64, VirtualMemory<M>>,
    pub(crate) by_member: StableBTreeSet<(Principal, u64), VirtualMemory<M>>,
    pub(crate) memories: StableBTreeMap<u64, MemoryRecord, VirtualMemory<M>>,
    pub(crate) by_capsule: StableBTreeSet<(u64, u64), VirtualMemory<M>>,
    pub(crate) by_session: StableBTreeMap<(Principal, u64), u64, VirtualMemory<M>>,
    pub(crate) by_blob: StableBTreeSet<(u64, u64), VirtualMemory<M>>,
}

impl<M: Memory> Index<M> {
    /// Takes its memories from those of the canister; the gateways' is not its own.
    pub fn open(memories: Regions<M>) -> (Self, VirtualMemory<M>) {
        let index = Self {
            counters: StableCell::init(memories.counters, Counters::default()),
            capsules: StableBTreeMap::init(memories.capsules),
            by_subject: StableBTreeMap::init(memories.capsules_by_subject),
            by_member: StableBTreeSet::init(memories.capsules_by_member),
            memories: StableBTreeMap::init(memories.memories),
            by_capsule: StableBTreeSet::init(memories.memories_by_capsule),
            by_session: StableBTreeMap::init(memories.memories_by_session),
            by_blob: StableBTreeSet::init(memories.memories_by_blob),
        };
        (index, memories.gateways)
    }

    /// The capsule of this id, for somebody with a right in it: `NotFound` when there is none, `Unauthorized` for others.
    pub(crate) fn capsule(&self, who: Principal, id: &str) -> Result<(CapsuleId, CapsuleRecord)> {
        let id = CapsuleId::parse(id)?;
        let capsule = self.capsules.get(&id.0).ok_or(Error::NotFound)?;
        if !capsule.has_right(who) {
            return Err(Error::Unauthorized);
        }
        Ok((id, capsule))
    }

    /// The memory of this id and its capsule, for somebody with a right in the capsule.
    pub(crate) fn memory(
        &self,
        who: Principal,
        id: &str,
    ) -> Result<(MemoryId, MemoryRecord, CapsuleRecord)> {
        let id = MemoryId::parse(id)?;
        let memory = self.memories.get(&id.0).ok_or(Error::NotFound)?;
        let capsule = self.capsule_of(&memory);
        if !capsule.has_right(who) {
            return Err(Error::Unauthorized);
        }
        Ok((id, memory, capsule))
    }

    pub(crate) fn capsule_of(&self, memory: &MemoryRecord) -> CapsuleRecord {
        let capsule = self.capsules.get(&memory.capsule);
        capsule.expect("BUG: a memory without its capsule")
    }

    pub(crate) fn next_capsule(&mut self) -> CapsuleId {
        let mut counters = *self.counters.get();
        counters.last_capsule += 1;
        self.counters.set(counters);
        CapsuleId(counters.last_capsule)
    }

    pub(crate) fn next_memory(&mut self) -> MemoryId {
        let mut counters = *self.counters.get();
        counters.last_memory += 1;
        self.counters.set(counters);
        MemoryId(counters.last_memory)
    }
}

/// How the keys of `by_subject` begin for one owner: no other owner's begin so.
pub(crate) fn owner_prefix(owner: Principal) -> Vec<u8> {
    let owner = owner.as_slice();
    let mut prefix = vec![owner.len() as u8];
    prefix.extend_from_slice(owner);
    prefix
}

/// The key of `by_subject`: the length of the owner's principal in one byte, the principal, then `o` and the text of an
/// opaque subject or `p` and the bytes of a principal.
pub(crate) fn subject_key(owner: Principal, subject: &PersonRef) -> Vec<u8> {
    let mut key = owner_prefix(owner);
    match subject {
        PersonRef::Opaque(text) => {
            key.push(b'o');
            key.extend_from_slice(text.as_bytes());
        }
        PersonRef::Principal(principal) => {
            key.push(b'p');
            key.extend_from_slice(principal.as_slice());
        }
    }
    key
}
