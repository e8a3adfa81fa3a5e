//! The open calls of this canister, which wait for an answer. The gateway counts its calls to
//! peers apart from these.

use std::cell::Cell;

/// The deadline of the canister's calls to itself and to the management canister, in seconds. An
/// upgrade stops the canister first, and stopping must end.
pub const CALL_TIMEOUT_SECONDS: u32 = 60;

thread_local! {
    static OPEN: Cell<u32> = const { Cell::new(0) };
}

/// Counts a call while it is open. Dropping it ends the count, also when a callback traps.
pub struct OpenCall(());

impl OpenCall {
    pub fn begin() -> Self {
        OPEN.set(OPEN.get() + 1);
        OpenCall(())
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        OPEN.set(OPEN.get() - 1);
    }
}

/// Traps while a call is open: an upgrade would run its callback on a new heap. A canister that is
/// stopped has no open call. For `pre_upgrade`.
pub fn refuse_upgrade_while_calling() {
    let open = OPEN.get();
    if open > 0 {
        ic_cdk::api::trap(format!(
            "the upgrade is refused: {open} calls are open, expected 0; \
             stop the canister, install, start it"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_counts_until_it_is_dropped() {
        let first = OpenCall::begin();
        let second = OpenCall::begin();
        assert_eq!(OPEN.get(), 2);
        drop(first);
        assert_eq!(OPEN.get(), 1);
        drop(second);
        assert_eq!(OPEN.get(), 0);
        refuse_upgrade_while_calling();
    }
}
