//! One canister: its code and state, its queue, and its open calls.

use super::log::Log;
use super::message::{CallContext, Callback, Input, Origin};
use super::settings::Settings;
use super::statistics::Statistics;
use super::types::Reject;
use crate::prices;
use crate::wasm::{CompiledModule, State};
use candid::{CandidType, Principal};
use ic_management_canister_types::{ChangeDetails, ChangeOrigin};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Whether the canister takes messages.
pub enum Status {
    Running,
    /// With the origin and the time of each stop request, in nanoseconds since 1970.
    Stopping(Vec<(Origin, u64)>),
    Stopped,
}

/// An installed module and its state.
pub struct Code {
    pub module: Arc<CompiledModule>,
    pub state: State,
}

/// An entry of a canister's history, as the recorded server encodes it. Newer servers wrap the
/// details in an `opt`.
#[derive(CandidType, Clone, Debug)]
pub struct Change {
    /// In nanoseconds since 1970.
    pub timestamp_nanos: u64,
    pub canister_version: u64,
    pub origin: ChangeOrigin,
    pub details: ChangeDetails,
}

/// A copy of a canister's code and state.
pub struct Snapshot {
    /// In nanoseconds since 1970.
    pub taken_at: u64,
    /// The canister's version at that time.
    pub version: u64,
    pub code: Code,
    pub certified_data: Vec<u8>,
    pub chunks: BTreeMap<[u8; 32], Vec<u8>>,
    /// The storage that the canister pays for.
    pub bytes: u64,
}

/// A run that no message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Heartbeat,
    Timer,
    LowMemory,
}

/// Whether the low-memory hook ran since the heap passed the threshold. It runs once each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LowMemory {
    No,
    Ran,
}

/// The state of one canister.
pub struct Canister {
    pub id: Principal,
    pub subnet: Principal,
    pub settings: Settings,
    pub status: Status,
    /// In cycles.
    pub balance: u128,
    /// Cycles that pay for storage only.
    pub reserved: u128,
    pub code: Option<Code>,
    pub version: u64,
    /// In nanoseconds since 1970.
    pub timer: Option<u64>,
    pub certified_data: Vec<u8>,
    pub log: Log,
    pub changes: Vec<Change>,
    pub chunks: BTreeMap<[u8; 32], Vec<u8>>,
    /// By the number in their ids.
    pub snapshots: BTreeMap<u64, Snapshot>,
    /// The number of the latest snapshot.
    pub last_snapshot: u64,
    pub tasks: VecDeque<Task>,
    pub queue: VecDeque<Input>,
    pub contexts: BTreeMap<u64, CallContext>,
    pub callbacks: BTreeMap<u64, Callback>,
    pub next_id: u64,
    pub low_memory: LowMemory,
    /// Storage is paid up to this time, in nanoseconds since 1970.
    pub paid_until: u64,
    /// Instructions of earlier installations that no round forgave yet. They block the next one.
    pub install_debit: u64,
    /// Bytes of written memory pages that no round forgave yet.
    pub heap_delta_debit: u64,
    pub statistics: Statistics,
}

impl Canister {
    pub fn new(
        id: Principal,
        subnet: Principal,
        settings: Settings,
        balance: u128,
        time: u64,
    ) -> Self {
        Self {
            id,
            subnet,
            settings,
            status: Status::Running,
            balance,
            reserved: 0,
            code: None,
            version: 0,
            timer: None,
            certified_data: vec![],
            log: Log::default(),
            changes: vec![],
            chunks: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            last_snapshot: 0,
            tasks: VecDeque::new(),
            queue: VecDeque::new(),
            contexts: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            next_id: 0,
            low_memory: LowMemory::No,
            paid_until: time,
            install_debit: 0,
            heap_delta_debit: 0,
            statistics: Statistics::default(),
        }
    }

    /// A new id for a call context or a callback.
    pub fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Counts written memory pages, for the limit of a round and for the statistics.
    pub fn dirtied(&mut self, bytes: u64) {
        self.heap_delta_debit += bytes;
        self.statistics.dirtied_bytes += bytes;
    }

    pub fn is_controller(&self, who: &Principal) -> bool {
        self.settings.controllers.contains(who)
    }

    /// Bytes of the heap.
    pub fn heap_bytes(&self) -> u64 {
        self.code.as_ref().map_or(0, |c| c.state.heap.size() as u64)
    }

    pub fn stable_bytes(&self) -> u64 {
        self.code
            .as_ref()
            .map_or(0, |c| c.state.stable.size() as u64)
    }

    /// Bytes of everything but heap and stable memory.
    pub fn other_bytes(&self) -> u64 {
        let code = self.code.as_ref().map_or(0, |c| c.module.stored_bytes());
        code as u64 + self.bytes_without_code()
    }

    /// Bytes of history, chunks and snapshots.
    pub fn bytes_without_code(&self) -> u64 {
        (self.history_bytes() + self.chunk_bytes()) as u64 + self.snapshot_bytes()
    }

    pub fn snapshot_bytes(&self) -> u64 {
        self.snapshots.values().map(|s| s.bytes).sum()
    }

    pub fn history_bytes(&self) -> usize {
        // on the IC the size depends on the kind of change; this is a creation by one user
        self.changes.len() * 188
    }

    pub fn chunk_bytes(&self) -> usize {
        self.chunks.len() * prices::MAX_CHUNK
    }

    pub fn memory_bytes(&self) -> u64 {
        self.heap_bytes() + self.stable_bytes() + self.other_bytes()
    }

    /// Bytes of storage that the canister pays for.
    pub fn charged_bytes(&self) -> u64 {
        self.memory_bytes().max(self.settings.memory_allocation)
    }

    /// The cycles that must stay.
    pub fn freezing_reserve(&self) -> u128 {
        prices::freezing_reserve(
            self.charged_bytes(),
            self.settings.compute_allocation,
            self.settings.freezing_threshold,
            self.reserved,
        )
    }

    /// Takes cycles if the freezing reserve stays. Otherwise fails with the missing cycles.
    pub fn charge(&mut self, amount: u128) -> Result<(), u128> {
        let needed = amount + self.freezing_reserve();
        if self.balance < needed {
            return Err(needed - self.balance);
        }
        self.balance -= amount;
        Ok(())
    }

    /// Whether the canister runs timers and heartbeats: it is running, and can pay for one.
    pub fn runs_tasks(&self) -> bool {
        let needed = prices::execution_prepaid() + self.freezing_reserve();
        matches!(self.status, Status::Running) && self.balance >= needed
    }

    /// Whether a round at `time` runs the timer, or switches off one without a hook.
    pub fn timer_is_due(&self, time: u64) -> bool {
        let hook = |code: &Code| code.module.has_hook("canister_global_timer");
        let runs = match self.code.as_ref().map(hook) {
            None => false,
            Some(false) => matches!(self.status, Status::Running),
            Some(true) => self.runs_tasks(),
        };
        runs && self.timer.is_some_and(|at| at <= time)
    }

    /// The requests in flight to each callee.
    pub fn calls_under_way(&self) -> BTreeMap<Principal, usize> {
        let mut out = BTreeMap::new();
        for callback in self.callbacks.values() {
            *out.entry(callback.callee).or_default() += 1;
        }
        out
    }

    /// The status as `ic0.canister_status` returns it.
    pub fn status_code(&self) -> u32 {
        match self.status {
            Status::Running => 1,
            Status::Stopping(_) => 2,
            Status::Stopped => 3,
        }
    }

    /// Fails if the canister takes no new messages.
    pub fn check_running(&self) -> Result<(), Reject> {
        match self.status {
            Status::Running => Ok(()),
            Status::Stopping(_) => Err(Reject::new(
                509,
                format!("Canister {} is stopping", self.id),
            )),
            Status::Stopped => Err(Reject::new(508, format!("Canister {} is stopped", self.id))),
        }
    }
}
