//! Upgrades from release 0.1.0: every table of all three canisters survives, in any order of
//! upgrades.

mod assets;
mod copying;
mod filled;
mod finished;
mod interface;
mod pairs;
mod snapshot;
mod versions;

use filled::Filled;
use snapshot::snapshot;
use tools::deployment::Part;

/// Fills the canisters of the release, upgrades them in this order, and completes all work in them.
fn upgrade_in_order(order: [Part; 3]) {
    let filled = Filled::new();
    for (number, part) in order.into_iter().enumerate() {
        let before = snapshot(&filled);
        filled.deployment.upgrade(part);
        assert_eq!(snapshot(&filled), before, "after {}", part.name());
        // Canisters of the two versions work together.
        filled.put_pending(filled::SENT + number);
    }
    finished::finish_everything(&filled);
}

#[test]
fn the_store_may_be_upgraded_first() {
    upgrade_in_order([Part::BlobStore, Part::MemoryIndex, Part::Gateway]);
}

#[test]
fn the_index_may_be_upgraded_first() {
    upgrade_in_order([Part::MemoryIndex, Part::Gateway, Part::BlobStore]);
}

#[test]
fn the_gateway_may_be_upgraded_first() {
    upgrade_in_order([Part::Gateway, Part::BlobStore, Part::MemoryIndex]);
}
