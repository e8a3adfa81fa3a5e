//! The operator's view of principals: who is listed or blocked, and who holds most sessions.

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

/// A principal with active sessions: an entry of `sessions_holders`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionHolder {
    pub principal: Principal,
    /// How many of its sessions are pending or finishing.
    pub sessions: u32,
    /// Whether it is known; all others share half of the room.
    pub known: bool,
    /// Since when its longest idle session made no progress, in nanoseconds since 1970.
    pub no_progress_since: Option<u64>,
}

/// A page of `principals_list`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct PrincipalPage {
    pub principals: Vec<PrincipalEntry>,
    /// The cursor of the next page; `null` at the end.
    pub next: Option<Principal>,
}
