//! The state of the canister. All of it lies in stable memory, but for the count of a check and
//! the shares.

use crate::blob::slice::Slice;
use crate::blob::store::BlobStore;
use crate::check::record::{Check, LastCheck};
use crate::check::{self, Counting};
use crate::regions::Regions;
use crate::shares::Shares;
use candid::Principal;
use canister_common::gateways::Gateways;
use capsule_shared::blob_store::{
    BlobStoreArgs, CheckOptions, CheckStage, CheckStatus, DeleteProgress, LEAST_CAPACITY_BYTES,
    MOST_CAPACITY_BYTES, SharedBlob,
};
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::memory_manager::VirtualMemory;
use ic_stable_structures::{Memory, StableCell};

pub struct State<M: Memory> {
    pub store: BlobStore<M>,
    pub gateways: Gateways<VirtualMemory<M>>,
    pub(crate) check: StableCell<LastCheck, VirtualMemory<M>>,
    /// On the heap: an upgrade forgets it.
    pub(crate) counting: Option<Counting>,
    /// On the heap: an upgrade forgets them.
    pub shares: Shares,
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
            shares: Shares::default(),
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

    /// Lets the store `with` read a blob; errors are those of [`BlobStore::shared`].
    pub fn share(
        &mut self,
        caller: Principal,
        key: BlobKey,
        with: Principal,
    ) -> Result<SharedBlob> {
        let shared = self.store.shared(caller, key)?;
        self.shares.add(key, with);
        Ok(shared)
    }

    /// As [`BlobStore::read_range`], for a caller with a share of this blob. All others get
    /// `Unauthorized`, whether the blob exists or not.
    pub fn read_shared(
        &self,
        caller: Principal,
        key: BlobKey,
        offset: u64,
        length: u64,
        buffer: impl FnOnce(usize) -> Vec<u8>,
    ) -> Result<Vec<u8>> {
        self.shares.check_share(caller, key)?;
        self.store.read_range(key, offset, length, buffer)
    }

    /// As [`BlobStore::delete`]. The first slice ends the shares of the blob.
    pub fn delete(
        &mut self,
        caller: Principal,
        key: BlobKey,
        slice: &Slice<'_>,
    ) -> Result<DeleteProgress> {
        let progress = self.store.delete(caller, key, slice)?;
        self.shares.end(key);
        Ok(progress)
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
