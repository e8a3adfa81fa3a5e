//! The result of every check in a history.

use pocket_ic::{ErrorCode, RejectResponse};

/// The reason in words when a check fails.
pub type Checked<T = ()> = Result<T, String>;

/// Accepts rejections of a canister that is stopped, frozen or being upgraded, but no trap.
pub(super) fn check_unavailable(reject: &RejectResponse) -> Checked {
    match reject.error_code {
        ErrorCode::CanisterStopped
        | ErrorCode::CanisterStopping
        | ErrorCode::CanisterOutOfCycles
        // Inspection also refuses while the canister changes its state.
        | ErrorCode::CanisterRejectedMessage => Ok(()),
        _ => Err(reject.to_string()),
    }
}
