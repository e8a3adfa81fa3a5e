//! Inspection of ingress before it costs anything, for the canisters behind the gateway: users have no business there.

use crate::args::decode;
use candid::Principal;
use capsule_shared::Result;
use ic_cdk::api::{accept_message, is_controller, msg_arg_data, msg_caller, msg_method_name};

/// The methods of an administrator, and the bytes that their arguments have at most.
const ADMINISTRATION: [&str; 3] = ["gateways_register", "gateways_unregister", "gateways_list"];
const MAX_ADMINISTRATION_BYTES: usize = 1_024;

/// Accepts an ingress message of a registered gateway, or one of a controller who administrates. Calls of canisters
/// aren't inspected; the methods check their callers themselves.
pub fn inspect_ingress(is_gateway: impl FnOnce(Principal) -> Result<()>) {
    let caller = msg_caller();
    let accepted = match ADMINISTRATION.contains(&msg_method_name().as_str()) {
        true => is_controller(&caller) && is_administration(&msg_arg_data()),
        false => is_gateway(caller).is_ok(),
    };
    if accepted {
        accept_message();
    }
}

fn is_administration(arg: &[u8]) -> bool {
    arg.len() <= MAX_ADMINISTRATION_BYTES
        && (decode::<(Principal,)>(arg).is_ok() || decode::<()>(arg).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administration_is_small_and_decodable() {
        let good = candid::encode_one(Principal::anonymous()).unwrap();
        assert!(is_administration(&good));
        assert!(is_administration(b"DIDL\x00\x00"));
        assert!(!is_administration(&good[..good.len() - 1]));
        assert!(!is_administration(b"nothing"));
        assert!(!is_administration(&vec![0; 2_000]));
    }
}
