//! The state of the canister. All of it lies in stable memory.

use crate::index::Index;
use crate::regions::Regions;
use canister_common::gateways::Gateways;
use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::VirtualMemory;

pub struct State<M: Memory> {
    pub index: Index<M>,
    pub gateways: Gateways<VirtualMemory<M>>,
}

impl<M: Memory> State<M> {
    /// Finds the state in `memory`, or an empty one.
    pub fn open(memory: M) -> Self {
        let regions = Regions::open(memory);
        Self {
            index: Index::open(regions.index),
            gateways: Gateways::open(regions.gateways),
        }
    }
}
