//! Inspection of ingress messages before they cost anything, for the canisters behind the gateway.
//! Users have no business there.

use candid::Principal;
use capsule_shared::Result;
use ic_cdk::api::{accept_message, is_controller, msg_arg_data, msg_caller};

/// The most bytes of a canister controller's arguments. A list of 1,000 gateways takes 31 KB.
const MAX_ADMINISTRATION_BYTES: usize = 64 * 1_024;

/// Accepts an ingress message whose caller passes `check`, and those of canister controllers. The
/// platform doesn't inspect calls between canisters, so every method checks its caller again.
pub fn inspect_ingress(check: impl FnOnce(Principal) -> Result<()>) {
    let caller = msg_caller();
    let administers = || is_controller(&caller) && msg_arg_data().len() <= MAX_ADMINISTRATION_BYTES;
    if check(caller).is_ok() || administers() {
        accept_message();
    }
}
