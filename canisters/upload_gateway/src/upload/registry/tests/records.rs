//! The stored records of stores keep their bytes.

use super::id;
use crate::upload::registry::record::{Noted, Promised, Store};
use canister_common::codec::{Record, encode};
use canister_common::golden::{assert_golden, assert_hex};
use capsule_shared::blob_store::StoreReserve;
use capsule_shared::stores::{StoreReport, StoreState};
use ic_stable_structures::Storable;

#[test]
fn records_of_stores_keep_their_layout() {
    assert_eq!(Noted::VERSION, 1);
    let new = Store::new(0x0102_0304);
    assert_golden(&Noted::Store(new.clone()), NEW);
    let full = Store {
        state: StoreState::Draining,
        capacity_bytes: Some(5),
        promised: Promised {
            before: 6,
            since: 7,
        },
        silent_since: Some(8),
        report: Some(StoreReport {
            at: 9,
            schema: 2,
            blobs: 10,
            used_bytes: 11,
            promised_bytes: 12,
            free_bytes: 13,
            capacity_bytes: 14,
            cycles: 15,
            reserve: Some(StoreReserve {
                cycles: 16,
                limit_cycles: 17,
            }),
        }),
        ..new.clone()
    };
    assert_golden(&Noted::Store(full), FULL);
    for (state, byte) in [
        (StoreState::Active, 0),
        (StoreState::ReadOnly, 1),
        (StoreState::Draining, 2),
        (StoreState::Offline, 3),
    ] {
        let bytes = encode(&Noted::Store(Store {
            state,
            ..new.clone()
        }));
        assert_eq!(bytes[1], byte);
    }
    assert_golden(&Noted::Retired, "01 04");
}

#[test]
fn the_key_of_a_store_keeps_its_layout() {
    assert_hex(&id(7).to_bytes(), "07 01 01");
}

const NEW: &str = "
    01 00 04030201
    0000000000000000 0000000000000000
    00 00 00";

const FULL: &str = "
    01 02 04030201
    0600000000000000 0700000000000000
    01 0500000000000000
    01 0800000000000000
    01 0900000000000000 02000000 0a00000000000000 0b00000000000000
    0c00000000000000 0d00000000000000 0e00000000000000
    0f000000000000000000000000000000
    01 10000000000000000000000000000000 11000000000000000000000000000000";
