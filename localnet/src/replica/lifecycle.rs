//! Creates, stops and empties canisters.

use super::canister::{Canister, Status};
use super::ids::canister_id;
use super::network::Network;
use super::settings::Settings;
use super::types::{EMPTY_REPLY, Reject, code};
use candid::Principal;

impl Network {
    /// Stops those stopping canisters that have no open call context.
    pub(crate) fn finish_stopping(&mut self) {
        let mut answered = vec![];
        for canister in self.canisters.values_mut() {
            if let Status::Stopping(waiting) = &mut canister.status
                && canister.contexts.is_empty()
            {
                answered.append(waiting);
                canister.status = Status::Stopped;
                canister.version += 1;
            }
        }
        for (origin, _) in answered {
            self.answer(&origin, Ok(EMPTY_REPLY.to_vec()), 0);
        }
    }

    /// Creates a canister in a subnet and returns its id. Fails without the subnet, and if the
    /// wanted id is taken.
    pub(crate) fn create(
        &mut self,
        subnet: Principal,
        settings: Settings,
        balance: u128,
        wanted: Option<Principal>,
    ) -> Result<Principal, Reject> {
        let time = self.round_time;
        let home = self.subnets.iter_mut().find(|s| s.info.id == subnet);
        let home = home.ok_or_else(|| Reject::new(301, format!("Subnet {subnet} not found")))?;
        let id = match wanted {
            Some(id) => id,
            None => {
                while self.canisters.contains_key(&canister_id(home.next)) {
                    home.next += 1;
                }
                home.next += 1;
                canister_id(home.next - 1)
            }
        };
        if self.canisters.contains_key(&id) {
            return Err(Reject::new(
                402,
                format!("Canister {id} is already installed."),
            ));
        }
        let canister = Canister::new(id, subnet, settings, balance, time);
        self.canisters.insert(id, canister);
        Ok(id)
    }

    /// Removes code and state. Callers that wait for an answer get a reject.
    pub(crate) fn uninstall(&mut self, id: Principal) {
        let Some(canister) = self.canisters.get_mut(&id) else {
            return;
        };
        canister.code = None;
        canister.timer = None;
        canister.certified_data.clear();
        canister.log.clear();
        canister.chunks.clear();
        canister.tasks.clear();
        canister.version += 1;
        let contexts = std::mem::take(&mut canister.contexts);
        for context in contexts.into_values().filter(|c| !c.answered) {
            let reject = Reject {
                code: code::CANISTER_REJECT,
                error_code: 406,
                message: "Canister has been uninstalled.".into(),
                certified: true,
            };
            self.answer(&context.origin, Err(reject), context.cycles);
        }
    }
}
