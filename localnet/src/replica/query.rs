//! Queries, composite ones with their inner queries. The view of the state is dropped afterwards.

use super::call_graph::{CallGraph, Exceeded};
use super::canister::Status;
use super::certificate::Tree;
use super::management;
use super::network::Network;
use super::rejects::{both_faults, fault_reject, no_method, no_module, shorten_for_canister};
use super::types::{Answer, Call, Reject, code};
use crate::prices;
use crate::wasm::{
    Certify, Entry, Fault, Host, MethodKind, Mode, OutgoingCall, Response, Workspace, run,
};
use candid::Principal;
use std::collections::VecDeque;
use std::sync::LazyLock;

/// One query, from outside or from a composite query.
struct Inner {
    caller: Principal,
    callee: Principal,
    method: String,
    arg: Vec<u8>,
    depth: usize,
}

impl Network {
    /// Runs a query from outside.
    pub fn query(&mut self, call: Call) -> Answer {
        if call.canister == Principal::management_canister() {
            return management::query(self, &call);
        }
        let query = Inner {
            caller: call.sender,
            callee: call.canister,
            method: call.method,
            arg: call.arg,
            depth: 0,
        };
        let mut graph = CallGraph::new(call.canister);
        self.run_query(query, &mut graph)
            .unwrap_or_else(|exceeded| Err(exceeded.reject()))
    }

    /// Runs a query and, while it has no answer, the queries that it calls, one after another. The
    /// first answer ends it, and its other calls are dropped.
    fn run_query(&mut self, query: Inner, graph: &mut CallGraph) -> Result<Answer, Exceeded> {
        let id = query.callee;
        let mode = match self.check_query(id, &query.method) {
            Ok(mode) => mode,
            Err(reject) => return Ok(Err(reject)),
        };
        let export = match mode {
            Mode::Query => format!("canister_query {}", query.method),
            _ => format!("canister_composite_query {}", query.method),
        };
        let mut host = self.query_host(id, mode, &query, graph);
        host.arg = query.arg.clone();
        host.method = query.method.clone();
        let code = self.canisters[&id].code.as_ref();
        let mut workspace = code
            .expect("BUG: checked above")
            .state
            .workspace()
            .expect("localnet has no memory left for a query's view of the state");
        let first = self.run_part(id, &mut workspace, &Entry::Export(export), host, graph);
        if query.depth > 0 {
            graph.use_up(prices::COMPOSITE_CALL_INSTRUCTIONS);
        }
        let first = match first.outcome {
            Ok(effects) => effects,
            Err(fault) => return Ok(Err(fault_reject(id, &fault))),
        };
        if let Some(response) = first.response {
            return Ok(answer(response));
        }
        let mut waiting = VecDeque::from(first.calls);
        let mut instructions = first.instructions;
        loop {
            graph.check(query.depth)?;
            let Some(call) = waiting.pop_front() else {
                return Ok(Err(no_response(id)));
            };
            let inner = Inner {
                caller: id,
                callee: call.callee,
                method: call.method.clone(),
                arg: call.arg.clone(),
                depth: query.depth + 1,
            };
            let reply = self.run_inner(inner, graph)?;
            graph.check(query.depth)?;
            let outcome = self.run_reply(&query, &mut workspace, &call, reply, instructions, graph);
            let last = waiting.is_empty();
            match outcome {
                Ok(effects) => {
                    if let Some(response) = effects.response {
                        return Ok(answer(response));
                    }
                    if last && effects.calls.is_empty() {
                        return Ok(Err(no_response(id)));
                    }
                    waiting.extend(effects.calls);
                    instructions += effects.instructions;
                }
                Err(reject) if last => return Ok(Err(reject)),
                // another callback may still answer
                Err(_) => {}
            }
        }
    }

    /// Runs the callback of one call, and its cleanup if it fails.
    fn run_reply(
        &mut self,
        query: &Inner,
        workspace: &mut Workspace,
        call: &OutgoingCall,
        reply: Answer,
        former_instructions: u64,
        graph: &mut CallGraph,
    ) -> Result<Effects, Reject> {
        let id = query.callee;
        let mode = match &reply {
            Ok(_) => Mode::CompositeReplyCallback,
            Err(_) => Mode::CompositeRejectCallback,
        };
        let mut host = self.query_host(id, mode, query, graph);
        host.former_instructions = former_instructions;
        let closure = match reply {
            Ok(bytes) => {
                host.arg = bytes;
                call.on_reply
            }
            Err(mut reject) => {
                shorten_for_canister(&mut reject.message);
                host.reject_code = reject.code as u32;
                host.reject_message = reject.message;
                call.on_reject
            }
        };
        let limit = host.instruction_limit;
        let part = self.run_part(id, workspace, &Entry::Table(closure), host, graph);
        let fault = match part.outcome {
            Ok(effects) => return Ok(effects),
            Err(fault) => fault,
        };
        let second = call.on_cleanup.and_then(|cleanup| {
            let mut host = self.query_host(id, Mode::CompositeCleanup, query, graph);
            host.instruction_limit = limit.saturating_sub(part.instructions);
            host.former_instructions = former_instructions;
            let entry = Entry::Table(cleanup);
            self.run_part(id, workspace, &entry, host, graph)
                .outcome
                .err()
        });
        Err(match second {
            None => fault_reject(id, &fault),
            Some(second) => both_faults(id, &fault, &second),
        })
    }

    /// Runs a query of a composite query.
    fn run_inner(&mut self, query: Inner, graph: &mut CallGraph) -> Result<Answer, Exceeded> {
        let callee = query.callee;
        if callee == Principal::management_canister() {
            let subnet = self.canisters[&query.caller].subnet;
            return Ok(Err(Reject::not_found(subnet)));
        }
        if !self.canisters.contains_key(&callee) {
            return Ok(Err(Reject::not_found(callee)));
        }
        self.run_query(query, graph)
    }

    fn check_query(&self, id: Principal, method: &str) -> Result<Mode, Reject> {
        let canister = self
            .canisters
            .get(&id)
            .ok_or_else(|| Reject::not_found(id))?;
        match canister.status {
            Status::Running => {}
            Status::Stopping(_) => {
                return Err(Reject::new(509, format!("Canister {id} is not running")));
            }
            Status::Stopped => {
                return Err(Reject::new(
                    508,
                    format!(
                        "Canister {id} is stopped and therefore does not have a CallContextManager"
                    ),
                ));
            }
        }
        let Some(code) = &canister.code else {
            return Err(no_module(id));
        };
        if canister.balance < canister.freezing_reserve() {
            return Err(Reject::new(
                207,
                format!(
                    "Canister {id} is unable to process query calls because it's frozen. Please \
                     top up the canister with cycles and try again."
                ),
            ));
        }
        match code.module.methods.get(method) {
            Some(MethodKind::Query) => Ok(Mode::Query),
            Some(MethodKind::CompositeQuery) => Ok(Mode::CompositeQuery),
            Some(MethodKind::Update) | None => Err(no_method(id, "query", method)),
        }
    }

    fn query_host(&self, id: Principal, mode: Mode, query: &Inner, graph: &CallGraph) -> Host {
        let mut host = self.host(id, mode);
        host.caller = query.caller;
        host.instruction_limit = graph.limit();
        if matches!(mode, Mode::Query | Mode::CompositeQuery) {
            // a callback's answer has the limit of updates, whoever asked
            host.reply_limit = prices::MAX_QUERY_REPLY;
            if graph.is_root(id) {
                let certificate = self.certified_data_certificate(id);
                host.certificate = Some(LazyLock::new(certificate));
            }
        }
        host
    }

    /// Few queries ask for their certificate, and signing it takes longer than most of them.
    fn certified_data_certificate(&self, id: Principal) -> Certify {
        let path = [b"canister", id.as_slice(), b"certified_data"];
        let path = path.map(|label| label.to_vec());
        let mut tree = Tree::default();
        let data = self.canisters[&id].certified_data.clone();
        tree.insert(&path, Tree::Leaf(data));
        Box::new(self.certify_later(id, tree))
    }

    /// Runs one part of a query on its view of the state. The view keeps the writes of the part.
    fn run_part(
        &mut self,
        id: Principal,
        workspace: &mut Workspace,
        entry: &Entry,
        host: Host,
        graph: &mut CallGraph,
    ) -> Part {
        let code = self.canisters[&id].code.as_ref();
        let code = code.expect("BUG: checked before the query began");
        let run = run(&code.module, workspace, entry, host);
        if let Some(canister) = self.canisters.get_mut(&id) {
            canister.statistics.queried(&run);
        }
        let instructions = run.instructions + run.hidden_instructions;
        graph.use_up(instructions);
        Part {
            instructions,
            outcome: match run.fault {
                Some(fault) => Err(fault),
                None => Ok(Effects {
                    response: run.host.response,
                    calls: run.host.calls,
                    instructions,
                }),
            },
        }
    }
}

/// A finished part of a query.
struct Part {
    instructions: u64,
    outcome: Result<Effects, Fault>,
}

/// The effects of a successful part.
struct Effects {
    response: Option<Response>,
    calls: Vec<OutgoingCall>,
    instructions: u64,
}

fn answer(response: Response) -> Answer {
    match response {
        Response::Reply(bytes) => Ok(bytes),
        Response::Reject(message) => Err(Reject {
            code: code::CANISTER_REJECT,
            error_code: 406,
            message,
            certified: true,
        }),
    }
}

fn no_response(id: Principal) -> Reject {
    Reject::new(506, format!("Canister {id} did not produce a response"))
}
