//! Budgets of bytes a day: they leak evenly, keep half for the known, and stay bounded.

use super::world::{SECOND, id};
use crate::failure::Failure;
use crate::session::standing::Standing::{self, Known, New};
use crate::upload::flows::{Ask, Budget, Flows};
use candid::Principal;
use capsule_shared::gateway::GatewayConfig;
use ic_stable_structures::VectorMemory;

const DAY: u64 = 24 * 3_600 * SECOND;

fn config(principal: u64, gateway: u64) -> GatewayConfig {
    GatewayConfig {
        max_bytes_per_principal_per_day: principal,
        max_bytes_per_day: gateway,
        ..crate::config::Config::default().public().clone()
    }
}

fn ask(who: Principal, standing: Standing, bytes: u64, now: u64) -> Ask {
    Ask {
        who,
        standing,
        bytes,
        now,
    }
}

fn flows() -> Flows<VectorMemory> {
    Flows::new(VectorMemory::default())
}

#[test]
fn half_of_the_gateways_bytes_is_for_the_known() {
    let (mut flows, config) = (flows(), config(1_000, 1_000));
    let now = 5 * DAY;
    for n in [1, 2] {
        flows.charge(ask(id(n), New, 250, now), &config).unwrap();
    }
    let refused = flows.charge(ask(id(3), New, 1, now), &config).unwrap_err();
    assert_eq!(refused.budget, Budget::Strangers);
    assert!(refused.failure.is_temporary());
    flows.charge(ask(id(9), Known, 500, now), &config).unwrap();
    let refused = flows
        .charge(ask(id(9), Known, 1, now), &config)
        .unwrap_err();
    assert_eq!(refused.budget, Budget::Gateway);
    assert_eq!(flows.used(Budget::Gateway, &config, now), 1_000);
    // Half a day later half of each budget is free.
    let now = now + DAY / 2;
    flows.charge(ask(id(3), New, 250, now), &config).unwrap();
    assert!(flows.charge(ask(id(3), New, 1, now), &config).is_err());
    flows.charge(ask(id(9), Known, 250, now), &config).unwrap();
}

#[test]
fn it_is_free_at_the_time_that_it_tells() {
    let config = config(1_000_003, u64::MAX);
    for used in [1, 999_999, 1_000_003] {
        for bytes in [1, 777, 1_000_003] {
            let mut flows = flows();
            flows.charge(ask(id(1), Known, used, DAY), &config).unwrap();
            let Err(refused) = flows.charge(ask(id(1), Known, bytes, DAY), &config) else {
                continue;
            };
            let Failure::Temporary(text) = refused.failure else {
                panic!("{used} and {bytes} bytes: it is free later")
            };
            let at = text.split(" at ").nth(1).unwrap();
            let at: u64 = at.split(' ').next().unwrap().parse().unwrap();
            assert!(
                flows
                    .charge(ask(id(1), Known, bytes, at - 1), &config)
                    .is_err()
            );
            flows.charge(ask(id(1), Known, bytes, at), &config).unwrap();
        }
    }
}

#[test]
fn a_flood_of_refused_chunks_is_turned_away_for_free() {
    let (mut flows, config) = (flows(), config(100 << 20, 1 << 40));
    let chunk = |now| ask(id(1), New, 1 << 20, now);
    let mut sent = 0;
    while flows.admits(chunk(DAY), &config) {
        let _ = flows.charge(chunk(DAY), &config);
        sent += 1;
    }
    // The budget of 100 MiB, and 16 MiB of typed refusals.
    assert_eq!(sent, 116);
    assert!(flows.admits(ask(id(2), New, 1 << 20, DAY), &config));
    // Both run empty.
    assert!(flows.admits(chunk(DAY + DAY / 100), &config));
}

#[test]
fn a_budget_of_nothing_takes_nothing() {
    let mut flows = flows();
    let refused = flows
        .charge(ask(id(1), Known, 1, DAY), &config(0, 0))
        .unwrap_err();
    assert_eq!(refused.failure, Failure::ResourceExhausted);
}

#[test]
fn principals_that_sent_nothing_for_a_day_are_forgotten() {
    let (mut flows, config) = (flows(), config(1_000, u64::MAX));
    let who = |n: u32| Principal::from_slice(&n.to_be_bytes());
    for n in 0..1_000 {
        flows.charge(ask(who(n), New, 10, DAY), &config).unwrap();
    }
    assert_eq!(flows.len(), 1_002);
    for n in 1_000..1_400 {
        let now = 2 * DAY + SECOND;
        flows.charge(ask(who(n), New, 10, now), &config).unwrap();
    }
    assert_eq!(flows.len(), 402);
}
