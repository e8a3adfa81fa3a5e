//! Only registered gateways may call the canisters behind the gateway. This is the one check.

use candid::Principal;
use capsule_shared::{Error, Result};
use ic_cdk::api::{env_var_name_exists, env_var_value};
use ic_stable_structures::{Memory, StableBTreeSet};
use std::collections::BTreeSet;

/// The most gateways that can be registered.
pub const MAX_GATEWAYS: u64 = 1_000;

/// The environment variable in which deploy tools name the gateway.
const GATEWAY_ENV_VAR: &str = "PUBLIC_CANISTER_ID:upload_gateway";

/// Stays in the list after the first removal, so that the list is never empty again and the
/// environment doesn't count again. It is the management canister, which calls nobody. A region of
/// its own for this mark would take 16 MiB in the store.
const MARK: Principal = Principal::management_canister();

/// The registered gateways, in stable memory.
///
/// The list holds alone. Only while nothing was ever registered, the canister registers the gateway
/// that its environment names, as soon as it sees one: deploy tools may name it after the install.
pub struct Gateways<M: Memory>(StableBTreeSet<Principal, M>);

impl<M: Memory> Gateways<M> {
    pub fn open(region: M) -> Self {
        Self(StableBTreeSet::init(region))
    }

    /// `Unauthorized` unless `caller` is registered. In a query the registration of the
    /// environment's gateway is lost again; the next update repeats it.
    pub fn check(&mut self, caller: Principal) -> Result<()> {
        self.check_with(caller, gateway_of_environment)
    }

    fn check_with(
        &mut self,
        caller: Principal,
        named: impl FnOnce() -> Option<Principal>,
    ) -> Result<()> {
        self.register_named_with(named);
        match caller != MARK && self.0.contains(&caller) {
            true => Ok(()),
            false => Err(Error::Unauthorized),
        }
    }

    /// Registers the gateway that the environment names, if none was ever registered. An upgrade
    /// calls it before it adds gateways, because that one was in force.
    pub fn register_named(&mut self) {
        self.register_named_with(gateway_of_environment);
    }

    fn register_named_with(&mut self, named: impl FnOnce() -> Option<Principal>) {
        if self.0.is_empty()
            && let Some(gateway) = named()
        {
            // A name that can't be a gateway registers nothing.
            let _ = self.insert(&BTreeSet::from([gateway]));
        }
    }

    /// Adds a gateway. `InvalidArgument` for the anonymous principal, which would let everybody in,
    /// and for the management canister. `ResourceExhausted` above [`MAX_GATEWAYS`].
    pub fn register(&mut self, gateway: Principal) -> Result<()> {
        self.register_named();
        self.insert(&BTreeSet::from([gateway]))
    }

    /// Adds all of them or none: an answer with an error is no trap, so nothing would be undone.
    fn insert(&mut self, gateways: &BTreeSet<Principal>) -> Result<()> {
        for gateway in gateways {
            if *gateway == Principal::anonymous() || *gateway == MARK {
                return Err(Error::invalid(format!(
                    "gateway is {gateway}, expected a canister id"
                )));
            }
        }
        let new = gateways.iter().filter(|gateway| !self.0.contains(gateway));
        let new = new.count() as u64;
        if new > 0 && self.count() + new > MAX_GATEWAYS {
            return Err(Error::ResourceExhausted);
        }
        for gateway in gateways {
            self.0.insert(*gateway);
        }
        Ok(())
    }

    /// Removes a gateway. Does nothing if it isn't registered.
    pub fn unregister(&mut self, gateway: Principal) {
        self.register_named();
        if gateway != MARK && self.0.remove(&gateway) {
            self.0.insert(MARK);
        }
    }

    /// Adds the gateways of an install or an upgrade; `None` adds none. Then registers the one that
    /// the environment names, if none was ever registered. Errors are those of
    /// [`Gateways::register`].
    pub fn configure(&mut self, gateways: Option<Vec<Principal>>) -> Result<()> {
        self.insert(&gateways.into_iter().flatten().collect())?;
        self.register_named();
        Ok(())
    }

    pub fn count(&self) -> u64 {
        self.0.len() - u64::from(self.0.contains(&MARK))
    }

    pub fn list(&self) -> Vec<Principal> {
        self.0.iter().filter(|gateway| *gateway != MARK).collect()
    }
}

/// The gateway that the deploy tool named in the canister's environment.
fn gateway_of_environment() -> Option<Principal> {
    if cfg!(not(target_family = "wasm")) {
        return None;
    }
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
    fn check(gateways: &mut Gateways<VectorMemory>, n: u8) -> Result<()> {
        gateways.check_with(principal(n), || None)
    }

    #[test]
    fn only_registered_gateways_pass() {
        let memory = VectorMemory::default();
        let mut gateways = Gateways::open(memory.clone());
        assert_eq!(check(&mut gateways, 1), Err(Error::Unauthorized));
        gateways.register(principal(1)).unwrap();
        gateways.register(principal(1)).unwrap();
        assert_eq!(check(&mut gateways, 1), Ok(()));
        assert_eq!(check(&mut gateways, 2), Err(Error::Unauthorized));
        let mut again = Gateways::open(memory);
        assert_eq!(again.list(), [principal(1)]);
        again.unregister(principal(1));
        again.unregister(principal(1));
        assert_eq!(check(&mut again, 1), Err(Error::Unauthorized));
    }

    #[test]
    fn the_environments_gateway_is_registered_once() {
        let memory = VectorMemory::default();
        let mut gateways = Gateways::open(memory.clone());
        let refused = Err(Error::Unauthorized);
        let named = |n| move || Some(principal(n));
        assert_eq!(gateways.check_with(principal(1), named(7)), refused);
        // From now on another name counts for nothing.
        assert_eq!(gateways.check_with(principal(8), named(8)), refused);
        let mut gateways = Gateways::open(memory);
        assert_eq!(gateways.check_with(principal(7), named(8)), Ok(()));
        assert_eq!(gateways.list(), [principal(7)]);
    }

    #[test]
    fn a_second_gateway_does_not_shut_out_the_environments() {
        let mut gateways = Gateways::open(VectorMemory::default());
        gateways.register_named_with(|| Some(principal(7)));
        gateways.register(principal(1)).unwrap();
        gateways.configure(Some(vec![principal(2)])).unwrap();
        gateways.configure(None).unwrap();
        assert_eq!(gateways.list(), [1, 2, 7].map(principal));
    }

    #[test]
    fn after_the_last_removal_nobody_passes() {
        let memory = VectorMemory::default();
        let mut gateways = Gateways::open(memory.clone());
        let named = || Some(principal(7));
        let refused = Err(Error::Unauthorized);
        assert_eq!(gateways.check_with(principal(7), named), Ok(()));
        gateways.unregister(principal(7));
        for mut gateways in [gateways, Gateways::open(memory)] {
            assert_eq!(gateways.check_with(principal(7), named), refused);
            assert_eq!(gateways.check_with(MARK, named), refused);
            assert_eq!((gateways.count(), gateways.list()), (0, vec![]));
        }
    }

    #[test]
    fn an_install_that_lists_gateways_has_only_these() {
        let mut gateways = Gateways::open(VectorMemory::default());
        gateways.configure(Some(vec![principal(1)])).unwrap();
        gateways.register_named_with(|| Some(principal(7)));
        assert_eq!(gateways.list(), [principal(1)]);
    }

    #[test]
    fn only_canisters_are_gateways() {
        let mut gateways = Gateways::open(VectorMemory::default());
        for nobody in [Principal::anonymous(), MARK] {
            assert!(matches!(
                gateways.register(nobody),
                Err(Error::InvalidArgument(_))
            ));
            assert!(gateways.configure(Some(vec![nobody])).is_err());
            gateways.register_named_with(|| Some(nobody));
            gateways.unregister(nobody);
            assert!(gateways.list().is_empty());
        }
        // The environment still counts.
        let named = || Some(principal(7));
        assert_eq!(gateways.check_with(principal(7), named), Ok(()));
    }

    #[test]
    fn a_gateway_is_stored_as_the_bytes_of_its_principal() {
        assert_golden(&principal(1), "01010101010101010101");
        assert_golden(&MARK, "");
    }
}
