//! Who may call: the registered gateways.

use candid::Principal;
use capsule_shared::{Error, Result};
use ic_stable_structures::{Memory, StableBTreeSet};

/// The most gateways that can be registered.
pub const MAX_GATEWAYS: u64 = 1_000;

/// The registered gateways, in stable memory.
pub struct Gateways<M: Memory>(StableBTreeSet<Principal, M>);

impl<M: Memory> Gateways<M> {
    pub fn open(memory: M) -> Self {
        Self(StableBTreeSet::init(memory))
    }

    /// `Unauthorized` unless `caller` is registered. While nobody is, `found` counts: the gateway that the deploy tool
    /// named in the canister's environment.
    pub fn check(
        &self,
        caller: Principal,
        found: impl FnOnce() -> Option<Principal>,
    ) -> Result<()> {
        if self.0.contains(&caller) || (self.0.is_empty() && found() == Some(caller)) {
            Ok(())
        } else {
            Err(Error::Unauthorized)
        }
    }

    /// `InvalidArgument` for the anonymous principal, which would let in everybody.
    pub fn register(&mut self, gateway: Principal) -> Result<()> {
        if gateway == Principal::anonymous() {
            return Err(Error::invalid(
                "the anonymous principal can't be a gateway; expected a canister's id",
            ));
        }
        if !self.0.contains(&gateway) && self.0.len() >= MAX_GATEWAYS {
            return Err(Error::ResourceExhausted);
        }
        self.0.insert(gateway);
        Ok(())
    }

    /// Who isn't registered stays so.
    pub fn unregister(&mut self, gateway: Principal) {
        self.0.remove(&gateway);
    }

    /// Registers these and no others.
    pub fn replace(&mut self, gateways: &[Principal]) -> Result<()> {
        self.0.clear();
        gateways.iter().try_for_each(|g| self.register(*g))
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    pub fn list(&self) -> Vec<Principal> {
        self.0.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_stable_structures::VectorMemory;

    fn principal(n: u8) -> Principal {
        Principal::from_slice(&[n; 10])
    }

    #[test]
    fn only_the_registered_pass() {
        let memory = VectorMemory::default();
        let mut gateways = Gateways::open(memory.clone());
        assert_eq!(
            gateways.check(principal(1), || None),
            Err(Error::Unauthorized)
        );
        gateways.register(principal(1)).unwrap();
        gateways.register(principal(1)).unwrap();
        assert_eq!(gateways.check(principal(1), || None), Ok(()));
        assert_eq!(
            gateways.check(principal(2), || None),
            Err(Error::Unauthorized)
        );
        let mut again = Gateways::open(memory);
        assert_eq!(again.list(), [principal(1)]);
        again.unregister(principal(1));
        again.unregister(principal(1));
        assert_eq!(again.check(principal(1), || None), Err(Error::Unauthorized));
    }

    #[test]
    fn the_environment_counts_only_while_nobody_is_registered() {
        let mut gateways = Gateways::open(VectorMemory::default());
        let found = || Some(principal(7));
        assert_eq!(gateways.check(principal(7), found), Ok(()));
        assert_eq!(
            gateways.check(principal(1), found),
            Err(Error::Unauthorized)
        );
        gateways.replace(&[principal(1), principal(2)]).unwrap();
        assert_eq!(
            gateways.check(principal(7), found),
            Err(Error::Unauthorized)
        );
        gateways.replace(&[principal(3)]).unwrap();
        assert_eq!(gateways.list(), [principal(3)]);
    }

    #[test]
    fn anonymous_is_no_gateway() {
        let mut gateways = Gateways::open(VectorMemory::default());
        assert!(matches!(
            gateways.register(Principal::anonymous()),
            Err(Error::InvalidArgument(_))
        ));
        assert!(gateways.list().is_empty());
    }
}
