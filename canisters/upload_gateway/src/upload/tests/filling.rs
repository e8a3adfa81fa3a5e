//! Stores fill alike, and no file is refused while there is room: the simulation in three sizes.

use super::simulation::{Plan, simulate};

/// The middle of the range of sizes, so that the largest file is a small part of a store.
const PLAN: Plan = Plan {
    first_stores: 12,
    stores: 20,
    files: 50_000,
    median_bytes: 7e6,
    capacity_bytes: 200_000_000_000,
    seed: 1,
};

#[test]
fn stores_fill_alike_although_some_came_later() {
    for seed in 1..4 {
        let outcome = simulate(Plan { seed, ..PLAN });
        assert_eq!(
            (outcome.refused, outcome.over_capacity),
            (0, 0),
            "{outcome:?}"
        );
        assert!(
            outcome.spread() < 0.05,
            "{} of {outcome:?}",
            outcome.spread()
        );
        assert!(outcome.fills.iter().all(|fill| *fill > 0.5), "{outcome:?}");
        // Hardly any begin asks a second store.
        assert!(outcome.calls < 50_100, "{}", outcome.calls);
    }
}

#[test]
fn stores_fill_to_the_brim_before_files_are_refused() {
    let plan = Plan {
        capacity_bytes: 120_000_000_000,
        ..PLAN
    };
    let outcome = simulate(plan);
    assert_eq!(outcome.over_capacity, 0, "{outcome:?}");
    assert!(outcome.refused > 100, "{outcome:?}");
    assert!(outcome.fills.iter().all(|fill| *fill > 0.99), "{outcome:?}");
    // Room that comes back is noticed within a minute, so only the very last is refused.
    assert!(outcome.refused_at > 0.99, "{outcome:?}");
    assert!(
        outcome.refused_with_room < outcome.refused / 3,
        "{outcome:?}"
    );
}

#[test]
fn a_million_files_fill_fifty_stores_alike() {
    let outcome = simulate(Plan::MILLION);
    assert_eq!(
        (outcome.refused, outcome.over_capacity),
        (0, 0),
        "{outcome:?}"
    );
    assert!(outcome.spread() < 0.02, "{outcome:?}");
    assert!(
        outcome.fills.iter().all(|fill| (0.69..0.73).contains(fill)),
        "{outcome:?}"
    );
}
