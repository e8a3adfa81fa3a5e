//! Queries, composite ones with their inner queries. The view of the state is dropped afterwards.

use super::canister::Status;
use super::certificate::Tree;
use super::management;
use super::network::Network;
use super::rejects::{fault_reject, no_method, no_module};
use super::types::{Answer, Call, Reject, code};
use crate::prices;

use crate::wasm::{Entry, Host, MethodKind, Mode, OutgoingCall, Response, Workspace, run};
use candid::Principal;
use std::collections::VecDeque;

/// One query, from outside or from a composite query.
struct Inner {
    caller: Principal,
    callee: Principal,
    method: String,
    arg: Vec<u8>,
    depth: usize,
}

/// Too deep nesting fails the whole query, not only the call.
struct TooDeep;

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
        self.run_query(query).unwrap_or_else(|TooDeep| {
            Err(Reject::new(
                525,
                "Composite query calls exceeded the maximum call depth.",
            ))
        })
    }

    fn run_query(&mut self, query: Inner) -> Result<Answer, TooDeep> {
        if query.depth > prices::MAX_COMPOSITE_DEPTH {
            return Err(TooDeep);
        }
        let id = query.callee;
        let mode = match self.check_query(id, &query.method) {
            Ok(mode) => mode,
            Err(reject) => return Ok(Err(reject)),
        };
        let export = match mode {
            Mode::Query => format!("canister_query {}", query.method),
            _ => format!("canister_composite_query {}", query.method),
        };
        let mut host = self.query_host(id, mode, &query);
        host.arg = query.arg.clone();
        host.method = query.method.clone();
        let code = self.canisters[&id].code.as_ref();
        let mut workspace = code
            .expect("BUG: checked above")
            .state
            .workspace()
            .expect("localnet has no memory left for a query's view of the state");
        let mut answered = None;
        let mut waiting = VecDeque::new();
        let mut instructions = 0;
        match self.run_part(id, &mut workspace, &Entry::Export(export), host) {
            Err(reject) => return Ok(Err(reject)),
            Ok(part) => part.note(&mut answered, &mut waiting, &mut instructions),
        }
        let mut failed = None;
        while let Some(call) = waiting.pop_front() {
            let inner = Inner {
                caller: id,
                callee: call.callee,
                method: call.method.clone(),
                arg: call.arg.clone(),
                depth: query.depth + 1,
            };
            let reply = self.run_inner(inner)?;
            let mut host = match &reply {
                Ok(_) => self.query_host(id, Mode::CompositeReplyCallback, &query),
                Err(_) => self.query_host(id, Mode::CompositeRejectCallback, &query),
            };
            host.former_instructions = instructions;
            host.already_answered = answered.is_some();
            let closure = match reply {
                Ok(bytes) => {
                    host.arg = bytes;
                    call.on_reply
                }
                Err(reject) => {
                    host.reject_code = reject.code as u32;
                    host.reject_message = reject.message;
                    call.on_reject
                }
            };
            match self.run_part(id, &mut workspace, &Entry::Table(closure), host) {
                Ok(part) => part.note(&mut answered, &mut waiting, &mut instructions),
                Err(reject) => {
                    failed = Some(reject);
                    if let Some(cleanup) = call.on_cleanup {
                        let host = self.query_host(id, Mode::CompositeCleanup, &query);
                        // a fault in the cleanup makes no difference, since the view is dropped
                        let _ = self.run_part(id, &mut workspace, &Entry::Table(cleanup), host);
                    }
                }
            }
        }
        Ok(match (answered, failed) {
            (Some(Response::Reply(bytes)), _) => Ok(bytes),
            (Some(Response::Reject(message)), _) => Err(Reject {
                code: code::CANISTER_REJECT,
                error_code: 406,
                message,
                certified: true,
            }),
            (None, Some(reject)) => Err(reject),
            (None, None) => Err(Reject::new(
                506,
                format!("Canister {id} did not produce a response"),
            )),
        })
    }

    /// Runs a query of a composite query.
    fn run_inner(&mut self, query: Inner) -> Result<Answer, TooDeep> {
        let callee = query.callee;
        if callee == Principal::management_canister() {
            let subnet = self.canisters[&query.caller].subnet;
            return Ok(Err(Reject::not_found(subnet)));
        }
        if !self.canisters.contains_key(&callee) {
            return Ok(Err(Reject::not_found(callee)));
        }
        self.run_query(query)
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

    fn query_host(&self, id: Principal, mode: Mode, query: &Inner) -> Host {
        let mut host = self.host(id, mode);
        host.caller = query.caller;
        host.instruction_limit = prices::QUERY_INSTRUCTIONS;
        host.reply_limit = if query.depth == 0 {
            prices::MAX_QUERY_REPLY
        } else {
            prices::MAX_REPLY
        };
        if matches!(mode, Mode::Query | Mode::CompositeQuery) {
            let path = [b"canister", id.as_slice(), b"certified_data"];
            let path = path.map(|label| label.to_vec());
            let mut tree = Tree::default();
            let data = self.canisters[&id].certified_data.clone();
            tree.insert(&path, Tree::Leaf(data));
            host.certificate = Some(self.certify(id, tree));
        }
        host
    }

    /// Runs one part of a query on its view of the state. The view keeps the writes of the part.
    fn run_part(
        &mut self,
        id: Principal,
        workspace: &mut Workspace,
        entry: &Entry,
        host: Host,
    ) -> Result<Part, Reject> {
        let code = self.canisters[&id].code.as_ref();
        let code = code.expect("BUG: checked before the query began");
        let run = run(&code.module, workspace, entry, host);
        if let Some(fault) = &run.fault {
            return Err(fault_reject(id, fault));
        }
        Ok(Part {
            response: run.host.response,
            calls: run.host.calls,
            instructions: run.instructions + run.hidden_instructions,
        })
    }
}

/// The effects of one part of a query.
struct Part {
    response: Option<Response>,
    calls: Vec<OutgoingCall>,
    instructions: u64,
}

impl Part {
    fn note(
        self,
        answered: &mut Option<Response>,
        waiting: &mut VecDeque<OutgoingCall>,
        instructions: &mut u64,
    ) {
        *answered = answered.take().or(self.response);
        waiting.extend(self.calls);
        *instructions += self.instructions;
    }
}
