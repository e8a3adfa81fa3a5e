//! Runs the callbacks of calls and their cleanups.

use super::attempt::Tried;
use super::message::{CallContext, Callback, Response};
use super::network::Network;
use super::rejects::{both_faults, fault_reject, no_module};
use crate::prices;
use crate::wasm::{Closure, Entry, Fault, Mode};
use candid::Principal;

impl Network {
    pub(super) fn run_response(&mut self, id: Principal, response: Response) {
        let canister = self.canisters.get_mut(&id).expect("BUG: found before");
        let Some(callback) = canister.callbacks.remove(&response.callback) else {
            canister.balance += response.refund;
            return;
        };
        // the call paid for the longest answer; the rest comes back
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

    /// Settles the run of a callback. A fault rolls it back and runs the cleanup, whose effects
    /// stay.
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
                        reject = both_faults(id, &fault, &second);
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
}
