//! The end of a run: sends its calls, answers its caller, and closes its call context.

use super::canister::Canister;
use super::message::{Callback, Origin, Request};
use super::network::Network;
use super::types::{Reject, code};
use crate::prices;
use crate::wasm::Run;
use crate::wasm::{OutgoingCall, Response as Given};
use candid::Principal;

impl Network {
    /// Sends the calls of a run and answers its caller, with the canister's answer or with an
    /// error.
    pub(super) fn conclude(
        &mut self,
        id: Principal,
        context: u64,
        run: Run,
        failed: Option<Reject>,
    ) {
        let calls = if failed.is_none() {
            run.host.calls
        } else {
            vec![]
        };
        let canister = self.canisters.get_mut(&id).expect("BUG: ran and is gone");
        let requests: Vec<Request> = calls
            .into_iter()
            .map(|call| make_request(canister, context, call, self.round_time))
            .collect();
        let Some(open) = canister.contexts.get_mut(&context) else {
            return;
        };
        open.outstanding += requests.len();
        // later runs see the heap pages of this one in performance counter 1
        open.instructions += run.instructions + run.hidden_instructions;
        let mut given = None;
        if failed.is_none() {
            open.cycles -= run.host.accepted_cycles;
            given = run.host.response;
        }
        if let Some(given) = given {
            let payload = match given {
                Given::Reply(bytes) => Ok(bytes),
                Given::Reject(message) => Err(Reject {
                    code: code::CANISTER_REJECT,
                    error_code: 406,
                    message,
                    certified: true,
                }),
            };
            open.answered = true;
            let refund = std::mem::take(&mut open.cycles);
            let origin = open.origin.clone();
            self.answer(&origin, payload, refund);
        }
        for request in requests {
            self.send(request);
        }
        self.close_context(id, context, failed);
    }

    /// Removes a context without outstanding calls, and answers its caller if no run did.
    pub(super) fn close_context(&mut self, id: Principal, context: u64, failed: Option<Reject>) {
        let canister = self.canisters.get_mut(&id).expect("BUG: ran and is gone");
        let Some(open) = canister.contexts.get(&context) else {
            return;
        };
        if open.outstanding > 0 {
            return;
        }
        let open = canister
            .contexts
            .remove(&context)
            .expect("BUG: found above");
        if open.answered {
            return;
        }
        match (failed, &open.origin) {
            (Some(reject), origin) => self.answer_fault(origin, reject, open.cycles),
            (None, origin @ Origin::Canister { .. }) => {
                let reject = Reject::new(506, "No response");
                self.answer(origin, Err(reject), open.cycles);
            }
            (None, origin) => {
                let text = format!("Canister {id} did not reply to the call");
                self.answer(origin, Err(Reject::new(506, text)), open.cycles);
            }
        }
    }
}

/// Makes a request of a call and registers its callback.
fn make_request(canister: &mut Canister, context: u64, call: OutgoingCall, time: u64) -> Request {
    let id = canister.fresh_id();
    canister.statistics.call_cycles +=
        prices::call_fee(call.method.len() as u64, call.arg.len() as u64);
    let deadline = call
        .timeout
        .map_or(0, |seconds| time + u64::from(seconds) * 1_000_000_000);
    canister.callbacks.insert(
        id,
        Callback {
            context,
            callee: call.callee,
            on_reply: call.on_reply,
            on_reject: call.on_reject,
            on_cleanup: call.on_cleanup,
            deadline,
            answered: false,
        },
    );
    Request {
        origin: Origin::Canister {
            id: canister.id,
            callback: id,
            deadline,
        },
        callee: call.callee,
        method: call.method,
        arg: call.arg,
        cycles: call.cycles,
    }
}
