//! The gateway's settings, kept in stable memory.

use crate::failure::{Failure, Result};
use crate::session::received::MAX_REORDER_WINDOW;
use crate::session::types::Limits;
use candid::{CandidType, Principal};
use capsule_shared::gateway::{CapsuleCreators, GatewayArgs, GatewayConfig};
use serde::{Deserialize, Serialize};

const HOUR_NS: u64 = 3_600_000_000_000;

/// The stored form of [`GatewayConfig`].
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Config(pub GatewayConfig);

canister_common::candid_record!(Config, version = 1);

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
        })
    }
}

impl Config {
    /// The settings with the changes of `args`; nothing is changed when one of them is wrong.
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
        };
        if new.reorder_window > MAX_REORDER_WINDOW {
            return Err(Failure::invalid(format!(
                "reorder_window is {}, expected at most {MAX_REORDER_WINDOW}",
                new.reorder_window
            )));
        }
        let named = [&new.memory_index.into_iter().collect(), &new.blob_stores]
            .into_iter()
            .flatten()
            .copied()
            .collect::<Vec<Principal>>();
        if let Some(bad) = named
            .iter()
            .find(|p| **p == Principal::anonymous() || **p == Principal::management_canister())
        {
            return Err(Failure::invalid(format!(
                "{bad} is no canister, expected canister ids of peers"
            )));
        }
        Ok(Config(new))
    }

    /// What of the settings the session layer knows.
    pub fn limits(&self) -> Limits {
        Limits {
            active_per_owner: self.0.max_sessions_per_principal,
            active_per_scope: self.0.max_sessions_per_capsule,
            active_total: self.0.max_sessions,
            bytes_per_scope: self.0.max_bytes_per_capsule,
            ttl: self.0.session_ttl_ns,
            retention: self.0.committed_retention_ns,
            reorder_window: self.0.reorder_window,
        }
    }

    /// Whether `caller` may own capsules and upload.
    pub fn check_caller(&self, caller: Principal) -> Result<()> {
        if caller == Principal::anonymous() && !self.0.allow_anonymous {
            return Err(Failure::Unauthorized);
        }
        Ok(())
    }

    /// Whether `caller` may create capsules.
    pub fn check_creator(&self, caller: Principal) -> Result<()> {
        self.check_caller(caller)?;
        match &self.0.capsule_creators {
            CapsuleCreators::Anyone => Ok(()),
            CapsuleCreators::Listed(list) if list.contains(&caller) => Ok(()),
            CapsuleCreators::Listed(_) => Err(Failure::Unauthorized),
        }
    }
}
