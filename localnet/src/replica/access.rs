//! Reads and changes of an instance that need no message: time, topology, balances, stable memory.

use super::ids::{RANGE, canister_id, canister_index};
use super::network::Network;
use super::statistics::Statistics;
use super::types::{IngressStatus, MessageId, SubnetInfo};
use crate::wasm::{Image, STABLE_MAX};
use candid::Principal;
use std::collections::BTreeMap;

impl Network {
    /// The current time, in nanoseconds since 1970. A round adds 1 ns to it.
    pub fn time(&self) -> u64 {
        self.clock
    }

    /// Sets the current time, in nanoseconds since 1970. Fails if it would go back.
    pub fn set_time(&mut self, nanos: u64) -> Result<(), String> {
        if nanos < self.clock {
            return Err(format!(
                "time never goes back: it is {}, and {nanos} was asked for",
                self.clock
            ));
        }
        self.clock = nanos;
        Ok(())
    }

    /// The subnets, the root first.
    pub fn topology(&self) -> Vec<SubnetInfo> {
        self.subnets.iter().map(|s| s.info.clone()).collect()
    }

    /// The public key of the root subnet in DER.
    pub fn root_key(&self) -> Vec<u8> {
        self.subnets[0].key.der.clone()
    }

    pub fn default_effective_canister_id(&self) -> Principal {
        let subnet = self.subnets.last().expect("BUG: a network without subnets");
        canister_id(subnet.first)
    }

    pub fn canister_exists(&self, canister: Principal) -> bool {
        self.canisters.contains_key(&canister)
    }

    /// The subnet whose range contains this id. The canister need not exist.
    pub fn route(&self, canister: Principal) -> Option<Principal> {
        let index = canister_index(canister)?;
        let subnet = self
            .subnets
            .iter()
            .find(|s| (s.first..s.first + RANGE).contains(&index));
        subnet.map(|s| s.info.id)
    }

    pub(super) fn default_subnet(&self) -> Principal {
        let subnet = self.subnets.last().expect("BUG: a network without subnets");
        subnet.info.id
    }

    pub(super) fn has_subnet(&self, id: Principal) -> bool {
        self.subnets.iter().any(|s| s.info.id == id)
    }

    pub fn subnet_of(&self, canister: Principal) -> Option<Principal> {
        self.canisters.get(&canister).map(|c| c.subnet)
    }

    pub fn controllers(&self, canister: Principal) -> Option<Vec<Principal>> {
        let canister = self.canisters.get(&canister)?;
        Some(canister.settings.controllers.clone())
    }

    pub fn cycle_balance(&self, canister: Principal) -> Option<u128> {
        self.canisters.get(&canister).map(|c| c.balance)
    }

    /// Adds cycles and returns the new balance.
    pub fn add_cycles(&mut self, canister: Principal, amount: u128) -> Option<u128> {
        let canister = self.canisters.get_mut(&canister)?;
        canister.balance = canister.balance.saturating_add(amount);
        Some(canister.balance)
    }

    /// The bytes of the stable memory; empty without a module.
    pub fn stable_memory(&self, canister: Principal) -> Option<Vec<u8>> {
        let code = self.canisters.get(&canister)?.code.as_ref();
        Some(match code {
            Some(code) => code.state.stable.read(0, code.state.stable.size()).ok()?,
            None => vec![],
        })
    }

    /// Replaces the stable memory. Fails without the canister, and without a module in it.
    pub fn set_stable_memory(&mut self, canister: Principal, bytes: &[u8]) -> Result<(), String> {
        let canister = self.canisters.get_mut(&canister);
        let code = canister
            .ok_or("there is no such canister")?
            .code
            .as_mut()
            .ok_or("the canister has no module")?;
        code.state.stable = Image::with_bytes(STABLE_MAX, bytes).map_err(|e| e.to_string())?;
        Ok(())
    }

    /// Forgets an answered message. Its sender can no longer ask for it and may send it again.
    pub fn forget(&mut self, id: &MessageId) {
        if let IngressStatus::Done(_) = self.status(id) {
            self.statuses.remove(id);
        }
    }

    pub fn node_id(&self) -> Principal {
        self.node.id
    }

    /// An Ed25519 signature by the node of the network.
    pub fn sign_as_node(&self, message: &[u8]) -> Vec<u8> {
        self.node.sign(message)
    }

    pub fn status(&self, id: &MessageId) -> IngressStatus {
        match self.statuses.get(id) {
            None => IngressStatus::Unknown,
            Some(None) => IngressStatus::Pending,
            Some(Some(answer)) => IngressStatus::Done(answer.clone()),
        }
    }

    /// The statistics of each canister.
    pub fn statistics(&self) -> BTreeMap<Principal, Statistics> {
        let all = self.canisters.iter();
        all.map(|(id, canister)| (*id, canister.statistics.clone()))
            .collect()
    }

    /// Sets the statistics of all canisters to zero.
    pub fn clear_statistics(&mut self) {
        for canister in self.canisters.values_mut() {
            canister.statistics = Statistics::default();
        }
    }
}
