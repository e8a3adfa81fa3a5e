//! Delivers requests to their callees and answers to their callers.

use super::message::{Input, Origin, Request, Response};
use super::network::Network;
use super::rejects::shorten_for_canister;
use super::types::{Answer, Reject};
use candid::Principal;

impl Network {
    pub(super) fn enqueue(&mut self, request: Request) {
        let canister = self.canisters.get_mut(&request.callee);
        canister
            .expect("BUG: queued for a canister that isn't there")
            .queue
            .push_back(Input::Request(request));
    }

    /// Queues a request for its callee, or rejects it.
    pub(crate) fn send(&mut self, request: Request) {
        let callee = request.callee;
        if callee == Principal::management_canister() {
            self.management.push_back(request);
            return;
        }
        let refused = match self.canisters.get(&callee) {
            Some(canister) => canister.check_running().err(),
            None if self.route(callee).is_none() => {
                Some(Reject::new(301, format!("No route to canister {callee}")))
            }
            None => Some(Reject::not_found(callee)),
        };
        match refused {
            Some(reject) => self.answer(&request.origin, Err(reject), request.cycles),
            None => self.enqueue(request),
        }
    }

    /// Delivers an answer to its caller.
    pub(crate) fn answer(&mut self, origin: &Origin, payload: Answer, refund: u128) {
        match origin {
            Origin::Task => {}
            Origin::Ingress(id, _) => {
                self.statuses.insert(id.clone(), Some(payload));
            }
            Origin::Canister { id, callback, .. } => {
                let payload = payload.map_err(|mut reject| {
                    shorten_for_canister(&mut reject.message);
                    reject
                });
                let Some(canister) = self.canisters.get_mut(id) else {
                    return;
                };
                match canister.callbacks.get_mut(callback) {
                    Some(waiting) if !waiting.answered => {
                        waiting.answered = true;
                        canister.queue.push_back(Input::Response(Response {
                            callback: *callback,
                            payload,
                            refund,
                        }));
                    }
                    // the deadline has answered it already; the cycles still come back
                    _ => canister.balance += refund,
                }
            }
        }
    }

    /// Answers a request that failed during execution. Canisters see the error code before the
    /// text.
    pub(crate) fn answer_fault(&mut self, origin: &Origin, mut reject: Reject, refund: u128) {
        if let Origin::Canister { .. } = origin {
            reject.message = format!("IC0{}: {}", reject.error_code, reject.message);
        }
        self.answer(origin, Err(reject), refund);
    }
}
