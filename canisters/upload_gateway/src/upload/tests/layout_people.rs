//! The bytes of the records about principals.

use super::world::id;
use crate::upload::flows::Flow;
use crate::upload::people::{Mark, PeopleCounts};
use candid::Principal;
use canister_common::codec::{Record, decode, encode};
use hex::encode as hex;
use ic_stable_structures::Storable;
use std::fmt::Debug;

#[track_caller]
fn pin<R: Record + PartialEq + Debug>(record: R, golden: &str) {
    let bytes = encode(&record);
    assert_eq!(hex(&bytes), golden, "a changed layout needs a new version");
    assert_eq!(decode::<R>(&bytes), record);
}

#[test]
fn records_about_principals_keep_their_layout() {
    let since = 0x0102_0304_0506_0708;
    pin(Mark { since }, "010807060504030201");
    let counts = PeopleCounts {
        listed: 1,
        blocked: 2,
        uploaded: 3,
    };
    pin(counts, "01010000000000000002000000000000000300000000000000");
    let flow = Flow {
        empty_at: 1,
        refused_empty_at: 2,
    };
    pin(flow, "0101000000000000000200000000000000");
}

#[test]
fn keys_of_principals_keep_their_layout() {
    // A principal is padded to its longest form, 29 bytes, and its length follows.
    let key = (2u8, id(7));
    let golden = format!("02070101{}03", "00".repeat(26));
    assert_eq!(hex(key.to_bytes()), golden);
    let first = (0u8, Principal::management_canister());
    assert_eq!(hex(first.to_bytes()), "00".repeat(31));
}
