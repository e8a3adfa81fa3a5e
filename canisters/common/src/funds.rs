//! A canister that runs low on cycles takes no new work. Finishes, clean-up and reads go on.

use capsule_shared::{Error, Result};

/// Least spendable cycles for new work in a canister that makes no calls. The platform charges a
/// message in advance for the most instructions it may use, 40 G cycles; this is room for five.
pub const MIN_WITHOUT_CALLS: u128 = 200_000_000_000;

/// Least spendable cycles for new work that makes calls. Each open call holds back 42 G cycles, so
/// this leaves room for some 20 calls of finishes and clean-up.
pub const MIN_WITH_CALLS: u128 = 1_000_000_000_000;

/// A canister has too few cycles for new work. The same call succeeds after a top-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LowFunds {
    canister: &'static str,
    liquid: u128,
    minimum: u128,
}

impl std::fmt::Display for LowFunds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let LowFunds {
            canister,
            liquid,
            minimum,
        } = self;
        write!(
            f,
            "{canister} can spend {liquid} cycles, expected at least {minimum} for new work; \
             its operator must top it up"
        )
    }
}

/// Checks `liquid`, the cycles above the freezing threshold, against `minimum`.
pub fn check_funds(
    canister: &'static str,
    liquid: u128,
    minimum: u128,
) -> std::result::Result<(), LowFunds> {
    if liquid >= minimum {
        return Ok(());
    }
    Err(LowFunds {
        canister,
        liquid,
        minimum,
    })
}

/// The same for this canister, which makes no calls. Answers a temporary error.
pub fn check_own_funds(canister: &'static str) -> Result<()> {
    let liquid = ic_cdk::api::canister_liquid_cycle_balance();
    check_funds(canister, liquid, MIN_WITHOUT_CALLS).map_err(Error::temporary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_cycles_are_refused_with_both_figures() {
        assert_eq!(check_funds("any", 5, 5), Ok(()));
        let text = check_funds("any", 4, 5).unwrap_err().to_string();
        assert!(
            text.starts_with("any can spend 4 cycles, expected at least 5"),
            "{text}"
        );
    }
}
