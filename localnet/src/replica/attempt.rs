//! One run of an entry point: its inputs, and the effects that stay.

use super::canister::{Canister, LowMemory, Task};
use super::network::Network;
use crate::prices;
use crate::wasm::{Entry, Fault, Host, Mode, Run, Workspace, run};
use candid::Principal;

/// A finished run and its view of the state. Nothing is committed yet.
pub(super) struct Tried {
    pub run: Run,
    pub workspace: Workspace,
}

impl Tried {
    /// In cycles: each instruction costs one.
    pub(super) fn price(&self) -> u128 {
        u128::from(self.run.instructions + self.run.hidden_instructions)
    }
}

impl Network {
    /// The inputs that all runs of a canister share.
    pub(super) fn host(&self, id: Principal, mode: Mode) -> Host {
        let canister = &self.canisters[&id];
        let mut host = Host::new(mode, id);
        host.subnet = canister.subnet;
        host.controllers = canister.settings.controllers.clone();
        host.time = self.round_time;
        host.version = canister.version;
        host.status = canister.status_code();
        host.environment = canister.settings.environment.clone();
        host.root_key = self.root_key();
        host.timer = canister.timer;
        host.funds.balance = canister.balance;
        host.funds.reserved = canister.reserved;
        host.funds.reserved_limit = canister.settings.reserved_cycles_limit;
        host.funds.freezing_threshold = canister.settings.freezing_threshold;
        host.funds.other_memory = canister.other_bytes();
        host.funds.memory_allocation = canister.settings.memory_allocation;
        host.funds.compute_allocation = canister.settings.compute_allocation;
        if !matches!(mode, Mode::Query | Mode::ReplicatedQuery) && !mode.is_composite() {
            let limit = canister.settings.wasm_memory_limit;
            host.wasm_memory_limit = (limit > 0).then_some(limit);
        }
        let under_way = canister.calls_under_way();
        host.free_slots = Box::new(move |callee| {
            prices::MAX_CALLS_TO_ONE.saturating_sub(under_way.get(callee).copied().unwrap_or(0))
        });
        host
    }

    /// Runs an entry on a new view of the canister's state.
    pub(super) fn attempt(&mut self, id: Principal, entry: &Entry, host: Host) -> Tried {
        let code = self.canisters[&id].code.as_ref();
        let code = code.expect("BUG: a run without a module");
        let mut workspace = code
            .state
            .workspace()
            .expect("localnet has no memory left for a message's view of the state");
        let run = run(&code.module, &mut workspace, entry, host);
        self.instructions_this_round += run.instructions;
        if run.host.mode.is_replicated()
            && let Some(canister) = self.canisters.get_mut(&id)
        {
            canister.statistics.touched(&run);
        }
        Tried { run, workspace }
    }

    /// Logs the prints of a run and the text of its trap. They stay even if the run failed.
    pub(super) fn keep_log(&mut self, id: Principal, run: &mut Run) {
        let time = self.round_time;
        let Some(canister) = self.canisters.get_mut(&id) else {
            return;
        };
        for text in run.host.logs.drain(..) {
            canister.log.add(time, text);
        }
        if let Some(fault) = &run.fault {
            let text = match fault {
                Fault::Called(text) => text.clone(),
                Fault::Trapped(kind) => kind.to_string(),
                other => other.text(id),
            };
            canister
                .log
                .add(time, format!("[TRAP]: {text}").into_bytes());
        }
    }

    /// Commits the effects of a successful run, except for its calls.
    pub(super) fn keep(&mut self, id: Principal, tried: &mut Tried) {
        let canister = self.canisters.get_mut(&id).expect("BUG: ran and is gone");
        let code = canister.code.as_mut().expect("BUG: ran without a module");
        let written = code.state.commit(&tried.workspace);
        let written = written.expect("localnet has no memory left for the state of a canister");
        canister.dirtied(written);
        let host = &mut tried.run.host;
        canister.balance = host.funds.balance;
        canister.reserved = host.funds.reserved;
        if let Some(data) = host.certified_data.take() {
            canister.certified_data = data;
        }
        if let Some(at) = host.new_timer.take() {
            canister.timer = (at != 0).then_some(at);
        }
        canister.version += 1;
        watch_memory(canister);
    }
}

/// Schedules the low-memory hook when the heap passes the threshold.
fn watch_memory(canister: &mut Canister) {
    let settings = &canister.settings;
    let used = canister.heap_bytes();
    let left = settings.wasm_memory_limit.saturating_sub(used);
    let low = settings.wasm_memory_limit > 0 && left < settings.wasm_memory_threshold;
    if low && canister.low_memory == LowMemory::No {
        canister.low_memory = LowMemory::Ran;
        canister.tasks.push_back(Task::LowMemory);
    } else if !low {
        canister.low_memory = LowMemory::No;
    }
}
