//! Entries of a canister's history.

use crate::replica::message::Origin;
use candid::Principal;
use ic_management_canister_types::{ChangeOrigin, FromCanisterRecord, FromUserRecord};

/// The origin of a change, for the history, with the version that a calling canister tells of
/// itself.
pub fn change_origin(
    sender: Principal,
    origin: &Origin,
    sender_version: Option<u64>,
) -> ChangeOrigin {
    match origin {
        Origin::Canister { id, .. } => ChangeOrigin::FromCanister(FromCanisterRecord {
            canister_id: *id,
            canister_version: sender_version,
        }),
        _ => ChangeOrigin::FromUser(FromUserRecord { user_id: sender }),
    }
}
