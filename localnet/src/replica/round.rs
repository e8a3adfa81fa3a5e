//! The round: everything that happens at one time of the network.

use super::canister::{Canister, Code, Status};
use super::management;
use super::message::{Origin, Request};
use super::network::Network;
use super::types::Reject;
use crate::prices;
use candid::Principal;

/// A round ends after these instructions. The remaining inputs wait for the next round.
const ROUND_INSTRUCTIONS: u64 = 7_000_000_000;
/// Extra instructions of each execution, so that a round of cheap messages ends too.
const EXECUTION_OVERHEAD: u64 = 2_000_000;

impl Network {
    /// Runs one round.
    pub fn tick(&mut self) {
        self.round += 1;
        self.clock += 1;
        self.round_time = self.clock;
        self.instructions_this_round = 0;
        self.charge_storage();
        self.expire_calls();
        self.expire_stops();
        self.schedule_tasks();
        self.induct();
        self.answer_later();
        while self.instructions_this_round < ROUND_INSTRUCTIONS {
            let mut busy = self.run_management();
            let ids: Vec<Principal> = self.canisters.keys().copied().collect();
            for id in ids {
                if self.step(id) {
                    busy = true;
                    self.instructions_this_round += EXECUTION_OVERHEAD;
                }
            }
            self.finish_stopping();
            if !busy {
                break;
            }
        }
        self.forgive();
    }

    /// Whether only time can change something: timers, storage, deadlines.
    pub fn is_idle(&self) -> bool {
        let beats = |code: &Code| code.module.has_hook("canister_heartbeat");
        let waits = |canister: &Canister| {
            !canister.queue.is_empty()
                || !canister.tasks.is_empty()
                || !canister.contexts.is_empty()
                || matches!(canister.status, Status::Stopping(_))
                || canister.code.as_ref().is_some_and(beats) && canister.runs_tasks()
        };
        self.ingress.is_empty()
            && self.management.is_empty()
            && self.later.is_empty()
            && !self.canisters.values().any(waits)
    }

    /// Whether a round at `time` (nanoseconds since 1970) would do nothing but charge for storage.
    pub fn is_quiet_at(&self, time: u64) -> bool {
        let due = |canister: &Canister| {
            canister.timer_is_due(time)
                || canister.install_debit > 0
                || canister.heap_delta_debit > 0
        };
        self.is_idle() && !self.canisters.values().any(due)
    }

    /// Charges and queues the messages from outside since the last round. Management calls run at
    /// once.
    fn induct(&mut self) {
        for (id, call) in std::mem::take(&mut self.ingress) {
            let origin = Origin::Ingress(id, call.sender);
            if call.canister == Principal::management_canister() {
                management::run_ingress(self, origin, call);
                continue;
            }
            let fee = prices::ingress(call.bytes());
            let charged = match self.canisters.get_mut(&call.canister) {
                None => Err(Reject::not_found(call.canister)),
                Some(canister) => canister.check_running().and_then(|()| {
                    canister
                        .charge(fee)
                        .map_err(|missing| Reject::out_of_cycles(call.canister, missing))?;
                    canister.statistics.ingress_cycles += fee;
                    Ok(())
                }),
            };
            match charged {
                Err(reject) => self.answer(&origin, Err(reject), 0),
                Ok(()) => self.enqueue(Request {
                    origin,
                    callee: call.canister,
                    method: call.method,
                    arg: call.arg,
                    cycles: 0,
                }),
            }
        }
    }

    fn run_management(&mut self) -> bool {
        let mut busy = false;
        while let Some(request) = self.management.pop_front() {
            busy = true;
            management::run_request(self, request);
        }
        busy
    }

    /// Answers the requests that are due in this round, those for random bytes.
    fn answer_later(&mut self) {
        let (due, later) = std::mem::take(&mut self.later)
            .into_iter()
            .partition(|(round, _)| *round <= self.round);
        self.later = later;
        let due: Vec<(u64, Request)> = due;
        for (_, request) in due {
            management::answer_random(self, request);
        }
    }
}
