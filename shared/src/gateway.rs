//! The settings of `upload_gateway`: the argument of install, upgrade and `configure`, and the
//! answer of `configuration`.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};

/// The argument of install, upgrade and `configure`; a field that is `null` changes nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayArgs {
    /// The index canister.
    pub memory_index: Option<Principal>,
    /// Replaces the list of stores. An upload that began in a store that is no longer listed ends
    /// there.
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
}

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
