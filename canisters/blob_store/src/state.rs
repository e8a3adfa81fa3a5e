//! The state of the canister. All of it lies in stable memory, but for the count of a check.

use crate::blob::slice::Slice;
use crate::blob::store::BlobStore;
use crate::check::record::{Check, LastCheck};
use crate::check::{self, Counting};
use crate::regions::Regions;
use candid::Principal;
use canister_common::gateways::Gateways;
use capsule_shared::blob_store::{
    BlobStoreArgs, CheckOptions, CheckStage, CheckStatus, LEAST_CAPACITY_BYTES, MOST_CAPACITY_BYTES,
};
use capsule_shared::{Error, Result};
use ic_stable_structures::memory_manager::VirtualMemory;
use ic_stable_structures::{Memory, StableCell};

pub struct State<M: Memory> {
    pub store: BlobStore<M>,
    pub gateways: Gateways<VirtualMemory<M>>,
    pub(crate) check: StableCell<LastCheck, VirtualMemory<M>>,
    /// On the heap: an upgrade forgets it.
    pub(crate) counting: Option<Counting>,
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
            check: StableCell::init(regions.check, LastCheck::default()),
            counting: None,
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

    /// Hands all blobs of `from` over to `to`; `from` opens no further one. The store doesn't look
    /// for blobs of a gateway that isn't registered. Errors are those of
    /// [`Owners::transfer_known`](canister_common::owners::Owners::transfer_known).
    pub fn gateways_transfer(&mut self, from: Principal, to: Principal) -> Result<()> {
        let owners = &mut self.store.owners;
        owners.transfer_known(&mut self.gateways, from, to, false)
    }

    /// Begins a check, at this time in nanoseconds since 1970. `Conflict` while one runs.
    pub fn check_begin(&mut self, options: CheckOptions, now: u64) -> Result<()> {
        if self.is_checking() {
            return Err(Error::conflict(
                "a check is running, expected none; check_end ends it",
            ));
        }
        check::begin_counting(&mut self.store, &mut self.counting);
        self.check.set(LastCheck(Some(Check::begin(options, now))));
        Ok(())
    }

    /// Ends the check that runs. Its report stays. Without one it is `Ok`, too.
    pub fn check_end(&mut self) {
        if self.is_checking() {
            check::stop_counting(&mut self.store, &mut self.counting);
            let mut last = self.check.get().clone();
            if let Some(check) = &mut last.0 {
                check.status.stage = CheckStage::Ended;
            }
            self.check.set(last);
        }
    }

    /// Bytes of the heap that the count of a check takes.
    pub fn counting_bytes(&self) -> usize {
        let claims = self.store.extents.claims.as_ref();
        claims.map_or(0, |claims| claims.heap_bytes())
    }

    /// The check that runs, or the last one.
    pub fn check_status(&self) -> Option<CheckStatus> {
        let check = self.check.get().0.as_ref();
        check.map(|check| check.status.clone())
    }

    pub fn is_checking(&self) -> bool {
        self.check.get().0.as_ref().is_some_and(Check::is_running)
    }

    /// Does a slice of the check that runs. Returns whether there is more to do.
    pub fn check_slice(&mut self, slice: &Slice<'_>) -> bool {
        let Some(mut check) = self.check.get().0.clone() else {
            return false;
        };
        check::go_on(&mut self.store, &mut self.counting, &mut check, slice);
        let is_running = check.is_running();
        self.check.set(LastCheck(Some(check)));
        is_running
    }
}
