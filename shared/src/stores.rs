//! The registry of stores in `upload_gateway`, as its operators see it.

use crate::blob_store::StoreReserve;
use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};

/// Whether a store takes new uploads. Chunks, finishes, reads and deletions of what it holds go to
/// it in each state.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreState {
    /// It takes new uploads.
    Active,
    /// It keeps what it has, and uploads that began in it end there.
    ReadOnly,
    /// The same, and its blobs move to active stores.
    Draining,
    /// The operator gave it up. The gateway doesn't ask it for reports.
    Offline,
}

impl StoreState {
    /// Its name in metrics and in what the client prints.
    pub fn name(self) -> &'static str {
        match self {
            StoreState::Active => "active",
            StoreState::ReadOnly => "read_only",
            StoreState::Draining => "draining",
            StoreState::Offline => "offline",
        }
    }
}

/// One store of the registry.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StoreEntry {
    pub store: Principal,
    pub state: StoreState,
    /// The most bytes that the operator lets it hold. `null`: what the store itself allows.
    pub capacity_bytes: Option<u64>,
    /// The last report. `null`: the store gave none yet, or is of release 0.1.0 and gives none.
    pub report: Option<StoreReport>,
    /// Bytes that known uploaders announced to this gateway for that store since the last report.
    pub promised_bytes: u64,
    /// Since when the store gives no usable answer, in nanoseconds since 1970.
    pub silent_since: Option<u64>,
}

impl StoreEntry {
    /// The bytes that it may hold: its own bound or the operator's, whichever is less.
    pub fn capacity(&self) -> Option<u64> {
        let own = self.report.as_ref().map(|report| report.capacity_bytes);
        own.into_iter().chain(self.capacity_bytes).min()
    }
}

/// The answer of a store to its last `store_status`; see `StoreStatus` of the store.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StoreReport {
    /// When the gateway got it, in nanoseconds since 1970.
    pub at: u64,
    /// The version of the store's layout.
    pub schema: u32,
    pub blobs: u64,
    /// Bytes that stored chunks take, in whole blocks.
    pub used_bytes: u64,
    /// Bytes that open blobs announced, of all gateways.
    pub promised_bytes: u64,
    /// Bytes that a new blob can have.
    pub free_bytes: u64,
    /// The capacity that the store itself has.
    pub capacity_bytes: u64,
    /// Cycles, including those below the freezing threshold.
    pub cycles: u128,
    /// `null` until the store asked the platform.
    pub reserve: Option<StoreReserve>,
}
