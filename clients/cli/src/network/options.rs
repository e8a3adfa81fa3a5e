//! Which network, which gateway, and in whose name: the options that all commands share.

use crate::local::settings::LocalNetwork;
use crate::network::error::ConnectError;
use crate::network::identity;
use candid::Principal;
use ic_agent::{Agent, Identity};
use std::path::PathBuf;
use std::sync::Arc;

/// The public entry of the Internet Computer for agents.
///
/// Source: the documentation of the Internet Computer's boundary nodes.
const IC: &str = "https://icp-api.io";

#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The network: `local` (on this machine), `ic`, or the URL of a replica
    #[arg(long, global = true, default_value = "local", env = "CAPSULE_NETWORK")]
    pub network: String,
    /// The canister id of the upload gateway (not needed for `local`)
    #[arg(long, global = true, value_name = "ID", env = "CAPSULE_GATEWAY")]
    pub gateway: Option<Principal>,
    /// The network's root key in hex (default: the Internet Computer's; a network on this machine
    /// tells its own)
    #[arg(long, global = true, value_name = "HEX", env = "CAPSULE_ROOT_KEY")]
    pub root_key: Option<String>,
    /// A PEM file with an Ed25519, secp256k1 or P-256 key (default: your own identity)
    #[arg(long, global = true, value_name = "PEM", env = "CAPSULE_IDENTITY")]
    pub identity: Option<PathBuf>,
}

impl Options {
    /// An agent for the network, and the gateway's id.
    pub async fn connect(&self) -> Result<(Agent, Principal), ConnectError> {
        let is_local = self.network == "local";
        let (url, known_key, known_gateway) = match self.network.as_str() {
            "local" => {
                let local = LocalNetwork::read()?;
                (local.url, Some(local.root_key), Some(local.upload_gateway))
            }
            "ic" => (IC.to_string(), None, None),
            url => (url.to_string(), None, None),
        };
        let Some(gateway) = self.gateway.or(known_gateway) else {
            return Err(ConnectError::NoGateway { url });
        };
        let agent = Agent::builder()
            .with_url(&url)
            .with_arc_identity(self.identity().await?)
            .build();
        let agent = match agent {
            Ok(agent) => agent,
            Err(error) => {
                let error = Box::new(error);
                return Err(ConnectError::Url { url, error });
            }
        };
        // a network that was killed leaves its file behind, and no patience helps
        if is_local && let Err(error) = agent.status().await {
            let path = LocalNetwork::path()?;
            let error = Box::new(error);
            return Err(ConnectError::Ended { url, path, error });
        }
        if let Some(key) = self.root_key.as_ref().or(known_key.as_ref()) {
            agent.set_root_key(hex::decode(key).map_err(ConnectError::RootKey)?);
        } else if is_loopback(&url) {
            // no key is known for a network on this machine, so its word counts; the agent checks
            // every other network against the Internet Computer's key
            let fetched = agent.fetch_root_key().await;
            fetched.map_err(|error| ConnectError::Silent {
                url,
                error: Box::new(error),
            })?;
        }
        Ok((agent, gateway))
    }

    /// The identity that signs the calls.
    pub async fn identity(&self) -> Result<Arc<dyn Identity>, ConnectError> {
        identity::read(self.identity.clone()).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_trusted_to_tell_its_key() {
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
