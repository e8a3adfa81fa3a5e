//! Handing over all memories of one gateway to another; see [`canister_common::owners`].

use crate::index::Index;
use crate::state::State;
use candid::Principal;
use capsule_shared::Result;
use ic_stable_structures::Memory;

impl<M: Memory> State<M> {
    /// Hands all memories of `from` over to `to`, and those that `from` commits later. Errors are
    /// those of [`Owners::transfer_known`](canister_common::owners::Owners::transfer_known).
    pub fn gateways_transfer(&mut self, from: Principal, to: Principal) -> Result<()> {
        let committed = self.index.has_committed(from);
        let owners = &mut self.index.owners;
        owners.transfer_known(&mut self.gateways, from, to, committed)
    }
}

impl<M: Memory> Index<M> {
    /// Whether a gateway ever committed a memory.
    fn has_committed(&self, gateway: Principal) -> bool {
        let own = (gateway, 0)..=(gateway, u64::MAX);
        self.by_session.keys_range(own).next().is_some()
    }
}
