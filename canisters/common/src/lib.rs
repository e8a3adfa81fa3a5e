//! What the canisters share: arguments that never trap, metrics, funds, and, behind the gateway, who may call.

pub mod args;
pub mod codec;
pub mod funds;
pub mod gateways;
pub mod http;
pub mod inspection;
mod method;

use candid::Principal;
use capsule_shared::{Error, Result};
use ic_cdk::api::{env_var_name_exists, env_var_value, is_controller};

/// Where the deploy tool names the gateway, if it does.
const GATEWAY_ENV_VAR: &str = "PUBLIC_CANISTER_ID:upload_gateway";

/// The gateway that the deploy tool named in the canister's environment.
pub fn gateway_of_environment() -> Option<Principal> {
    env_var_name_exists(GATEWAY_ENV_VAR)
        .then(|| Principal::from_text(env_var_value(GATEWAY_ENV_VAR)).ok())
        .flatten()
}

/// `Unauthorized` for everybody but the canister controllers.
pub fn check_canister_controller(caller: Principal) -> Result<()> {
    if is_controller(&caller) {
        Ok(())
    } else {
        Err(Error::Unauthorized)
    }
}
