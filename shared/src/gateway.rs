//! The settings of `upload_gateway`: the argument of install, upgrade and `configure`, the answer
//! of `configuration`, and the report of `configure_check`.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};

/// The argument of install, upgrade and `configure`; a field that is `null` changes nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayArgs {
    /// The index for reads, new uploads and new deletions. Those that are open stay with theirs.
    pub memory_index: Option<Principal>,
    /// Adds stores that take new uploads. `stores_remove` removes one.
    pub blob_stores: Option<Vec<Principal>>,
    /// Whether anonymous callers may own capsules and upload (for local test networks).
    pub allow_anonymous: Option<bool>,
    /// The principals that may create capsules.
    pub capsule_creators: Option<CapsuleCreators>,
    /// The most active sessions of one principal.
    pub max_sessions_per_principal: Option<u32>,
    /// The most active sessions of one capsule.
    pub max_sessions_per_capsule: Option<u32>,
    /// The most active sessions in all.
    pub max_sessions: Option<u32>,
    /// The most bytes, stored and pending, of one capsule.
    pub max_bytes_per_capsule: Option<u64>,
    /// A pending session expires this long after its last activity, in nanoseconds.
    pub session_ttl_ns: Option<u64>,
    /// The record of a committed session is kept this long, in nanoseconds.
    pub committed_retention_ns: Option<u64>,
    /// A chunk may arrive this many indexes ahead of the next expected one; 0 is strictly in order.
    pub reorder_window: Option<u32>,
    /// The most bytes of chunks that one principal may send in 24 hours. Duplicates and refused
    /// chunks count too.
    pub max_bytes_per_principal_per_day: Option<u64>,
    /// The most bytes of chunks that the gateway takes in 24 hours from all principals. Half of
    /// them are kept for known principals.
    pub max_bytes_per_day: Option<u64>,
    /// The most capsules that one principal may make, unless `capsule_creators` lists it.
    pub max_capsules_per_principal: Option<u32>,
    /// A deleted memory stays in the trash this long, in nanoseconds; 0 deletes it at once.
    pub trash_retention_ns: Option<u64>,
    /// The next session gets at least this number, up to [`MOST_FIRST_SESSION`]. It is for a
    /// gateway that replaces another one: uploads of equal sessions could have the same blob id.
    pub first_session: Option<u64>,
}

/// The largest first session.
///
/// Source: our choice; 2^53, which every client can count with, and which leaves enough numbers.
pub const MOST_FIRST_SESSION: u64 = 1 << 53;

/// The principals that may create capsules.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum CapsuleCreators {
    /// Every principal that may own a capsule.
    Anyone,
    /// Only these.
    Listed(Vec<Principal>),
}

/// The settings in force. Each field means the same as in `GatewayArgs`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct GatewayConfig {
    pub memory_index: Option<Principal>,
    pub blob_stores: Vec<Principal>,
    pub allow_anonymous: bool,
    pub capsule_creators: CapsuleCreators,
    pub max_sessions_per_principal: u32,
    pub max_sessions_per_capsule: u32,
    pub max_sessions: u32,
    pub max_bytes_per_capsule: u64,
    pub session_ttl_ns: u64,
    pub committed_retention_ns: u64,
    pub reorder_window: u32,
    pub max_bytes_per_principal_per_day: u64,
    pub max_bytes_per_day: u64,
    pub max_capsules_per_principal: u32,
    pub trash_retention_ns: u64,
}

/// The effect that `configure` would have; nothing has changed yet.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ConfigureReport {
    /// The settings that would get another value.
    pub changes: Vec<SettingChange>,
    /// The stores that would be added.
    pub stores_added: Vec<Principal>,
    /// If the index would change: the uploads that are open and stay with theirs.
    pub uploads_of_old_index: Option<u64>,
    /// Pending sessions that would expire at once. At most 10,000 are counted.
    pub sessions_expiring: u64,
    /// Records of committed sessions that would be forgotten at once. At most 10,000 are counted.
    pub sessions_retiring: u64,
    /// The settings whose stored value is out of range now. `from` is stored, and `to` is in force.
    pub out_of_range: Vec<SettingChange>,
}

/// A setting with two values, as text.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    pub name: String,
    pub from: String,
    pub to: String,
}
