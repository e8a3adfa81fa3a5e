//! Canister ids: numbers in the range of a subnet.

use candid::Principal;

/// The number of canister ids in a subnet.
pub const RANGE: u64 = 1 << 20;
/// The first id of the first subnet. User canisters of PocketIC start here as well.
pub const FIRST_ID: u64 = 0xffff_ffff_ffe0_0000 - 16 * RANGE;

/// The canister id with this number.
pub fn canister_id(index: u64) -> Principal {
    let mut bytes = [1; 10];
    bytes[..8].copy_from_slice(&index.to_be_bytes());
    Principal::from_slice(&bytes)
}

/// The number of a canister id; `None` for other principals.
pub fn canister_index(id: Principal) -> Option<u64> {
    match id.as_slice() {
        [index @ .., 1, 1] => Some(u64::from_be_bytes(index.try_into().ok()?)),
        _ => None,
    }
}
