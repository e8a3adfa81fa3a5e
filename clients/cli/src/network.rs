//! Which network, which gateway, and in whose name.
//!
//! The folder of settings is `CAPSULE_HOME`, or `capsule` in the user's configuration folder. In it lie `local.json`,
//! which says where the network of this machine is, and `identity.pem`, the identity that is used unless another is named.

use crate::error::{Failure, Kind, Outcome};
use candid::Principal;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ic_agent::identity::{BasicIdentity, Prime256v1Identity, Secp256k1Identity};
use ic_agent::{Agent, Identity};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The public entry of the Internet Computer for agents.
const IC: &str = "https://icp-api.io";

/// Where the network of this machine is: written by `cargo xtask up`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LocalNetwork {
    pub url: String,
    /// Hex of the DER.
    pub root_key: String,
    pub upload_gateway: Principal,
    pub blob_store: Principal,
    pub memory_index: Principal,
}

/// What the command line says about it.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The network: `local` (of this machine), `ic`, or the URL of a replica
    #[arg(long, global = true, default_value = "local", env = "CAPSULE_NETWORK")]
    pub network: String,
    /// The upload gateway's canister id (`local` knows it)
    #[arg(long, global = true, value_name = "ID", env = "CAPSULE_GATEWAY")]
    pub gateway: Option<Principal>,
    /// The network's root key in hex; without it that of the Internet Computer, or what a network of this machine says
    #[arg(long, global = true, value_name = "HEX", env = "CAPSULE_ROOT_KEY")]
    pub root_key: Option<String>,
    /// The identity: a PEM file with an Ed25519, secp256k1 or P-256 key
    #[arg(long, global = true, value_name = "PEM", env = "CAPSULE_IDENTITY")]
    pub identity: Option<PathBuf>,
}

/// The folder of settings.
pub fn home() -> Outcome<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(home) = set("CAPSULE_HOME") {
        return Ok(home.into());
    }
    if let Some(config) = set("XDG_CONFIG_HOME") {
        return Ok(Path::new(&config).join("capsule"));
    }
    match set("HOME") {
        Some(home) => Ok(Path::new(&home).join(".config/capsule")),
        None => Err(Failure::local(
            "there is no HOME, expected CAPSULE_HOME to name the folder of settings",
        )),
    }
}

impl Options {
    fn local(&self) -> Outcome<LocalNetwork> {
        let path = home()?.join("local.json");
        let text = std::fs::read_to_string(&path).map_err(|e| {
            Failure::local(format!(
                "no network runs on this machine ({}: {e}); start one with `cargo xtask up`, or name another with --network",
                path.display()
            ))
        })?;
        serde_json::from_str(&text)
            .map_err(|e| Failure::local(format!("{} is not readable: {e}", path.display())))
    }

    /// An agent for the network, and the gateway's id.
    pub async fn connect(&self) -> Outcome<(Agent, Principal)> {
        let (url, known_key, known_gateway) = match self.network.as_str() {
            "local" => {
                let local = self.local()?;
                (local.url, Some(local.root_key), Some(local.upload_gateway))
            }
            "ic" => (IC.to_string(), None, None),
            url => (url.to_string(), None, None),
        };
        let gateway = self.gateway.or(known_gateway).ok_or_else(|| {
            Failure::local(format!(
                "which upload gateway at {url}? expected --gateway with its canister id"
            ))
        })?;
        let agent = Agent::builder()
            .with_url(&url)
            .with_arc_identity(self.identity()?)
            .build()
            .map_err(|e| Failure::local(format!("{url} is no address of a network: {e}")))?;
        match self.root_key.clone().or(known_key) {
            Some(key) => {
                let key = hex::decode(&key)
                    .map_err(|e| Failure::local(format!("the root key is not hex: {e}")))?;
                agent.set_root_key(key);
            }
            // the key of a machine's own network is what it says; all others have to prove themselves
            None if is_loopback(&url) => agent
                .fetch_root_key()
                .await
                .map_err(|e| Failure::new(Kind::Network, format!("{url} does not answer: {e}")))?,
            None => {}
        }
        Ok((agent, gateway))
    }

    pub fn identity(&self) -> Outcome<Arc<dyn Identity>> {
        let path = match &self.identity {
            Some(path) => path.clone(),
            None => {
                let path = home()?.join("identity.pem");
                if !path.exists() {
                    return Err(Failure::local(format!(
                        "there is no identity at {}: make one with `capsule identity --new`, or name a PEM file with --identity",
                        path.display()
                    )));
                }
                path
            }
        };
        read_identity(&path)
    }
}

fn is_loopback(url: &str) -> bool {
    let rest = url.split("://").nth(1).unwrap_or(url);
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost")
}

fn read_identity(path: &Path) -> Outcome<Arc<dyn Identity>> {
    let pem = std::fs::read(path)
        .map_err(|e| Failure::local(format!("cannot read the identity {}: {e}", path.display())))?;
    if let Ok(identity) = BasicIdentity::from_pem(pem.as_slice()) {
        return Ok(Arc::new(identity));
    }
    if let Ok(identity) = Secp256k1Identity::from_pem(pem.as_slice()) {
        return Ok(Arc::new(identity));
    }
    if let Ok(identity) = Prime256v1Identity::from_pem(pem.as_slice()) {
        return Ok(Arc::new(identity));
    }
    Err(Failure::local(format!(
        "{} is no identity, expected an unencrypted PEM with an Ed25519, secp256k1 or P-256 private key",
        path.display()
    )))
}

/// Makes an Ed25519 identity that only the user can read.
pub fn new_identity(path: &Path) -> Outcome {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|e| Failure::local(format!("this machine gives no random bytes: {e}")))?;
    let pem = SigningKey::from_bytes(&seed)
        .to_pkcs8_pem(LineEnding::LF)
        .expect("BUG: a key that has no PEM");
    let about = |e: std::io::Error| Failure::local(format!("{}: {e}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(about)?;
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(pem.as_bytes()))
        .map_err(about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_machine_is_taken_at_its_word() {
        for url in [
            "http://localhost:4943",
            "http://127.0.0.1:4943/",
            "http://[::1]:1/x",
            "http://a.localhost",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "https://icp-api.io",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org:80",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
