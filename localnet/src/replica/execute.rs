//! Runs the next input of a canister: a request, an answer, or a task of its own.
//!
//! Before a run the canister pays the highest possible price, and afterwards it gets the rest back.
//! After a fault only the price of the executed instructions and the prints stay.

use super::attempt::Tried;
use super::canister::{Status, Task};
use super::message::{CallContext, Input, Origin, Request};
use super::network::Network;
use super::rejects::{fault_reject, no_method, no_module};
use super::types::Reject;
use crate::prices;
use crate::wasm::{Entry, MethodKind, Mode};
use candid::Principal;

impl Network {
    /// Runs the next input of this canister. Returns false if there is none, and if the canister
    /// wrote so much memory that it has to skip the round.
    pub(crate) fn step(&mut self, id: Principal) -> bool {
        if self.heap_delta_excess(id).is_some() {
            return false;
        }
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
            // it fires once, but a canister that cannot pay keeps it
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
        if let Err(reject) = canister.check_running() {
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
                // a missing method costs as much as an empty execution
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

    /// Settles the run of a request or task: commits or drops its effects, pays, sends its calls,
    /// and answers.
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
}
