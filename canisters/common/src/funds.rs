//! A canister that can hardly pay for what it has begun takes no new work: finishes, clean-up and reads go on.

use capsule_shared::{Error, Result};

/// The cycles that `canister` must be able to spend for new work, where it makes no calls: a message is paid in advance
/// for the most instructions that it may use, some 40 G cycles, and the next ones shall run, too.
pub const MIN_WITHOUT_CALLS: u128 = 200_000_000_000;

/// The same where new work is calls: some 20 of them at once (each holds back 42 G cycles until it returns) are left for
/// finishes and clean-up.
pub const MIN_WITH_CALLS: u128 = 1_000_000_000_000;

/// A temporary error unless `liquid` cycles, those above the freezing threshold, are at least `minimum`.
pub fn check_funds(canister: &str, liquid: u128, minimum: u128) -> Result<()> {
    if liquid >= minimum {
        return Ok(());
    }
    Err(Error::temporary(format!(
        "{canister} can spend {liquid} cycles, expected at least {minimum} for new work; its operator must top it up"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_cycles_are_a_temporary_error_that_names_both_figures() {
        assert_eq!(check_funds("any", 5, 5), Ok(()));
        let error = check_funds("any", 4, 5).unwrap_err();
        assert!(error.is_temporary());
        let text = error.to_string();
        assert!(
            text.contains("any can spend 4 cycles, expected at least 5"),
            "{text}"
        );
    }
}
