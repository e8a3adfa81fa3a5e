//! Upgrades of a gateway that holds very much, in instructions of the real module.
//!
//! An upgrade has one message, and its canister waits for it. So it never reads all of anything:
//! the timer does that later, slice by slice.

mod fill;
mod jobs;
mod sessions;

use tools::deployment::{Deployment, Part};
use tools::statistics::{self, Statistics};

/// The most instructions that an upgrade takes beyond one of an empty gateway, and the most that a
/// message of the timer takes for what an older release left.
const MOST: u64 = 1_000_000_000;

/// The gateway's costs since somebody cleared the statistics.
fn costs(deployment: &Deployment) -> Statistics {
    let mut all = statistics::read(&deployment.pic).unwrap();
    all.remove(&deployment.gateway.to_text()).unwrap()
}

fn clear(deployment: &Deployment) {
    statistics::clear(&deployment.pic).unwrap();
}

/// Upgrades the gateway as deploy tools do. Returns the cycles of the installation: one for each
/// instruction, and as many for its module every time.
fn upgrade(deployment: &Deployment) -> u64 {
    deployment.stop(Part::Gateway);
    loop {
        clear(deployment);
        let Err(reject) = deployment.upgrade_rudely(Part::Gateway) else {
            break;
        };
        // Each round forgives some instructions of earlier installations.
        let text = reject.reject_message;
        assert!(text.contains("rate limited"), "{text}");
        deployment.pic.tick();
    }
    let spent = costs(deployment).management_cycles;
    deployment.start(Part::Gateway);
    spent.try_into().unwrap()
}

/// Checks that an upgrade took at most so many instructions more than that of an empty gateway.
#[track_caller]
fn check_upgrade(what: &str, spent: u64, empty: u64, most: u64) {
    let more = spent.saturating_sub(empty);
    println!("{what}: {more} instructions more than an upgrade of an empty gateway");
    assert!(
        more <= most,
        "{what}: {more} instructions, expected at most {most}"
    );
}
