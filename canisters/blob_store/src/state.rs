//! The state of the canister. All of it lies in stable memory.

use crate::blob::store::BlobStore;
use crate::regions::Regions;
use canister_common::gateways::Gateways;
use capsule_shared::blob_store::{BlobStoreArgs, LEAST_CAPACITY_BYTES, MOST_CAPACITY_BYTES};
use capsule_shared::{Error, Result};
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
    /// Changes the settings that are given, all or none.
    ///
    /// `InvalidArgument` for a capacity out of its range, or as [`Gateways::configure`].
    pub fn configure(&mut self, args: BlobStoreArgs) -> Result<()> {
        let BlobStoreArgs {
            gateways,
            capacity_bytes,
        } = args;
        let range = LEAST_CAPACITY_BYTES..=MOST_CAPACITY_BYTES;
        if let Some(bytes) = capacity_bytes.filter(|bytes| !range.contains(bytes)) {
            return Err(Error::invalid(format!(
                "capacity_bytes is {bytes}, expected {LEAST_CAPACITY_BYTES} to \
                 {MOST_CAPACITY_BYTES}"
            )));
        }
        self.gateways.configure(gateways)?;
        if let Some(bytes) = capacity_bytes {
            self.store
                .change_totals(|totals| totals.capacity_bytes = bytes);
        }
        Ok(())
    }
}
