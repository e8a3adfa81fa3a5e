//! Inspection of ingress messages before they cost anything, for the canisters behind the gateway.
//! Users have no business there.

use crate::args::decode;
use candid::Principal;
use capsule_shared::Result;
use ic_cdk::api::{accept_message, is_controller, msg_arg_data, msg_caller, msg_method_name};

/// The methods of canister controllers. Registered gateways may ask for the status, too; they are
/// canisters, which nobody inspects.
pub const ADMINISTRATION: [&str; 12] = [
    "gateways_register",
    "gateways_unregister",
    "gateways_list",
    "gateways_transfer",
    "gateways_transfers",
    "memory_takedown",
    "takedowns_list",
    "configure",
    "store_status",
    "check_begin",
    "check_end",
    "check_status",
];

/// The most bytes of a canister controller's arguments. A list of 1,000 gateways takes 31 KB.
const MAX_ADMINISTRATION_BYTES: usize = 64 * 1_024;

/// Accepts an ingress message whose caller passes `check`, and administration by canister
/// controllers. The platform doesn't inspect calls between canisters, so every method checks its
/// caller again.
pub fn inspect_ingress(check: impl FnOnce(Principal) -> Result<()>) {
    let caller = msg_caller();
    let accepted = match ADMINISTRATION.contains(&msg_method_name().as_str()) {
        true => is_controller(&caller) && is_administration(&msg_arg_data()),
        false => check(caller).is_ok(),
    };
    if accepted {
        accept_message();
    }
}

/// Whether the arguments are small, and Candid of any types.
fn is_administration(arg: &[u8]) -> bool {
    arg.len() <= MAX_ADMINISTRATION_BYTES && decode::<()>(arg).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administration_is_small_and_decodable() {
        let good = candid::encode_args((Principal::anonymous(), Some(7u64))).unwrap();
        assert!(is_administration(&good));
        assert!(is_administration(b"DIDL\x00\x00"));
        assert!(!is_administration(&good[..good.len() - 1]));
        assert!(!is_administration(b"nothing"));
        assert!(!is_administration(&vec![0; 100_000]));
    }
}
