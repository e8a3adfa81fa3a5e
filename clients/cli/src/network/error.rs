//! Problems between this machine and the gateway.

use crate::exit::Kind;
use crate::local::error::LocalError;
use crate::network::clocks::Clocks;
use capsule_shared::Error as Refusal;
use ic_agent::AgentError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A problem before the first call: the network, the gateway or the identity.
#[derive(Debug, Error)]
pub enum ConnectError {
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error("no upload gateway is known at {url}, expected --gateway with its canister id")]
    NoGateway { url: String },
    #[error("{url} is not a network ({error}), expected `local`, `ic` or the URL of a replica")]
    Url { url: String, error: Box<AgentError> },
    #[error("the root key is not valid ({0}), expected the hex of its DER form")]
    RootKey(hex::FromHexError),
    #[error(
        "no network answers at {url}, which {path} names ({error}); \
         start one with `cargo xtask up`, or name another with --network"
    )]
    Ended {
        url: String,
        path: PathBuf,
        error: Box<AgentError>,
    },
    #[error("{url} does not answer: {error}; check --network or repeat the command later")]
    Silent { url: String, error: Box<AgentError> },
    #[error(
        "there is no identity at {path}; make one with `capsule identity --new`, \
         or name a PEM file with --identity"
    )]
    NoIdentity { path: PathBuf },
    #[error("cannot read the identity {path}: {error}")]
    ReadIdentity { path: PathBuf, error: io::Error },
    #[error(
        "{path} is no identity, \
         expected an unencrypted PEM with an Ed25519, secp256k1 or P-256 private key"
    )]
    Identity { path: PathBuf },
    #[error("the identity has no principal: {0}")]
    NoPrincipal(String),
    #[error("{path} exists, expected no file there: an identity is never replaced")]
    IdentityExists { path: PathBuf },
    #[error("this machine gives no random bytes: {0}")]
    Random(getrandom::Error),
}

impl ConnectError {
    pub fn kind(&self) -> Kind {
        match self {
            ConnectError::Silent { .. } | ConnectError::Ended { .. } => Kind::Network,
            _ => Kind::Local,
        }
    }
}

/// A call that did not succeed.
#[derive(Debug, Error)]
#[error("{what}: {cause}")]
pub struct CallError {
    /// The item or the action that the call was about.
    pub what: String,
    pub cause: Cause,
}

/// Why a call did not succeed.
#[derive(Debug, Error)]
pub enum Cause {
    /// The canister's own error, final for the same arguments.
    #[error("{0}")]
    Refused(Refusal),
    #[error("the network rejected the call: {0}")]
    Rejected(String),
    #[error("{0}; set the clock and repeat the command")]
    Clocks(Clocks),
    #[error("the network refused the message (HTTP {status}): {text}")]
    Http { status: u16, text: String },
    #[error("the reply is not what an upload gateway sends ({0}), check --gateway")]
    Reply(candid::Error),
    #[error("the answer is not signed by the expected network ({0}), check --network")]
    Unproven(Box<AgentError>),
    #[error("no success within {seconds} s ({reason}); repeat the command later")]
    GivenUp { seconds: u64, reason: String },
    #[error("{0}")]
    Agent(Box<AgentError>),
}

impl CallError {
    pub fn kind(&self) -> Kind {
        match &self.cause {
            Cause::Refused(Refusal::NotFound) => Kind::NotFound,
            Cause::Refused(Refusal::Unauthorized) => Kind::Unauthorized,
            Cause::Unproven(_) => Kind::Integrity,
            Cause::GivenUp { .. } => Kind::Network,
            Cause::Refused(_)
            | Cause::Rejected(_)
            | Cause::Clocks(_)
            | Cause::Http { .. }
            | Cause::Reply(_)
            | Cause::Agent(_) => Kind::Refused,
        }
    }

    /// Whether the network rejected the call for good, without an answer of the canister.
    pub fn is_rejection(&self) -> bool {
        matches!(self.cause, Cause::Rejected(_))
    }

    /// The canister's own error, if it answered with one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.cause {
            Cause::Refused(error) => Some(error),
            _ => None,
        }
    }
}
