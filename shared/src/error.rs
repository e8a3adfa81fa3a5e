//! The one error type of every method of every canister, frozen by the upload interface.

use candid::CandidType;
use serde::{Deserialize, Serialize};

/// The result of every method that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// How a call fails. An `Internal` text that begins with "temporary: " asks for a repeated call.
/// Every other error stays until something else changes.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Temporary with the prefix "temporary: ", a fault of the canister without it.
    Internal(String),
    /// There is no such item, or the caller may not know that there is one.
    NotFound,
    /// The caller has no right to the item.
    Unauthorized,
    /// The text says which argument was wrong and what was expected.
    InvalidArgument(String),
    /// A limit is reached, for example the active sessions of a principal.
    ResourceExhausted,
    /// The canister lacks this feature.
    NotImplemented(String),
    /// The call contradicts what is already stored.
    Conflict(String),
}

/// How the text of a temporary [`Error::Internal`] begins; no other error text begins so.
///
/// Source: the frozen enum has no variant for "try again", and clients look for this prefix.
pub const TEMPORARY: &str = "temporary: ";

/// How the text of an [`Error::InvalidArgument`] begins when the SHA-256 of an upload is wrong.
///
/// Source: the finish protocol of the upload interface.
pub const CHECKSUM_MISMATCH: &str = "checksum_mismatch: ";

impl Error {
    /// An error after which the same call may succeed.
    pub fn temporary(what: impl std::fmt::Display) -> Self {
        Error::Internal(format!("{TEMPORARY}{what}"))
    }

    /// A wrong argument; `what` says what was wrong and what was expected.
    pub fn invalid(what: impl std::fmt::Display) -> Self {
        Error::InvalidArgument(what.to_string())
    }

    /// A contradiction to what is already stored; `what` says which.
    pub fn conflict(what: impl std::fmt::Display) -> Self {
        Error::Conflict(what.to_string())
    }

    /// Whether the same call may succeed later.
    ///
    /// It looks at the beginning of a text, because the frozen [`Error`] has no variant for this.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Error::Internal(text) if text.starts_with(TEMPORARY))
    }

    /// Whether the bytes that arrived have another SHA-256 than `uploads_finish` named.
    ///
    /// It looks at the beginning of a text, because the frozen [`Error`] has no variant for this.
    pub fn is_checksum_mismatch(&self) -> bool {
        matches!(self, Error::InvalidArgument(text) if text.starts_with(CHECKSUM_MISMATCH))
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

    #[test]
    fn only_a_wrong_hash_is_a_checksum_mismatch() {
        assert!(Error::invalid("checksum_mismatch: other bytes").is_checksum_mismatch());
        assert!(!Error::invalid("total_len is 5, expected 4").is_checksum_mismatch());
        assert!(!Error::conflict("checksum_mismatch: no").is_checksum_mismatch());
    }

    /// Clients match these beginnings, so they are frozen like the enum.
    #[test]
    fn the_frozen_prefixes() {
        let temporary = Error::Internal("temporary: peer stopped".into());
        assert_eq!(Error::temporary("peer stopped"), temporary);
        assert_eq!(CHECKSUM_MISMATCH, "checksum_mismatch: ");
    }

    /// Candid names a variant by the hash of its label: another label is another variant.
    #[test]
    fn the_frozen_variants() {
        let labels: Vec<String> = match Error::ty().as_ref() {
            candid::types::TypeInner::Variant(fields) => {
                fields.iter().map(|field| field.id.to_string()).collect()
            }
            other => panic!("an error is a variant, not {other}"),
        };
        let mut sorted = labels;
        sorted.sort();
        assert_eq!(
            sorted,
            [
                "Conflict",
                "Internal",
                "InvalidArgument",
                "NotFound",
                "NotImplemented",
                "ResourceExhausted",
                "Unauthorized",
            ]
        );
    }
}
