//! The methods of the management canister, their callers, and the canisters in their arguments.

use super::answers::decode;
use crate::replica::types::Reject;
use candid::Principal;
use ic_management_canister_types::CanisterIdRecord;

/// The callers of a method.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only canister controllers, from outside or from a canister. The argument names the canister.
    Controllers,
    /// Anybody.
    Anybody,
    /// Only canisters.
    Canisters,
    /// Only queries from outside.
    Query,
}

/// The callers of a method; `None` if there is no such method.
pub fn kind(method: &str) -> Option<Kind> {
    Some(match method {
        "install_code"
        | "install_chunked_code"
        | "uninstall_code"
        | "update_settings"
        | "start_canister"
        | "stop_canister"
        | "delete_canister"
        | "canister_status"
        | "upload_chunk"
        | "stored_chunks"
        | "clear_chunk_store"
        | "list_canister_snapshots"
        | "take_canister_snapshot"
        | "load_canister_snapshot"
        | "delete_canister_snapshot"
        | "read_canister_snapshot_metadata"
        | "read_canister_snapshot_data"
        | "upload_canister_snapshot_metadata"
        | "upload_canister_snapshot_data" => Kind::Controllers,
        "provisional_create_canister_with_cycles" | "provisional_top_up_canister" => Kind::Anybody,
        "create_canister" | "deposit_cycles" | "raw_rand" | "canister_info" => Kind::Canisters,
        "fetch_canister_logs" => Kind::Query,
        _ => return None,
    })
}

/// The canister that the argument names. Fails if it cannot be decoded.
pub fn target(method: &str, arg: &[u8]) -> Result<Principal, Reject> {
    #[derive(candid::CandidType, serde::Deserialize)]
    struct Target {
        target_canister: Principal,
    }
    if method == "install_chunked_code" {
        return decode::<Target>(arg).map(|t| t.target_canister);
    }
    decode::<CanisterIdRecord>(arg).map(|r| r.canister_id)
}

/// The canister that a management call is about, if its argument names one.
pub fn about(method: &str, arg: &[u8]) -> Option<Principal> {
    match kind(method)? {
        Kind::Controllers | Kind::Query => target(method, arg).ok(),
        Kind::Anybody | Kind::Canisters => None,
    }
}
