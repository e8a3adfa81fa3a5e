//! The rejects that callers get after failed runs.

use super::types::Reject;
use crate::prices;
use crate::wasm::Fault;
use candid::Principal;

/// The reject for a fault.
pub fn fault_reject(canister: Principal, fault: &Fault) -> Reject {
    let mut text = format!("Error from Canister {canister}: {}", fault.text(canister));
    if let Some(advice) = fault.advice() {
        text.push_str(".\n");
        text.push_str(advice);
    }
    truncate(&mut text, prices::MAX_REJECT_MESSAGE);
    Reject::new(fault.error_code(), text)
}

/// The reject of a canister without code.
pub fn no_module(canister: Principal) -> Reject {
    Reject::new(
        537,
        format!(
            "Error from Canister {canister}: Attempted to execute a message, but the canister \
             contains no Wasm module."
        ),
    )
}

/// The reject for a missing method. `kind` is `update` or `query`.
pub fn no_method(canister: Principal, kind: &str, method: &str) -> Reject {
    Reject::new(
        536,
        format!("Error from Canister {canister}: Canister has no {kind} method '{method}'."),
    )
}

/// Cuts a text to at most `limit` bytes, between two characters.
pub fn truncate(text: &mut String, limit: usize) {
    text.truncate(text.floor_char_boundary(limit));
}
