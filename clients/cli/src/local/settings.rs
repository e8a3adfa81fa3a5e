//! The folder of settings: `CAPSULE_HOME`, or `capsule` in the user's configuration folder.
//!
//! | file | holds |
//! | --- | --- |
//! | `local.json` | where the network of this machine is |
//! | `identity.pem` | the identity that is used unless another is named |
//! | `uploads/` | a record of each upload that has begun |

use crate::local::error::LocalError;
use candid::Principal;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where the network of this machine is; `cargo xtask up` writes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LocalNetwork {
    pub url: String,
    /// The root key in DER, as hex.
    pub root_key: String,
    pub upload_gateway: Principal,
    pub blob_store: Principal,
    pub memory_index: Principal,
}

impl LocalNetwork {
    /// Reads `local.json`.
    pub fn read() -> Result<Self, LocalError> {
        let path = Self::path()?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => return Err(LocalError::NoLocalNetwork { path, error }),
        };
        serde_json::from_str(&text).map_err(|error| LocalError::LocalNetwork { path, error })
    }

    pub fn path() -> Result<PathBuf, LocalError> {
        Ok(home()?.join("local.json"))
    }
}

/// The folder of settings. An empty variable counts as not set.
pub fn home() -> Result<PathBuf, LocalError> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(home) = set("CAPSULE_HOME") {
        return Ok(home.into());
    }
    if let Some(config) = set("XDG_CONFIG_HOME") {
        return Ok(Path::new(&config).join("capsule"));
    }
    match set("HOME") {
        Some(home) => Ok(Path::new(&home).join(".config/capsule")),
        None => Err(LocalError::NoHome),
    }
}

/// The identity that is used unless `--identity` names another.
pub fn default_identity() -> Result<PathBuf, LocalError> {
    Ok(home()?.join("identity.pem"))
}
