//! The one error type of every method of every canister, frozen by the upload interface.

use candid::CandidType;
use serde::{Deserialize, Serialize};

pub type Result<T> = std::result::Result<T, Error>;

/// What a caller can act on. `Internal` texts that begin with [`TEMPORARY`] mean "try the same call again";
/// every other error is final for the same arguments.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum Error {
    Internal(String),
    NotFound,
    Unauthorized,
    InvalidArgument(String),
    ResourceExhausted,
    NotImplemented(String),
    Conflict(String),
}

/// How the text of a retriable [`Error::Internal`] begins; no other error text begins so.
pub const TEMPORARY: &str = "temporary: ";

impl Error {
    /// An error after which the same call may succeed.
    pub fn temporary(what: impl std::fmt::Display) -> Self {
        Error::Internal(format!("{TEMPORARY}{what}"))
    }

    /// Says what was wrong and what was expected.
    pub fn invalid(what: impl std::fmt::Display) -> Self {
        Error::InvalidArgument(what.to_string())
    }

    pub fn conflict(what: impl std::fmt::Display) -> Self {
        Error::Conflict(what.to_string())
    }

    pub fn is_temporary(&self) -> bool {
        matches!(self, Error::Internal(text) if text.starts_with(TEMPORARY))
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Internal(text) => write!(f, "internal: {text}"),
            Error::NotFound => f.write_str("not found"),
            Error::Unauthorized => f.write_str("unauthorized"),
            Error::InvalidArgument(text) => write!(f, "invalid argument: {text}"),
            Error::ResourceExhausted => f.write_str("a limit is reached"),
            Error::NotImplemented(text) => write!(f, "not implemented: {text}"),
            Error::Conflict(text) => write!(f, "conflict: {text}"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_temporary_errors_say_so() {
        assert!(Error::temporary("peer stopped").is_temporary());
        assert!(!Error::Internal("broken".into()).is_temporary());
        assert!(!Error::conflict("temporary: no").is_temporary());
    }
}
