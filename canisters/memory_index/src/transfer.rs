//! Handing over all memories of one gateway to another.
//!
//! A record keeps the gateway that committed its memory: together with the session it identifies
//! the upload. One map leads from the committing gateway to the owning one. So a transfer is one
//! message however many memories there are, and each memory has exactly one owner at any time. A
//! memory that the old gateway commits later belongs to the new one, too.

use crate::index::Index;
use crate::state::State;
use candid::Principal;
use capsule_shared::operators::GatewayTransfer;
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory;
use std::collections::BTreeSet;

/// The most gateways whose memories belong to another one.
///
/// Source: our choice: as many as can be registered. A transfer reads all of them.
pub const MAX_TRANSFERS: u64 = 1_000;

impl<M: Memory> State<M> {
    /// Hands all that `from` owns over to `to`: its own memories, present and future ones, and
    /// those that it got from others. Repeating it changes nothing. A transfer back from `to`
    /// returns all of it, and hands over what `to` committed itself.
    ///
    /// `InvalidArgument` if `from` is `to`, or `to` isn't registered. `NotFound` if `from` isn't
    /// registered and never committed a memory. `Conflict` if `from` or `to` handed its memories
    /// over to a third gateway before. `ResourceExhausted` above [`MAX_TRANSFERS`]; a transfer back
    /// needs no further place.
    pub fn gateways_transfer(&mut self, from: Principal, to: Principal) -> Result<()> {
        if from == to {
            return Err(Error::invalid(format!(
                "from and to are {to}, expected two gateways"
            )));
        }
        if self.gateways.check(to).is_err() {
            return Err(Error::invalid(format!(
                "to is {to}, expected a registered gateway"
            )));
        }
        match self.index.owners.get(&from) {
            Some(owner) if owner == to => return Ok(()),
            Some(owner) => {
                return Err(Error::conflict(format!(
                    "from is {from}, whose memories belong to {owner}, expected a gateway that \
                     owns its memories"
                )));
            }
            None => {}
        }
        let owner = self.index.owner_of(to);
        let returns = owner == from;
        if owner != to && !returns {
            return Err(Error::conflict(format!(
                "to is {to}, whose memories belong to {owner}, expected a gateway that owns its \
                 memories"
            )));
        }
        if self.gateways.check(from).is_err() && !self.index.has_committed(from) {
            return Err(Error::NotFound);
        }
        // A transfer back replaces an entry.
        if self.index.owners.len() >= MAX_TRANSFERS && !returns {
            return Err(Error::ResourceExhausted);
        }
        self.index.hand_over(from, to);
        Ok(())
    }
}

impl<M: Memory> Index<M> {
    /// All transfers that hold, by the gateway that handed over: at most [`MAX_TRANSFERS`].
    pub fn gateways_transfers(&self) -> Vec<GatewayTransfer> {
        let owners = self.owners.iter().map(|entry| entry.into_pair());
        owners
            .map(|(from, to)| GatewayTransfer { from, to })
            .collect()
    }

    /// The gateways whose memories belong to `owner`: itself, unless it handed its own over, and
    /// those that handed theirs over to it.
    pub(crate) fn gateways_of(&self, owner: Principal) -> BTreeSet<Principal> {
        let transfers = self.gateways_transfers().into_iter();
        let mut gateways: BTreeSet<Principal> = transfers
            .filter(|transfer| transfer.to == owner)
            .map(|transfer| transfer.from)
            .collect();
        if self.owner_of(owner) == owner {
            gateways.insert(owner);
        }
        gateways
    }

    /// Whether a gateway ever committed a memory, or got those of another.
    fn has_committed(&self, gateway: Principal) -> bool {
        let own = (gateway, 0)..=(gateway, u64::MAX);
        self.by_session.keys_range(own).next().is_some() || self.gateways_of(gateway).len() > 1
    }

    fn hand_over(&mut self, from: Principal, to: Principal) {
        for gateway in self.gateways_of(from) {
            match gateway == to {
                // It gets back what it handed over.
                true => self.owners.remove(&gateway),
                false => self.owners.insert(gateway, to),
            };
        }
    }
}
