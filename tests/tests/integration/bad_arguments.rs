//! Bad arguments on all methods. `cargo xtask soak --bad-arguments N` tries more of them.

use tools::arguments::try_bad_arguments;
use tools::deployment::deploy;

#[test]
fn bad_arguments_trap_nothing_and_change_nothing() {
    let tally = try_bad_arguments(&deploy(), 1, 3_000, |_| ()).unwrap();
    assert_eq!(tally.tried, 3_000);
    // Every outcome is frequent, so that the test covers each.
    assert!(tally.accepted > 100 && tally.typed_errors > 300 && tally.turned_away > 300);
}
