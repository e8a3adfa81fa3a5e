//! The effects of time in each round: payment for storage, deadlines, timers and heartbeats.

use super::canister::{Status, Task};
use super::message::{Input, Origin};
use super::network::Network;
use super::subnets::Subnet;
use super::types::{Reject, SubnetKind, code};
use crate::prices;
use candid::Principal;

impl Network {
    /// Rejects the calls whose deadline has passed.
    pub(super) fn expire_calls(&mut self) {
        let mut expired = vec![];
        for canister in self.canisters.values() {
            for (id, callback) in &canister.callbacks {
                if callback.deadline != 0
                    && callback.deadline < self.round_time
                    && !callback.answered
                {
                    expired.push((canister.id, *id, callback.callee, callback.deadline));
                }
            }
        }
        for (id, callback, callee, deadline) in expired {
            let origin = Origin::Canister {
                id,
                callback,
                deadline,
            };
            // a request that still waits in the queue never runs, and its cycles come back
            let refund = self.canisters.get_mut(&callee).map_or(0, |canister| {
                let mut refund = 0;
                canister.queue.retain(|input| match input {
                    Input::Request(r) if r.origin == origin => {
                        refund = r.cycles;
                        false
                    }
                    _ => true,
                });
                refund
            });
            let reject = Reject {
                code: code::SYS_UNKNOWN,
                error_code: 601,
                message: "Call deadline has expired.".into(),
                certified: true,
            };
            self.answer(&origin, Err(reject), refund);
        }
    }

    /// Rejects the stop requests that waited too long.
    pub(super) fn expire_stops(&mut self) {
        let limit = prices::STOP_TIMEOUT_SECONDS * 1_000_000_000;
        let mut expired = vec![];
        for canister in self.canisters.values_mut() {
            if let Status::Stopping(waiting) = &mut canister.status {
                waiting.retain(|(origin, since)| {
                    let over = self.round_time.saturating_sub(*since) >= limit;
                    if over {
                        expired.push(origin.clone());
                    }
                    !over
                });
            }
        }
        for origin in expired {
            let reject = Reject::new(206, "Stop canister request timed out");
            self.answer(&origin, Err(reject), 0);
        }
    }

    /// Schedules due timers and the heartbeat of each round.
    pub(super) fn schedule_tasks(&mut self) {
        for canister in self.canisters.values_mut() {
            let Some(code) = &canister.code else { continue };
            if !matches!(canister.status, Status::Running) {
                continue;
            }
            if canister.timer.is_some_and(|at| at <= self.round_time) {
                if !code.module.has_hook("canister_global_timer") {
                    canister.timer = None;
                } else if !canister.tasks.contains(&Task::Timer) {
                    canister.tasks.push_back(Task::Timer);
                }
            }
            if code.module.has_hook("canister_heartbeat")
                && !canister.tasks.contains(&Task::Heartbeat)
            {
                canister.tasks.push_back(Task::Heartbeat);
            }
        }
    }

    /// Forgives each canister some instructions of earlier installations, and some of the memory
    /// that it wrote.
    pub(super) fn forgive(&mut self) {
        for canister in self.canisters.values_mut() {
            let debit = &mut canister.install_debit;
            *debit = debit.saturating_sub(prices::INSTALL_INSTRUCTIONS_PER_ROUND);
            let debit = &mut canister.heap_delta_debit;
            *debit = debit.saturating_sub(prices::HEAP_DELTA_PER_ROUND);
        }
    }

    /// The bytes of written memory that a canister still has to be forgiven, if they reach the
    /// limit. Subnets of the system have no limit.
    pub(crate) fn heap_delta_excess(&self, id: Principal) -> Option<u64> {
        let canister = self.canisters.get(&id)?;
        let debit = canister.heap_delta_debit;
        let limited = self.rate_limited(canister.subnet);
        (debit >= prices::HEAP_DELTA_PER_ROUND && limited).then_some(debit)
    }

    /// Whether the canisters of a subnet have limits on what they may do in a round.
    pub(crate) fn rate_limited(&self, subnet: Principal) -> bool {
        let kind = |kind: SubnetKind| {
            matches!(
                kind,
                SubnetKind::Nns | SubnetKind::Ii | SubnetKind::Bitcoin | SubnetKind::System
            )
        };
        let system = |s: &Subnet| s.info.id == subnet && kind(s.info.kind);
        self.rate_limiting && !self.subnets.iter().any(system)
    }

    /// Charges for storage, at most every 10 s. A canister that cannot pay loses code and state.
    pub(super) fn charge_storage(&mut self) {
        const EVERY: u64 = 10_000_000_000;
        let mut broke = vec![];
        for canister in self.canisters.values_mut() {
            let elapsed = self.round_time.saturating_sub(canister.paid_until);
            if elapsed < EVERY {
                continue;
            }
            canister.paid_until = self.round_time;
            let bytes = canister.charged_bytes();
            let compute = canister.settings.compute_allocation;
            let mut due = prices::idle(bytes, compute, elapsed.into());
            let from_reserved = due.min(canister.reserved);
            canister.reserved -= from_reserved;
            due -= from_reserved;
            if canister.balance < due {
                due = canister.balance;
                broke.push(canister.id);
            }
            canister.balance -= due;
            canister.statistics.storage_cycles += from_reserved + due;
        }
        for id in broke {
            self.uninstall(id);
        }
    }
}
