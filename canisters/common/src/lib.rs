//! Code that the canisters share: endpoints that never trap, stored records, metrics, and funds.
//! The canisters behind the gateway also share the check of their callers. All of them check the
//! stable memory before they open it.

pub mod args;
pub mod codec;
#[cfg(any(test, feature = "testing"))]
pub mod counted;
pub mod funds;
pub mod gateways;
#[cfg(any(test, feature = "testing"))]
pub mod golden;
pub mod growth;
pub mod http;
pub mod inspection;
pub mod manager;
mod method;
pub mod midstate;
pub mod open_calls;
pub mod owners;
mod regions;
pub mod reply;
pub mod room;
pub mod superblock;

use candid::Principal;
use capsule_shared::{Error, Result};
use ic_cdk::api::is_controller;

/// `Unauthorized` unless `caller` is a canister controller.
pub fn check_canister_controller(caller: Principal) -> Result<()> {
    if is_controller(&caller) {
        Ok(())
    } else {
        Err(Error::Unauthorized)
    }
}
