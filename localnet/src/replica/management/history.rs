//! Entries of a canister's history.

use crate::replica::message::Origin;
use candid::Principal;
use ic_management_canister_types::{ChangeOrigin, FromCanisterRecord, FromUserRecord};

/// The origin of a change, for the history.
pub fn change_origin(sender: Principal, origin: &Origin) -> ChangeOrigin {
    match origin {
        Origin::Canister { id, .. } => ChangeOrigin::FromCanister(FromCanisterRecord {
            canister_id: *id,
            canister_version: None,
        }),
        _ => ChangeOrigin::FromUser(FromUserRecord { user_id: sender }),
    }
}
