//! What the canisters share: arguments that never trap, metrics, funds, and, behind the gateway, who may call.

pub mod args;
pub mod funds;
pub mod gateways;
pub mod http;
pub mod inspection;

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

/// New work needs cycles: a temporary error while `canister`, which makes no calls, has too few.
pub fn check_own_funds(canister: &str) -> Result<()> {
    let liquid = ic_cdk::api::canister_liquid_cycle_balance();
    funds::check_funds(canister, liquid, funds::MIN_WITHOUT_CALLS)
}

/// `Unauthorized` for everybody but the canister's controllers.
pub fn check_administrator(caller: Principal) -> Result<()> {
    if is_controller(&caller) {
        Ok(())
    } else {
        Err(Error::Unauthorized)
    }
}

/// A method for callers that pass `$check`. The check comes before the arguments are decoded, and what can't be decoded
/// is an error like any other, not a trap. Inside is the function whose signature the interface has.
#[macro_export]
macro_rules! method {
    ($kind:ident for $check:ident: fn $name:ident($($arg:ident: $type:ty),*) -> $result:ty $body:block) => {
        #[ic_cdk::$kind(hidden = true, decode_with = "std::convert::identity")]
        fn $name(message: Vec<u8>) -> $result {
            #[candid::candid_method($kind)]
            fn $name($($arg: $type),*) -> $result $body
            $check(ic_cdk::api::msg_caller())?;
            let ($($arg,)*): ($($type,)*) = $crate::args::decode(&message)?;
            $name($($arg),*)
        }
    };
}
