//! The state of the canister. All of it lies in stable memory.

use crate::blob::store::BlobStore;
use crate::regions::Regions;
use canister_common::gateways::Gateways;
use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::VirtualMemory;

pub struct State<M: Memory> {
    pub store: BlobStore<M>,
    pub gateways: Gateways<VirtualMemory<M>>,
}

impl<M: Memory> State<M> {
    /// Finds the state in `memory`, or an empty one.
    pub fn open(memory: M) -> Self {
        Self::over(Regions::open(memory))
    }

    pub(crate) fn over(regions: Regions<M>) -> Self {
        Self {
            store: BlobStore::open(regions.blobs),
            gateways: Gateways::open(regions.gateways),
        }
    }
}
