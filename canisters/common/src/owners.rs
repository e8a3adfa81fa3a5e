//! Handing over all that one gateway owns to another.
//!
//! A record keeps the gateway that made it: every gateway counts its sessions from 1, so only both
//! together name an upload. One map leads from that gateway to the owning one. So a transfer is one
//! message however many records there are, and each has exactly one owner at any time. One that the
//! old gateway makes later belongs to the new one, too.

use crate::gateways::Gateways;
use candid::Principal;
use capsule_shared::operators::GatewayTransfer;
use capsule_shared::{Error, Result};
use ic_stable_structures::{Memory, StableBTreeMap};
use std::collections::{BTreeMap, BTreeSet};

/// The most gateways that handed over to another one.
///
/// Source: our choice: as many as can be registered. A transfer reads all of them.
pub const MAX_TRANSFERS: usize = 1_000;

type Stored<M> = StableBTreeMap<Principal, Principal, M>;

/// The transfers that hold, in stable memory. The heap has them, too, because each call of a
/// gateway asks for an owner.
///
/// The region stays empty until the first transfer, so that it takes no bucket before.
pub struct Owners<M: Memory> {
    empty: Option<M>,
    stored: Option<Stored<M>>,
    owners: BTreeMap<Principal, Principal>,
}

impl<M: Memory> Owners<M> {
    pub fn open(region: M) -> Self {
        if region.size() == 0 {
            return Self {
                empty: Some(region),
                stored: None,
                owners: BTreeMap::new(),
            };
        }
        let stored = Stored::init(region);
        Self {
            empty: None,
            owners: stored.iter().map(|entry| entry.into_pair()).collect(),
            stored: Some(stored),
        }
    }

    /// The gateway that owns what `gateway` made: itself, unless it handed over.
    pub fn owner_of(&self, gateway: Principal) -> Principal {
        self.owners.get(&gateway).copied().unwrap_or(gateway)
    }

    /// The gateways whose records belong to `owner`: itself, unless it handed over, and those that
    /// handed over to it.
    pub fn gateways_of(&self, owner: Principal) -> BTreeSet<Principal> {
        let given = self.owners.iter().filter(|(_, to)| **to == owner);
        let mut gateways: BTreeSet<Principal> = given.map(|(from, _)| *from).collect();
        if self.owner_of(owner) == owner {
            gateways.insert(owner);
        }
        gateways
    }

    /// As [`Owners::transfer`], between gateways that the canister knows. `stored` says whether
    /// `from` stored anything.
    ///
    /// `InvalidArgument` unless `to` is registered. `NotFound` unless `from` is registered, stored
    /// anything, or took part in a transfer.
    pub fn transfer_known(
        &mut self,
        gateways: &mut Gateways<impl Memory>,
        from: Principal,
        to: Principal,
        stored: bool,
    ) -> Result<()> {
        if gateways.check(to).is_err() {
            return Err(Error::invalid(format!(
                "to is {to}, expected a registered gateway"
            )));
        }
        match stored || self.concern(from) || gateways.check(from).is_ok() {
            true => self.transfer(from, to),
            false => Err(Error::NotFound),
        }
    }

    /// Whether the gateway handed over, or another one handed over to it.
    fn concern(&self, gateway: Principal) -> bool {
        self.owners.contains_key(&gateway) || self.owners.values().any(|to| *to == gateway)
    }

    /// How many transfers hold.
    pub fn count(&self) -> u64 {
        self.owners.len() as u64
    }

    /// All transfers that hold, by the gateway that handed over: at most [`MAX_TRANSFERS`].
    pub fn transfers(&self) -> Vec<GatewayTransfer> {
        let owners = self.owners.iter();
        owners
            .map(|(&from, &to)| GatewayTransfer { from, to })
            .collect()
    }

    /// Hands all that `from` owns over to `to`: its own records, present and future ones, and those
    /// that it got from others. Repeating it changes nothing. A transfer back returns all of it,
    /// with the records that `to` made itself.
    ///
    /// `InvalidArgument` if `from` is `to`. `Conflict` if `from` or `to` handed over to a third
    /// gateway before. `ResourceExhausted` above [`MAX_TRANSFERS`].
    pub fn transfer(&mut self, from: Principal, to: Principal) -> Result<()> {
        if from == to {
            return Err(Error::invalid(format!(
                "from and to are {to}, expected two gateways"
            )));
        }
        match self.owner_of(from) {
            owner if owner == to => return Ok(()),
            owner if owner != from => return Err(handed_over("from", from, owner)),
            _ => {}
        }
        match self.owner_of(to) {
            owner if owner != to && owner != from => Err(handed_over("to", to, owner)),
            _ => self.hand_over(from, to),
        }
    }

    fn hand_over(&mut self, from: Principal, to: Principal) -> Result<()> {
        let mut owners = self.owners.clone();
        for gateway in self.gateways_of(from) {
            match gateway == to {
                // It gets back what it handed over.
                true => owners.remove(&gateway),
                false => owners.insert(gateway, to),
            };
        }
        if owners.len() > MAX_TRANSFERS {
            return Err(Error::ResourceExhausted);
        }
        if let Some(region) = self.empty.take() {
            self.stored = Some(Stored::init(region));
        }
        let stored = self.stored.as_mut().expect("BUG: the region has no map");
        for gateway in self.owners.keys().filter(|old| !owners.contains_key(old)) {
            stored.remove(gateway);
        }
        for (gateway, owner) in &owners {
            if self.owners.get(gateway) != Some(owner) {
                stored.insert(*gateway, *owner);
            }
        }
        self.owners = owners;
        Ok(())
    }
}

fn handed_over(field: &str, gateway: Principal, owner: Principal) -> Error {
    Error::conflict(format!(
        "{field} is {gateway}, which handed over to {owner}, expected a gateway that owns what it \
         made"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::assert_golden;
    use ic_stable_structures::VectorMemory;

    fn gateway(n: u16) -> Principal {
        Principal::from_slice(&[&[7; 8][..], &n.to_be_bytes()].concat())
    }

    /// The owners of gateways 1 to 4, with the transfers and after opening them again.
    fn owners(memory: &VectorMemory, owners: &Owners<VectorMemory>) -> [u16; 4] {
        let of = |owners: &Owners<VectorMemory>| {
            [1, 2, 3, 4].map(|n| {
                let owner = owners.owner_of(gateway(n));
                assert!(owners.gateways_of(owner).contains(&gateway(n)));
                u16::from_be_bytes(owner.as_slice()[8..].try_into().unwrap())
            })
        };
        let again = Owners::open(memory.clone());
        assert_eq!(of(&again), of(owners));
        assert_eq!(again.transfers(), owners.transfers());
        of(owners)
    }

    #[test]
    fn everything_goes_on_and_comes_back() {
        let memory = VectorMemory::default();
        let mut all = Owners::open(memory.clone());
        assert_eq!(owners(&memory, &all), [1, 2, 3, 4]);
        assert_eq!(memory.size(), 0);
        for (from, to, expected) in [
            (1, 2, [2, 2, 3, 4]),
            (1, 2, [2, 2, 3, 4]),
            (2, 3, [3, 3, 3, 4]),
            // Gateway 1 gets back its own, and all that gateway 3 owns.
            (3, 1, [1, 1, 1, 4]),
            (4, 1, [1, 1, 1, 1]),
            (1, 4, [4, 4, 4, 4]),
        ] {
            assert_eq!(all.transfer(gateway(from), gateway(to)), Ok(()));
            assert_eq!(owners(&memory, &all), expected, "{from} to {to}");
        }
        assert_eq!(all.count(), 3);
        assert!(all.gateways_of(gateway(1)).is_empty());
    }

    #[test]
    fn what_belongs_to_a_third_gateway_is_a_conflict() {
        let mut all = Owners::open(VectorMemory::default());
        all.transfer(gateway(1), gateway(2)).unwrap();
        for (from, to) in [(1, 3), (3, 1)] {
            let refused = all.transfer(gateway(from), gateway(to));
            assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
        }
        let same = all.transfer(gateway(3), gateway(3));
        assert!(matches!(same, Err(Error::InvalidArgument(_))), "{same:?}");
        assert_eq!(all.count(), 1);
    }

    #[test]
    fn a_full_list_still_takes_a_transfer_back() {
        let mut all = Owners::open(VectorMemory::default());
        for n in 1..=MAX_TRANSFERS as u16 {
            all.transfer(gateway(n), gateway(0)).unwrap();
        }
        let one_more = all.transfer(gateway(2_000), gateway(0));
        assert_eq!(one_more, Err(Error::ResourceExhausted));
        assert_eq!(all.transfer(gateway(0), gateway(1)), Ok(()));
        assert_eq!(all.count(), MAX_TRANSFERS as u64);
        assert_eq!(all.owner_of(gateway(1)), gateway(1));
    }

    #[test]
    fn a_gateway_is_stored_as_the_bytes_of_its_principal() {
        assert_golden(&gateway(258), "07070707070707070102");
    }
}
