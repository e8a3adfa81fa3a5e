//! Canister ids: numbers in the range of a subnet.

use candid::Principal;

/// Canister ids of one subnet.
pub const RANGE: u64 = 1 << 20;
/// Where the ranges of the first subnet begin; user canisters of PocketIC start here as well.
pub const FIRST_ID: u64 = 0xffff_ffff_ffe0_0000 - 16 * RANGE;

pub fn canister_id(index: u64) -> Principal {
    let mut bytes = [1; 10];
    bytes[..8].copy_from_slice(&index.to_be_bytes());
    Principal::from_slice(&bytes)
}

pub fn canister_index(id: Principal) -> Option<u64> {
    match id.as_slice() {
        [index @ .., 1, 1] => Some(u64::from_be_bytes(index.try_into().ok()?)),
        _ => None,
    }
}
