//! Only registered gateways may call the canisters behind the gateway. This is the one check.

use candid::Principal;
use capsule_shared::{Error, Result};
use ic_cdk::api::{env_var_name_exists, env_var_value};
use ic_stable_structures::{Memory, StableBTreeSet};

/// The most gateways that can be registered.
pub const MAX_GATEWAYS: u64 = 1_000;

/// The environment variable in which deploy tools name the gateway.
const GATEWAY_ENV_VAR: &str = "PUBLIC_CANISTER_ID:upload_gateway";

/// The registered gateways, in stable memory.
pub struct Gateways<M: Memory>(StableBTreeSet<Principal, M>);

impl<M: Memory> Gateways<M> {
    pub fn open(region: M) -> Self {
        Self(StableBTreeSet::init(region))
    }

    /// `Unauthorized` unless `caller` is registered. While no gateway is registered, the one that
    /// the canister's environment names counts.
    pub fn check(&self, caller: Principal) -> Result<()> {
        self.check_with(caller, gateway_of_environment)
    }

    fn check_with(
        &self,
        caller: Principal,
        named: impl FnOnce() -> Option<Principal>,
    ) -> Result<()> {
        if self.0.contains(&caller) || (self.0.is_empty() && named() == Some(caller)) {
            Ok(())
        } else {
            Err(Error::Unauthorized)
        }
    }

    /// `InvalidArgument` for the anonymous principal, which would let everybody in.
    /// `ResourceExhausted` above [`MAX_GATEWAYS`].
    pub fn register(&mut self, gateway: Principal) -> Result<()> {
        if gateway == Principal::anonymous() {
            return Err(Error::invalid(
                "gateway is the anonymous principal, expected a canister id",
            ));
        }
        if !self.0.contains(&gateway) && self.0.len() >= MAX_GATEWAYS {
            return Err(Error::ResourceExhausted);
        }
        self.0.insert(gateway);
        Ok(())
    }

    /// Does nothing if the gateway isn't registered.
    pub fn unregister(&mut self, gateway: Principal) {
        self.0.remove(&gateway);
    }

    /// Registers these gateways and no others; `None` changes nothing. Errors are those of
    /// [`Gateways::register`].
    pub fn configure(&mut self, gateways: Option<Vec<Principal>>) -> Result<()> {
        let Some(gateways) = gateways else {
            return Ok(());
        };
        self.0.clear();
        gateways.into_iter().try_for_each(|g| self.register(g))
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    pub fn list(&self) -> Vec<Principal> {
        self.0.iter().collect()
    }
}

/// The gateway that the deploy tool named in the canister's environment.
fn gateway_of_environment() -> Option<Principal> {
    env_var_name_exists(GATEWAY_ENV_VAR)
        .then(|| Principal::from_text(env_var_value(GATEWAY_ENV_VAR)).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::assert_golden;
    use ic_stable_structures::VectorMemory;

    fn principal(n: u8) -> Principal {
        Principal::from_slice(&[n; 10])
    }

    /// The result of a check where the environment names no gateway.
    fn check(gateways: &Gateways<VectorMemory>, n: u8) -> Result<()> {
        gateways.check_with(principal(n), || None)
    }

    #[test]
    fn only_registered_gateways_pass() {
        let memory = VectorMemory::default();
        let mut gateways = Gateways::open(memory.clone());
        assert_eq!(check(&gateways, 1), Err(Error::Unauthorized));
        gateways.register(principal(1)).unwrap();
        gateways.register(principal(1)).unwrap();
        assert_eq!(check(&gateways, 1), Ok(()));
        assert_eq!(check(&gateways, 2), Err(Error::Unauthorized));
        let mut again = Gateways::open(memory);
        assert_eq!(again.list(), [principal(1)]);
        again.unregister(principal(1));
        again.unregister(principal(1));
        assert_eq!(check(&again, 1), Err(Error::Unauthorized));
    }

    #[test]
    fn the_environment_counts_only_while_no_gateway_is_registered() {
        let mut gateways = Gateways::open(VectorMemory::default());
        let named = || Some(principal(7));
        let refused = Err(Error::Unauthorized);
        assert_eq!(gateways.check_with(principal(7), named), Ok(()));
        assert_eq!(gateways.check_with(principal(1), named), refused);
        gateways
            .configure(Some(vec![principal(1), principal(2)]))
            .unwrap();
        assert_eq!(gateways.check_with(principal(7), named), refused);
        gateways.configure(Some(vec![principal(3)])).unwrap();
        gateways.configure(None).unwrap();
        assert_eq!(gateways.list(), [principal(3)]);
    }

    #[test]
    fn the_anonymous_principal_is_no_gateway() {
        let mut gateways = Gateways::open(VectorMemory::default());
        let anonymous = Principal::anonymous();
        assert!(matches!(
            gateways.register(anonymous),
            Err(Error::InvalidArgument(_))
        ));
        assert!(gateways.configure(Some(vec![anonymous])).is_err());
        assert!(gateways.list().is_empty());
    }

    #[test]
    fn a_gateway_is_stored_as_the_bytes_of_its_principal() {
        assert_golden(&principal(1), "01010101010101010101");
    }
}
