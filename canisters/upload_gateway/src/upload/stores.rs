//! The operator's work on the registry of stores, and the reports that the timer asks for.

use super::registry::Told;
use super::service::UploadService;
use crate::config::check_peer;
use crate::failure::{Failure, Result};
use crate::peers::call::{PeerError, PeerResult};
use crate::runtime::{FailureKind, Runtime};
use candid::Principal;
use capsule_shared::blob_store::{MigrationStatus, STORE_SCHEMA, StoreStatus};
use capsule_shared::stores::{StoreEntry, StoreReport, StoreState};
use ic_stable_structures::Memory;

/// A turn of the timer asks no further store for its report after this time: 60 s. So a gateway
/// that is stopping has no open call after two minutes.
const ASK_NS: u64 = 60 * 1_000_000_000;

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// Has a store take new uploads. One that isn't listed must answer as a store first:
    /// `InvalidArgument`, `ResourceExhausted`.
    pub async fn add_store(&self, store: Principal) -> Result<()> {
        self.register_named_peers();
        check_peer(&store)?;
        let mut report = None;
        if !self.with(|state| state.has_store(store)) {
            self.with(|state| state.check_another_store())?;
            self.check_funds()?;
            // Nothing is noted during this await. Another call may list the store meanwhile; then
            // this report is ignored.
            report = self.introduce(store).await?;
        }
        let now = self.runtime.now();
        self.with(|state| state.store_added(store, report, now))?;
        self.schedule();
        Ok(())
    }

    /// Has a store take no new uploads. Those that began in it end there.
    pub fn remove_store(&self, store: Principal) {
        self.register_named_peers();
        let now = self.runtime.now();
        self.with(|state| state.store_removed(store, now));
        self.schedule();
    }

    /// `NotFound` unless the store is listed.
    pub fn set_store_state(&self, store: Principal, to: StoreState) -> Result<()> {
        self.register_named_peers();
        let now = self.runtime.now();
        self.with(|state| state.store_state_set(store, to, now))?;
        self.schedule();
        Ok(())
    }

    /// Bounds the bytes that a store may hold; `None` leaves it to the store. `NotFound`,
    /// `InvalidArgument`.
    pub fn set_store_capacity(&self, store: Principal, bytes: Option<u64>) -> Result<()> {
        self.register_named_peers();
        self.with(|state| state.store_capacity_set(store, bytes))
    }

    /// All stores.
    pub fn stores(&self) -> Vec<StoreEntry> {
        self.register_named_peers();
        self.with(|state| state.stores())
    }

    /// Takes an empty store off the list for good: `NotFound`, `Conflict` unless it is empty and
    /// takes no new uploads, temporary while it is asked for a report.
    pub async fn retire_store(&self, store: Principal) -> Result<()> {
        self.check_funds()?;
        let now = self.runtime.now();
        let Some(question) = self.with(|state| state.retiring(store, now))? else {
            return Ok(());
        };
        // The store counts every blob whose opening was sent before this question. The registry
        // notices an upload that begins during this await.
        let status = self.peers.store_status(store).await;
        let now = self.runtime.now();
        self.with(|state| state.store_told(&question, told_of(&status, now), now));
        match status {
            Ok(status) => self.with(|state| state.store_retired(store, status.blobs)),
            Err(error) if error.lacks_method() => Err(Failure::conflict(format!(
                "the store {store} is of release 0.1.0 and gives no report, expected 0 blobs"
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks a canister whether it is a store that takes calls of this gateway. Returns its report;
    /// stores of release 0.1.0 give none.
    async fn introduce(&self, store: Principal) -> Result<Option<StoreReport>> {
        let index = self.with(|state| state.config().public().memory_index);
        if store == self.runtime.self_id() {
            return Err(no_store(store, "this gateway"));
        }
        if index == Some(store) {
            return Err(no_store(store, "the memory index"));
        }
        match self.peers.store_status(store).await {
            Ok(status) if status.schema > STORE_SCHEMA => Err(Failure::invalid(format!(
                "the store {store} has schema {}, expected at most {STORE_SCHEMA}; upgrade the \
                 gateway first",
                status.schema
            ))),
            Ok(status) => Ok(Some(report_of(&status, self.runtime.now()))),
            Err(error) if error.lacks_method() => self.introduce_0_1_0(store).await.map(|()| None),
            Err(error) => Err(not_introduced(store, error)),
        }
    }

    /// The same for a canister that gives no report.
    async fn introduce_0_1_0(&self, store: Principal) -> Result<()> {
        let Err(error) = self.peers.blob_meta_of_nobody(store).await else {
            return Ok(());
        };
        match error.refusal() {
            Some(Failure::NotFound) => Ok(()),
            _ if error.lacks_method() => Err(no_store(store, self.kind_of(store).await)),
            _ => Err(not_introduced(store, error)),
        }
    }

    /// The kind of a canister that is no store.
    async fn kind_of(&self, canister: Principal) -> &'static str {
        if self.peers.has_method(canister, "upload_config", ()).await {
            return "an upload gateway";
        }
        let own = (self.runtime.self_id(),);
        match self.peers.has_method(canister, "capsule_list", own).await {
            true => "a memory index",
            false => "another canister",
        }
    }

    // ---- reports ------------------------------------------------------------------------------

    /// Asks the stores whose time has come for their reports, one after the other.
    pub(super) async fn ask_stores(&self) {
        let begun = self.runtime.now();
        let Some(_asking) = self.with(|state| state.asking_begun(begun)) else {
            return;
        };
        // A deploy tool may have named another store.
        self.register_named_peers();
        let mut now = begun;
        while now < begun + ASK_NS
            && self.peers.have_room_for_jobs()
            && let Some(question) = self.with(|state| state.ask_next(now))
        {
            let status = self.peers.store_status(question.store()).await;
            now = self.runtime.now();
            self.with(|state| state.store_told(&question, told_of(&status, now), now));
        }
    }
}

fn told_of(status: &PeerResult<StoreStatus>, now: u64) -> Told {
    match status {
        Ok(status) => Told::Report(report_of(status, now)),
        Err(error) => match error.kind() {
            Some(FailureKind::NoMethod) => Told::NoReports,
            Some(FailureKind::NotSent | FailureKind::HeldBack) => Told::NotAsked,
            Some(FailureKind::Rejected) | None => Told::Nothing,
        },
    }
}

fn report_of(status: &StoreStatus, now: u64) -> StoreReport {
    let uncopied = match status.migration {
        MigrationStatus::Copying { bytes, .. } => bytes,
        MigrationStatus::Nothing | MigrationStatus::Done => 0,
    };
    StoreReport {
        at: now,
        schema: status.schema,
        blobs: status.blobs,
        used_bytes: status.allocated_bytes.saturating_add(uncopied),
        promised_bytes: status.promised_bytes,
        free_bytes: status.free_bytes,
        capacity_bytes: status.capacity_bytes,
        cycles: status.cycles,
        reserve: status.reserve.clone(),
    }
}

fn no_store(canister: Principal, kind: &str) -> Failure {
    Failure::invalid(format!("{canister} is {kind}, expected a blob store"))
}

/// The meaning of a refusal or a failed call of a canister that may be a store.
fn not_introduced(store: Principal, error: PeerError) -> Failure {
    match error.refusal() {
        Some(Failure::Unauthorized) => Failure::invalid(format!(
            "the store {store} doesn't know this gateway, expected it to be registered there; \
             call gateways_register of the store first"
        )),
        _ => error.into(),
    }
}
