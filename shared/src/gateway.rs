//! The settings of `upload_gateway`: what install, upgrade and `configure` take, and what `configuration` shows.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};

/// The argument of install, upgrade and `configure`; a field that is `null` changes nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayArgs {
    pub memory_index: Option<Principal>,
    /// Replaces the list; uploads that began in a store which is no longer listed still end there.
    pub blob_stores: Option<Vec<Principal>>,
    /// Whether anonymous callers may own capsules and upload (for local test networks).
    pub allow_anonymous: Option<bool>,
    pub capsule_creators: Option<CapsuleCreators>,
    /// Active sessions of one principal.
    pub max_sessions_per_principal: Option<u32>,
    /// Active sessions of one capsule.
    pub max_sessions_per_capsule: Option<u32>,
    /// Active sessions in all.
    pub max_sessions: Option<u32>,
    /// Bytes stored and pending in one capsule.
    pub max_bytes_per_capsule: Option<u64>,
    /// How long after its last sign of life a pending session expires, in nanoseconds.
    pub session_ttl_ns: Option<u64>,
    /// How long the record of a committed session is kept, in nanoseconds.
    pub committed_retention_ns: Option<u64>,
    /// How many indexes ahead of the next expected one a chunk may be; 0 is strictly in order.
    pub reorder_window: Option<u32>,
}

/// Who may create capsules.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum CapsuleCreators {
    /// Anyone who may own one.
    Anyone,
    Listed(Vec<Principal>),
}

/// The settings in force; units as in [`GatewayArgs`].
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
}
