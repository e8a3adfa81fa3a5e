//! Runs what waits in a canister's queue: requests, answers, its own tasks.
//!
//! Before a run the canister pays for the most that it may cost, and gets the rest back; a fault leaves only the price
//! of what was executed and what was printed.

use super::canister::{Canister, LowMemory, Status, Task};
use super::message::{CallContext, Callback, Input, Origin, Request, Response};
use super::network::{Network, check_running, truncate};
use super::prices;
use super::types::{Call, Reject};
use crate::system::host::Closure;
use crate::system::{Entry, Fault, Host, MethodKind, Mode, Run, Workspace, runtime};
use candid::Principal;

/// A finished run with the state it worked on, before anything is kept.
pub(crate) struct Tried {
    pub run: Run,
    pub workspace: Workspace,
}

impl Tried {
    fn price(&self) -> u128 {
        u128::from(self.run.instructions + self.run.hidden_instructions)
    }
}

/// The error of a run, as callers are told.
pub(crate) fn fault_reject(canister: Principal, fault: &Fault) -> Reject {
    let mut text = format!("Error from Canister {canister}: {}", fault.text(canister));
    if let Some(advice) = fault.advice() {
        text.push_str(".\n");
        text.push_str(advice);
    }
    truncate(&mut text, prices::MAX_REJECT_MESSAGE);
    Reject::new(fault.error_code(), text)
}

pub(crate) fn no_module(canister: Principal) -> Reject {
    Reject::new(
        537,
        format!(
            "Error from Canister {canister}: Attempted to execute a message, but the canister contains no Wasm module."
        ),
    )
}

pub(crate) fn no_method(canister: Principal, kind: &str, method: &str) -> Reject {
    Reject::new(
        536,
        format!("Error from Canister {canister}: Canister has no {kind} method '{method}'."),
    )
}

impl Network {
    /// Runs one thing that waits for this canister; false when there is nothing.
    pub(crate) fn step(&mut self, id: Principal) -> bool {
        let Some(canister) = self.canisters.get_mut(&id) else {
            return false;
        };
        if let Some(task) = canister.tasks.pop_front() {
            self.run_task(id, task);
            return true;
        }
        match canister.queue.pop_front() {
            None => false,
            Some(Input::Request(request)) => {
                self.run_request(request);
                true
            }
            Some(Input::Response(response)) => {
                self.run_response(id, response);
                true
            }
        }
    }

    /// The inputs that every run of a canister shares.
    pub(crate) fn host(&self, id: Principal, mode: Mode) -> Host {
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

    /// Runs an entry on a fresh view of the canister's state.
    pub(crate) fn attempt(&mut self, id: Principal, entry: &Entry, host: Host) -> Tried {
        let code = self.canisters[&id].code.as_ref();
        let code = code.expect("BUG: a run without a module");
        let mut workspace = code
            .state
            .workspace()
            .expect("localnet has no memory left for a message's view of the state");
        let run = runtime::run(&code.module, &mut workspace, entry, host);
        self.instructions_this_round += run.instructions;
        if run.host.mode.is_replicated()
            && let Some(canister) = self.canisters.get_mut(&id)
        {
            canister.statistics.touched(&run);
        }
        Tried { run, workspace }
    }

    /// Keeps prints, and the text of a trap, whatever became of the run.
    pub(crate) fn keep_log(&mut self, id: Principal, run: &mut Run) {
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

    /// Keeps the effects of a run that returned; the calls it made are not sent yet.
    fn keep(&mut self, id: Principal, tried: &mut Tried) {
        let canister = self.canisters.get_mut(&id).expect("BUG: ran and is gone");
        let code = canister.code.as_mut().expect("BUG: ran without a module");
        code.state
            .commit(&tried.workspace)
            .expect("localnet has no memory left for the state of a canister");
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

    fn run_task(&mut self, id: Principal, task: Task) {
        let (mode, hook) = match task {
            Task::Heartbeat => (Mode::Heartbeat, "canister_heartbeat"),
            Task::Timer => (Mode::Timer, "canister_global_timer"),
            Task::LowMemory => (Mode::LowMemory, "canister_on_low_wasm_memory"),
        };
        let canister = self.canisters.get_mut(&id).expect("BUG: found before");
        let exists = |c: &super::canister::Code| c.module.has_hook(hook);
        if !matches!(canister.status, Status::Running)
            || !canister.code.as_ref().is_some_and(exists)
        {
            return;
        }
        if canister.charge(prices::execution_prepaid()).is_err() {
            return;
        }
        if task == Task::Timer {
            // It fires once; who could not pay for it until now still had it.
            canister.timer = None;
        }
        let context = self.open_context(id, Origin::Task, 0);
        let host = self.host(id, mode);
        let tried = self.attempt(id, &Entry::Export(hook.into()), host);
        self.settle(id, context, tried);
    }

    fn run_request(&mut self, request: Request) {
        let id = request.callee;
        let canister = self.canisters.get_mut(&id).expect("BUG: found before");
        let origin = request.origin.clone();
        if let Err(reject) = check_running(canister) {
            return self.answer(&origin, Err(reject), request.cycles);
        }
        let Some(code) = &canister.code else {
            return self.answer_fault(&origin, no_module(id), request.cycles);
        };
        let mode = match code.module.methods.get(&request.method) {
            Some(MethodKind::Update) => Mode::Update,
            Some(MethodKind::Query) => Mode::ReplicatedQuery,
            Some(MethodKind::CompositeQuery) => {
                let text = "Composite query cannot be called in replicated mode";
                return self.answer_fault(&origin, Reject::new(527, text), request.cycles);
            }
            None => {
                let reject = no_method(id, "update", &request.method);
                // looking for a method costs what an empty execution does
                canister.balance = canister.balance.saturating_sub(prices::UPDATE_BASE);
                canister.statistics.executed(0);
                return self.answer_fault(&origin, reject, request.cycles);
            }
        };
        if let Err(missing) = canister.charge(prices::execution_prepaid()) {
            let mut reject = Reject::out_of_cycles(id, missing);
            if let Origin::Canister { .. } = origin {
                reject.message = format!("Canister {id} is out of cycles");
            }
            return self.answer_fault(&origin, reject, request.cycles);
        }
        let export = match mode {
            Mode::Update => format!("canister_update {}", request.method),
            _ => format!("canister_query {}", request.method),
        };
        let context = self.open_context(id, origin.clone(), request.cycles);
        let mut host = self.host(id, mode);
        host.caller = origin.caller();
        host.deadline = origin.deadline();
        host.cycles_available = request.cycles;
        host.arg = request.arg;
        host.method = request.method;
        if mode == Mode::ReplicatedQuery {
            host.instruction_limit = prices::QUERY_INSTRUCTIONS;
        }
        let tried = self.attempt(id, &Entry::Export(export), host);
        self.settle(id, context, tried);
    }

    fn open_context(&mut self, id: Principal, origin: Origin, cycles: u128) -> u64 {
        let canister = self.canisters.get_mut(&id).expect("BUG: found before");
        let context = canister.fresh_id();
        canister.contexts.insert(
            context,
            CallContext {
                origin,
                answered: false,
                cycles,
                outstanding: 0,
                instructions: 0,
            },
        );
        context
    }

    /// After the run of a request or task: keep or drop its effects, pay, send calls, answer.
    fn settle(&mut self, id: Principal, context: u64, mut tried: Tried) {
        let price = tried.price();
        self.keep_log(id, &mut tried.run);
        let unused = u128::from(prices::UPDATE_INSTRUCTIONS).saturating_sub(price);
        let fault = tried.run.fault.take();
        if fault.is_none() {
            if tried.run.host.mode == Mode::ReplicatedQuery {
                let canister = self.canisters.get_mut(&id).expect("BUG: ran and is gone");
                canister.balance = tried.run.host.funds.balance;
                canister.version += 1;
            } else {
                self.keep(id, &mut tried);
            }
        }
        let canister = self.canisters.get_mut(&id).expect("BUG: ran and is gone");
        canister.balance += unused;
        canister.statistics.executed(price);
        self.conclude(id, context, tried.run, fault.map(|f| fault_reject(id, &f)));
    }

    fn run_response(&mut self, id: Principal, response: Response) {
        let canister = self.canisters.get_mut(&id).expect("BUG: found before");
        let Some(callback) = canister.callbacks.remove(&response.callback) else {
            canister.balance += response.refund;
            return;
        };
        // what the answer turned out shorter than the longest one
        let length = match &response.payload {
            Ok(bytes) => bytes.len(),
            Err(reject) => reject.message.len(),
        };
        let spare = prices::response_prepaid().saturating_sub(prices::CALL_BYTE * length as u128);
        canister.balance += response.refund + spare;
        canister.statistics.call_cycles += prices::response_prepaid() - spare;
        let Some(open) = canister.contexts.get_mut(&callback.context) else {
            canister.balance += u128::from(prices::UPDATE_INSTRUCTIONS);
            canister.statistics.executed(0);
            return;
        };
        open.outstanding -= 1;
        let open = open.clone();
        if canister.code.is_none() {
            canister.balance += u128::from(prices::UPDATE_INSTRUCTIONS);
            canister.statistics.executed(0);
            return self.close_context(id, callback.context, Some(no_module(id)));
        }
        let (mode, closure) = match &response.payload {
            Ok(_) => (Mode::ReplyCallback, callback.on_reply),
            Err(_) => (Mode::RejectCallback, callback.on_reject),
        };
        let mut host = self.host(id, mode);
        host.caller = open.origin.caller();
        host.deadline = open.origin.deadline();
        host.cycles_available = open.cycles;
        host.cycles_refunded = response.refund;
        host.already_answered = open.answered;
        host.former_instructions = open.instructions;
        match response.payload {
            Ok(bytes) => host.arg = bytes,
            Err(reject) => {
                host.reject_code = reject.code as u32;
                host.reject_message = reject.message;
            }
        }
        let tried = self.attempt(id, &Entry::Table(closure), host);
        self.settle_callback(id, &callback, &open, tried);
    }

    /// After the run of a callback: as [`Self::settle`], but a fault runs the cleanup, whose effects stay.
    fn settle_callback(
        &mut self,
        id: Principal,
        callback: &Callback,
        open: &CallContext,
        mut tried: Tried,
    ) {
        let mut price = tried.price();
        self.keep_log(id, &mut tried.run);
        let mut failed = None;
        match tried.run.fault.take() {
            None => self.keep(id, &mut tried),
            Some(fault) => {
                let mut reject = fault_reject(id, &fault);
                if let Some(closure) = callback.on_cleanup {
                    let (cost, second) = self.clean_up(id, closure, open);
                    price += cost;
                    if let Some(second) = second {
                        // both, and no advice
                        reject.message = format!(
                            "Error from Canister {id}: {}\n\ncall_on_cleanup also failed:\n\n{}",
                            fault.text(id),
                            second.text(id)
                        );
                        truncate(&mut reject.message, prices::MAX_REJECT_MESSAGE);
                    }
                }
                failed = Some(reject);
            }
        }
        let unused = u128::from(prices::UPDATE_INSTRUCTIONS).saturating_sub(price);
        let canister = self.canisters.get_mut(&id).expect("BUG: ran and is gone");
        canister.balance += unused;
        canister.statistics.executed(price);
        self.conclude(id, callback.context, tried.run, failed);
    }

    fn clean_up(
        &mut self,
        id: Principal,
        closure: Closure,
        open: &CallContext,
    ) -> (u128, Option<Fault>) {
        let mut host = self.host(id, Mode::Cleanup);
        host.caller = open.origin.caller();
        host.former_instructions = open.instructions;
        let mut tried = self.attempt(id, &Entry::Table(closure), host);
        self.keep_log(id, &mut tried.run);
        let price = tried.price();
        let fault = tried.run.fault.take();
        if fault.is_none() {
            self.keep(id, &mut tried);
        }
        (price, fault)
    }

    /// Asks the canister whether it takes an ingress message.
    pub(crate) fn inspect(&mut self, call: &Call) -> Result<(), Reject> {
        const HOOK: &str = "canister_inspect_message";
        let id = call.canister;
        let code = self.canisters[&id].code.as_ref();
        if !code.is_some_and(|c| c.module.has_hook(HOOK)) {
            return Ok(());
        }
        let mut host = self.host(id, Mode::Inspect);
        host.caller = call.sender;
        host.arg = call.arg.clone();
        host.method = call.method.clone();
        host.instruction_limit = prices::INSPECT_INSTRUCTIONS;
        let tried = self.attempt(id, &Entry::Export(HOOK.into()), host);
        if let Some(fault) = &tried.run.fault {
            return Err(fault_reject(id, fault));
        }
        if !tried.run.host.accepted_message {
            return Err(Reject::new(
                406,
                format!("Error from Canister {id}: Canister rejected the message"),
            ));
        }
        Ok(())
    }
}

/// Has the low-memory hook run once the threshold is passed.
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
