//! One canister: its settings, its code and state, its queue, and the calls it has open.

use super::message::{CallContext, Callback, Input};
use super::prices;
use super::statistics::Statistics;
use crate::system::{CompiledModule, State};
use candid::CandidType;
use candid::Principal;
use ic_management_canister_types::{ChangeDetails, ChangeOrigin, LogVisibility};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct Settings {
    pub controllers: Vec<Principal>,
    /// Percent.
    pub compute_allocation: u64,
    /// Bytes; 0 is best effort.
    pub memory_allocation: u64,
    /// Seconds.
    pub freezing_threshold: u64,
    pub reserved_cycles_limit: u128,
    pub log_visibility: LogVisibility,
    /// Bytes; 0 is no limit.
    pub wasm_memory_limit: u64,
    /// Bytes that must be left below the limit, or the low-memory hook runs.
    pub wasm_memory_threshold: u64,
    pub environment: Vec<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            controllers: vec![],
            compute_allocation: 0,
            memory_allocation: 0,
            freezing_threshold: 2_592_000,
            reserved_cycles_limit: prices::RESERVED_CYCLES_LIMIT,
            log_visibility: LogVisibility::Controllers,
            wasm_memory_limit: prices::WASM_MEMORY_LIMIT,
            wasm_memory_threshold: 0,
            environment: vec![],
        }
    }
}

pub enum Status {
    Running,
    /// With those who wait for it to be stopped, and since when.
    Stopping(Vec<(super::message::Origin, u64)>),
    Stopped,
}

pub struct Code {
    pub module: Arc<CompiledModule>,
    pub state: State,
}

/// An entry of a canister's history, as the recorded server tells it (newer ones wrap the details in an `opt`).
#[derive(CandidType, Clone, Debug)]
pub struct Change {
    /// Nanoseconds since 1970.
    pub timestamp_nanos: u64,
    pub canister_version: u64,
    pub origin: ChangeOrigin,
    pub details: ChangeDetails,
}

/// The last 4 KiB of what a canister printed.
#[derive(Default)]
pub struct Log {
    pub records: VecDeque<LogRecord>,
    next: u64,
}

pub struct LogRecord {
    pub index: u64,
    /// Nanoseconds since 1970.
    pub time: u64,
    pub content: Vec<u8>,
}

/// What a record takes up besides its text, bytes.
const LOG_RECORD_BYTES: usize = 40;

impl Log {
    pub fn add(&mut self, time: u64, mut content: Vec<u8>) {
        content.truncate(prices::MAX_LOG - LOG_RECORD_BYTES);
        self.records.push_back(LogRecord {
            index: self.next,
            time,
            content,
        });
        self.next += 1;
        let size = |r: &LogRecord| r.content.len() + LOG_RECORD_BYTES;
        let mut total: usize = self.records.iter().map(size).sum();
        while total > prices::MAX_LOG {
            let first = self
                .records
                .pop_front()
                .expect("BUG: a log over its limit is empty");
            total -= size(&first);
        }
    }

    pub fn clear(&mut self) {
        self.records.clear();
    }
}

/// Work that a canister gives itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Heartbeat,
    Timer,
    LowMemory,
}

/// Whether the low-memory hook has to run: once each time that the threshold is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LowMemory {
    No,
    Ran,
}

pub struct Canister {
    pub id: Principal,
    pub subnet: Principal,
    pub settings: Settings,
    pub status: Status,
    pub balance: u128,
    pub reserved: u128,
    pub code: Option<Code>,
    pub version: u64,
    /// Nanoseconds since 1970.
    pub timer: Option<u64>,
    pub certified_data: Vec<u8>,
    pub log: Log,
    pub changes: Vec<Change>,
    pub chunks: BTreeMap<[u8; 32], Vec<u8>>,
    pub tasks: VecDeque<Task>,
    pub queue: VecDeque<Input>,
    pub contexts: BTreeMap<u64, CallContext>,
    pub callbacks: BTreeMap<u64, Callback>,
    pub next_id: u64,
    pub low_memory: LowMemory,
    /// Until when storage is paid, nanoseconds since 1970.
    pub paid_until: u64,
    /// Instructions of earlier installations that hold up the next.
    pub install_debit: u64,
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
            tasks: VecDeque::new(),
            queue: VecDeque::new(),
            contexts: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            next_id: 0,
            low_memory: LowMemory::No,
            paid_until: time,
            install_debit: 0,
            statistics: Statistics::default(),
        }
    }

    pub fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
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

    /// Bytes of module, globals, history and chunks.
    pub fn other_bytes(&self) -> u64 {
        let code = self.code.as_ref().map_or(0, |c| {
            c.module.size + 8 * c.module.instrumented.mutable_globals.len()
        });
        (code + self.history_bytes() + self.chunk_bytes()) as u64
    }

    pub fn history_bytes(&self) -> usize {
        // what a change takes up on the IC varies with its kind; this is the size of a creation by one user
        self.changes.len() * 188
    }

    pub fn chunk_bytes(&self) -> usize {
        self.chunks.len() * prices::MAX_CHUNK
    }

    pub fn memory_bytes(&self) -> u64 {
        self.heap_bytes() + self.stable_bytes() + self.other_bytes()
    }

    /// Bytes that storage is paid for.
    pub fn charged_bytes(&self) -> u64 {
        self.memory_bytes().max(self.settings.memory_allocation)
    }

    /// Cycles that must stay.
    pub fn freezing_reserve(&self) -> u128 {
        prices::freezing_reserve(
            self.charged_bytes(),
            self.settings.compute_allocation,
            self.settings.freezing_threshold,
            self.reserved,
        )
    }

    /// Takes cycles if that leaves the freezing reserve; tells what is missing otherwise.
    pub fn charge(&mut self, amount: u128) -> Result<(), u128> {
        let needed = amount + self.freezing_reserve();
        if self.balance < needed {
            return Err(needed - self.balance);
        }
        self.balance -= amount;
        Ok(())
    }

    /// Requests under way to each callee.
    pub fn calls_under_way(&self) -> BTreeMap<Principal, usize> {
        let mut out = BTreeMap::new();
        for callback in self.callbacks.values() {
            *out.entry(callback.callee).or_default() += 1;
        }
        out
    }

    pub fn status_code(&self) -> u32 {
        match self.status {
            Status::Running => 1,
            Status::Stopping(_) => 2,
            Status::Stopped => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_its_last_records() {
        let mut log = Log::default();
        for _ in 0..60 {
            log.add(0, vec![b'x'; 100]);
        }
        assert_eq!(log.records.len(), 29);
        assert_eq!(log.records[0].index, 31);
        log.add(0, vec![b'x'; 10_000]);
        assert_eq!(log.records.len(), 1);
    }
}
