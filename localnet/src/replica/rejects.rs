//! The rejects that callers get after failed runs.

use super::types::Reject;
use crate::prices;
use crate::wasm::{Fault, ModuleError, advised, help};
use candid::Principal;

/// The reject for a fault.
pub fn fault_reject(canister: Principal, fault: &Fault) -> Reject {
    let text = format!("Error from Canister {canister}: {}", fault.text(canister));
    described(fault.error_code(), advised(text, fault.advice().as_deref()))
}

/// The reject for a callback whose cleanup failed too. It has both texts and no advice.
pub fn both_faults(canister: Principal, callback: &Fault, cleanup: &Fault) -> Reject {
    let text = format!(
        "Error from Canister {canister}: {}\n\ncall_on_cleanup also failed:\n\n{}",
        callback.text(canister),
        cleanup.text(canister)
    );
    described(callback.error_code(), text)
}

/// The reject for a module that cannot be installed.
pub fn module_reject(canister: Principal, error: &ModuleError) -> Reject {
    let text = format!("Error from Canister {canister}: {}", error.text);
    described(error.code, advised(text, error.advice.as_deref()))
}

/// The reject of a canister without code.
pub fn no_module(canister: Principal) -> Reject {
    let text = format!(
        "Error from Canister {canister}: Attempted to execute a message, but the canister contains \
         no Wasm module."
    );
    let advice = help(
        "Please install code to this canister before calling it.",
        "wasm-module-not-found",
    );
    described(537, advised(text, Some(&advice)))
}

/// The reject for a missing method. `kind` is `update` or `query`.
pub fn no_method(canister: Principal, kind: &str, method: &str) -> Reject {
    let text = format!("Error from Canister {canister}: Canister has no {kind} method '{method}'.");
    let advice = help(
        "Check that the method being called is exported by the target canister.",
        "method-not-found",
    );
    described(536, advised(text, Some(&advice)))
}

/// The reject of a failed run. A long text loses its middle.
fn described(error_code: u64, mut text: String) -> Reject {
    ellipsize(&mut text, prices::MAX_REJECT_MESSAGE, 50);
    Reject::new(error_code, text)
}

/// Shortens a reject message as a calling canister sees it.
pub fn shorten_for_canister(message: &mut String) {
    ellipsize(message, prices::MAX_REJECT_MESSAGE, 75);
}

/// Cuts the middle out of a text of more than `limit` bytes. Its beginning takes `percent` of the
/// limit, its end the rest.
fn ellipsize(text: &mut String, limit: usize, percent: usize) {
    const MARK: &str = "...";
    if text.len() <= limit {
        return;
    }
    let head = limit * percent / 100;
    let tail = limit - MARK.len() - head;
    let end = text.floor_char_boundary(head);
    let start = text.ceil_char_boundary(text.len() - tail);
    text.replace_range(end..start, MARK);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        let cut = |text: &str, limit| {
            let mut text = text.to_string();
            ellipsize(&mut text, limit, 75);
            text
        };
        assert_eq!(cut("0123456789", 10), "0123456789");
        assert_eq!(cut("0123456789ABCDEFGHIJ", 16), "0123456789AB...J");
        // never in the middle of a character
        assert_eq!(cut("öööööööööö", 16), "öööööö...");
        assert_eq!(cut(&"ö".repeat(5_000), 8_192).len(), 8_191);
    }
}
