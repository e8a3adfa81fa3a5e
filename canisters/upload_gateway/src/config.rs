//! The gateway's settings, and the record that keeps them in stable memory.

use crate::failure::{Failure, Result};
use crate::session::received::MAX_REORDER_WINDOW;
use crate::session::types::Limits;
use candid::{CandidType, Principal};
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;
use capsule_shared::gateway::{CapsuleCreators, GatewayArgs, GatewayConfig};
use serde::Deserialize;

const HOUR_NS: u64 = 3_600_000_000_000;

/// When room is short, a session may end that made no progress for 10 minutes.
const IDLE_NS: u64 = HOUR_NS / 6;

/// The settings that release 0.1.0 didn't have. The budgets are what a principal, or the whole
/// gateway, hardly sends in a day at the rate at which the platform takes messages.
const MAX_BYTES_PER_PRINCIPAL_PER_DAY: u64 = 64 << 30;
const MAX_BYTES_PER_DAY: u64 = 256 << 30;
const MAX_CAPSULES_PER_PRINCIPAL: u32 = 10;
const TRASH_RETENTION_NS: u64 = 30 * 24 * HOUR_NS;

/// The settings in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config(GatewayConfig);

impl Default for Config {
    fn default() -> Self {
        Config(GatewayConfig {
            memory_index: None,
            blob_stores: Vec::new(),
            allow_anonymous: false,
            capsule_creators: CapsuleCreators::Anyone,
            max_sessions_per_principal: 100,
            max_sessions_per_capsule: 100,
            max_sessions: 10_000,
            max_bytes_per_capsule: 50 << 30,
            session_ttl_ns: 24 * HOUR_NS,
            committed_retention_ns: 24 * HOUR_NS,
            reorder_window: 8,
            max_bytes_per_principal_per_day: MAX_BYTES_PER_PRINCIPAL_PER_DAY,
            max_bytes_per_day: MAX_BYTES_PER_DAY,
            max_capsules_per_principal: MAX_CAPSULES_PER_PRINCIPAL,
            trash_retention_ns: TRASH_RETENTION_NS,
        })
    }
}

impl Config {
    /// The settings as the interface shows them.
    pub fn public(&self) -> &GatewayConfig {
        &self.0
    }

    /// The settings with the changes of `args`: `InvalidArgument` if one of them is wrong.
    pub fn with(&self, args: GatewayArgs) -> Result<Config> {
        let old = self.0.clone();
        let new = GatewayConfig {
            memory_index: args.memory_index.or(old.memory_index),
            blob_stores: args.blob_stores.unwrap_or(old.blob_stores),
            allow_anonymous: args.allow_anonymous.unwrap_or(old.allow_anonymous),
            capsule_creators: args.capsule_creators.unwrap_or(old.capsule_creators),
            max_sessions_per_principal: args
                .max_sessions_per_principal
                .unwrap_or(old.max_sessions_per_principal),
            max_sessions_per_capsule: args
                .max_sessions_per_capsule
                .unwrap_or(old.max_sessions_per_capsule),
            max_sessions: args.max_sessions.unwrap_or(old.max_sessions),
            max_bytes_per_capsule: args
                .max_bytes_per_capsule
                .unwrap_or(old.max_bytes_per_capsule),
            session_ttl_ns: args.session_ttl_ns.unwrap_or(old.session_ttl_ns),
            committed_retention_ns: args
                .committed_retention_ns
                .unwrap_or(old.committed_retention_ns),
            reorder_window: args.reorder_window.unwrap_or(old.reorder_window),
            max_bytes_per_principal_per_day: args
                .max_bytes_per_principal_per_day
                .unwrap_or(old.max_bytes_per_principal_per_day),
            max_bytes_per_day: args.max_bytes_per_day.unwrap_or(old.max_bytes_per_day),
            max_capsules_per_principal: args
                .max_capsules_per_principal
                .unwrap_or(old.max_capsules_per_principal),
            trash_retention_ns: args.trash_retention_ns.unwrap_or(old.trash_retention_ns),
        };
        if new.reorder_window > MAX_REORDER_WINDOW {
            return Err(Failure::invalid(format!(
                "reorder_window is {}, expected at most {MAX_REORDER_WINDOW}",
                new.reorder_window
            )));
        }
        let mut peers = new.memory_index.iter().chain(&new.blob_stores);
        if let Some(peer) = peers
            .find(|id| **id == Principal::anonymous() || **id == Principal::management_canister())
        {
            return Err(Failure::invalid(format!(
                "a peer is {peer}, expected the id of a canister"
            )));
        }
        Ok(Config(new))
    }

    /// The settings that the session layer knows.
    pub fn limits(&self) -> Limits {
        Limits {
            active_per_owner: self.0.max_sessions_per_principal,
            active_per_scope: self.0.max_sessions_per_capsule,
            active_total: self.0.max_sessions,
            bytes_per_scope: self.0.max_bytes_per_capsule,
            ttl: self.0.session_ttl_ns,
            idle: IDLE_NS,
            retention: self.0.committed_retention_ns,
            reorder_window: self.0.reorder_window,
        }
    }

    /// `Unauthorized` unless `caller` may own capsules and upload.
    pub fn check_caller(&self, caller: Principal) -> Result<()> {
        if caller == Principal::anonymous() && !self.0.allow_anonymous {
            return Err(Failure::Unauthorized);
        }
        Ok(())
    }

    /// `Unauthorized` unless `caller` may create capsules.
    pub fn check_creator(&self, caller: Principal) -> Result<()> {
        self.check_caller(caller)?;
        match &self.0.capsule_creators {
            CapsuleCreators::Anyone => Ok(()),
            CapsuleCreators::Listed(list) if list.contains(&caller) => Ok(()),
            CapsuleCreators::Listed(_) => Err(Failure::Unauthorized),
        }
    }
}

/// Layout, version 2: [`SettingsRecord`] as Candid. Version 1, of release 0.1.0, lacks the fields
/// that are optional in it.
impl Record for Config {
    const VERSION: u8 = 2;

    fn write(&self, fields: Writer) -> Writer {
        fields.candid(&SettingsRecord::from(self.0.clone()))
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        match version {
            1 | 2 => Config(fields.candid::<SettingsRecord>().into()),
            other => unknown(other),
        }
    }
}

storable!(Config);

/// The stored twin of [`GatewayConfig`], which may grow with the interface. A new setting is an
/// `Option` here, so that older records stay readable; `None` is its default.
#[derive(CandidType, Deserialize)]
struct SettingsRecord {
    memory_index: Option<Principal>,
    blob_stores: Vec<Principal>,
    allow_anonymous: bool,
    capsule_creators: CreatorsRecord,
    max_sessions_per_principal: u32,
    max_sessions_per_capsule: u32,
    max_sessions: u32,
    max_bytes_per_capsule: u64,
    session_ttl_ns: u64,
    committed_retention_ns: u64,
    reorder_window: u32,
    max_bytes_per_principal_per_day: Option<u64>,
    max_bytes_per_day: Option<u64>,
    max_capsules_per_principal: Option<u32>,
    trash_retention_ns: Option<u64>,
}

/// The stored twin of [`CapsuleCreators`].
#[derive(CandidType, Deserialize)]
enum CreatorsRecord {
    Anyone,
    Listed(Vec<Principal>),
}

/// Destructures the settings, so that a new one doesn't compile until someone decides how to store
/// it.
impl From<GatewayConfig> for SettingsRecord {
    fn from(config: GatewayConfig) -> Self {
        let GatewayConfig {
            memory_index,
            blob_stores,
            allow_anonymous,
            capsule_creators,
            max_sessions_per_principal,
            max_sessions_per_capsule,
            max_sessions,
            max_bytes_per_capsule,
            session_ttl_ns,
            committed_retention_ns,
            reorder_window,
            max_bytes_per_principal_per_day,
            max_bytes_per_day,
            max_capsules_per_principal,
            trash_retention_ns,
        } = config;
        SettingsRecord {
            memory_index,
            blob_stores,
            allow_anonymous,
            capsule_creators: match capsule_creators {
                CapsuleCreators::Anyone => CreatorsRecord::Anyone,
                CapsuleCreators::Listed(list) => CreatorsRecord::Listed(list),
            },
            max_sessions_per_principal,
            max_sessions_per_capsule,
            max_sessions,
            max_bytes_per_capsule,
            session_ttl_ns,
            committed_retention_ns,
            reorder_window,
            max_bytes_per_principal_per_day: Some(max_bytes_per_principal_per_day),
            max_bytes_per_day: Some(max_bytes_per_day),
            max_capsules_per_principal: Some(max_capsules_per_principal),
            trash_retention_ns: Some(trash_retention_ns),
        }
    }
}

impl From<SettingsRecord> for GatewayConfig {
    fn from(record: SettingsRecord) -> Self {
        GatewayConfig {
            memory_index: record.memory_index,
            blob_stores: record.blob_stores,
            allow_anonymous: record.allow_anonymous,
            capsule_creators: match record.capsule_creators {
                CreatorsRecord::Anyone => CapsuleCreators::Anyone,
                CreatorsRecord::Listed(list) => CapsuleCreators::Listed(list),
            },
            max_sessions_per_principal: record.max_sessions_per_principal,
            max_sessions_per_capsule: record.max_sessions_per_capsule,
            max_sessions: record.max_sessions,
            max_bytes_per_capsule: record.max_bytes_per_capsule,
            session_ttl_ns: record.session_ttl_ns,
            committed_retention_ns: record.committed_retention_ns,
            reorder_window: record.reorder_window,
            max_bytes_per_principal_per_day: record
                .max_bytes_per_principal_per_day
                .unwrap_or(MAX_BYTES_PER_PRINCIPAL_PER_DAY),
            max_bytes_per_day: record.max_bytes_per_day.unwrap_or(MAX_BYTES_PER_DAY),
            max_capsules_per_principal: record
                .max_capsules_per_principal
                .unwrap_or(MAX_CAPSULES_PER_PRINCIPAL),
            trash_retention_ns: record.trash_retention_ns.unwrap_or(TRASH_RETENTION_NS),
        }
    }
}
