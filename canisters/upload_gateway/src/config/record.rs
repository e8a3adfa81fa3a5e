//! How the settings are stored.

use super::settings::{
    Config, MAX_BYTES_PER_DAY, MAX_BYTES_PER_PRINCIPAL_PER_DAY, MAX_CAPSULES_PER_PRINCIPAL,
    Registered, TRASH_RETENTION_NS,
};
use candid::{CandidType, Principal};
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;
use capsule_shared::gateway::{CapsuleCreators, GatewayConfig};
use serde::Deserialize;

/// Layout, version 2: [`SettingsRecord`] as Candid. Version 1, of release 0.1.0, lacks the fields
/// that are optional in it.
impl Record for Config {
    const VERSION: u8 = 2;

    fn write(&self, fields: Writer) -> Writer {
        fields.candid(&SettingsRecord::from(self.clone()))
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        match version {
            1 | 2 => fields.candid::<SettingsRecord>().into(),
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
    registered: Option<RegisteredRecord>,
}

/// The stored twin of [`Registered`].
#[derive(CandidType, Deserialize)]
struct RegisteredRecord {
    first_index: Option<Principal>,
    stores: bool,
}

/// The stored twin of [`CapsuleCreators`].
#[derive(CandidType, Deserialize)]
enum CreatorsRecord {
    Anyone,
    Listed(Vec<Principal>),
}

/// Destructures the settings, so that a new one doesn't compile until someone decides how to store
/// it.
impl From<Config> for SettingsRecord {
    fn from(config: Config) -> Self {
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
        } = config.stored;
        let Registered {
            first_index,
            stores,
        } = config.registered;
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
            registered: Some(RegisteredRecord {
                first_index,
                stores,
            }),
        }
    }
}

impl From<SettingsRecord> for Config {
    fn from(record: SettingsRecord) -> Self {
        // Release 0.1.0 noted nothing here. The first start of a later one does.
        let registered = record
            .registered
            .map_or_else(Registered::default, |record| {
                let RegisteredRecord {
                    first_index,
                    stores,
                } = record;
                Registered {
                    first_index,
                    stores,
                }
            });
        let stored = GatewayConfig {
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
        };
        Config::of(stored, registered)
    }
}
