//! Handing over all memories of one gateway to another; see [`canister_common::owners`].

use crate::index::Index;
use crate::state::State;
use candid::Principal;
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory;

impl<M: Memory> State<M> {
    /// Hands all memories of `from` over to `to`, and those that `from` commits later.
    ///
    /// `InvalidArgument` unless `to` is registered. `NotFound` if the index never knew `from`: it
    /// isn't registered, never committed a memory, and got none of another gateway. Other errors
    /// are those of [`Owners::transfer`](canister_common::owners::Owners::transfer).
    pub fn gateways_transfer(&mut self, from: Principal, to: Principal) -> Result<()> {
        if self.gateways.check(to).is_err() {
            return Err(Error::invalid(format!(
                "to is {to}, expected a registered gateway"
            )));
        }
        let is_known = self.gateways.check(from).is_ok()
            || self.index.owners.concern(from)
            || self.index.has_committed(from);
        match is_known {
            true => self.index.owners.transfer(from, to),
            false => Err(Error::NotFound),
        }
    }
}

impl<M: Memory> Index<M> {
    /// Whether a gateway ever committed a memory.
    fn has_committed(&self, gateway: Principal) -> bool {
        let own = (gateway, 0)..=(gateway, u64::MAX);
        self.by_session.keys_range(own).next().is_some()
    }
}
