//! What the gateway's canister controllers see of principals: the answer of `principals_list`.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};

/// A principal that the operator listed as known or blocked. Every time is in nanoseconds since
/// 1970.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrincipalEntry {
    pub principal: Principal,
    /// Since when it is listed as known.
    pub known_since: Option<u64>,
    /// Since when it is blocked.
    pub blocked_since: Option<u64>,
    /// When it finished its first upload; it is known 7 days later without being listed.
    pub first_upload_at: Option<u64>,
}

/// A page of `principals_list`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct PrincipalPage {
    pub principals: Vec<PrincipalEntry>,
    /// The cursor of the next page; `null` at the end.
    pub next: Option<Principal>,
}
