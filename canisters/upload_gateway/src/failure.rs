//! Why an operation of the gateway failed, as a type. Endpoints turn it into the frozen [`Error`].
//!
//! The frozen `Error` has no variant for "try again" and none for a wrong checksum. It marks both
//! by the beginning of a text. Only this file knows the marks; the rest of the gateway reads no
//! texts.

use canister_common::funds::LowFunds;
use capsule_shared::Error;

pub type Result<T> = std::result::Result<T, Failure>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The same call may succeed later; nothing is lost.
    Temporary(String),
    /// The SHA-256 of the received bytes isn't the one that the caller gave.
    ChecksumMismatch {
        received: Vec<u8>,
        given: Vec<u8>,
    },
    NotFound,
    Unauthorized,
    InvalidArgument(String),
    ResourceExhausted,
    NotImplemented(String),
    Conflict(String),
    /// A fault of this system, not of the caller. The same call fails again.
    Internal(String),
}

impl Failure {
    pub fn temporary(text: impl std::fmt::Display) -> Self {
        Failure::Temporary(text.to_string())
    }

    /// `text` says what was wrong and what was expected.
    pub fn invalid(text: impl std::fmt::Display) -> Self {
        Failure::InvalidArgument(text.to_string())
    }

    pub fn conflict(text: impl std::fmt::Display) -> Self {
        Failure::Conflict(text.to_string())
    }

    pub fn is_temporary(&self) -> bool {
        matches!(self, Failure::Temporary(_))
    }

    /// Whether a repeated call can't change it. Then the note of the call ends.
    pub fn is_final(&self) -> bool {
        !matches!(self, Failure::Temporary(_) | Failure::ResourceExhausted)
    }

    /// The failure for a caller who must not learn whether a memory or a blob exists.
    pub fn hidden(self) -> Self {
        match self {
            Failure::Unauthorized => Failure::NotFound,
            other => other,
        }
    }

    /// Translates an error that another canister answered.
    pub fn of_peer(error: Error) -> Self {
        match error {
            Error::Internal(text) => match text.strip_prefix(capsule_shared::error::TEMPORARY) {
                Some(text) => Failure::Temporary(text.to_string()),
                None => Failure::Internal(text),
            },
            Error::NotFound => Failure::NotFound,
            Error::Unauthorized => Failure::Unauthorized,
            Error::InvalidArgument(text) => Failure::InvalidArgument(text),
            Error::ResourceExhausted => Failure::ResourceExhausted,
            Error::NotImplemented(text) => Failure::NotImplemented(text),
            Error::Conflict(text) => Failure::Conflict(text),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Error::from(self.clone()).fmt(f)
    }
}

impl From<LowFunds> for Failure {
    fn from(low: LowFunds) -> Self {
        Failure::temporary(low)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Temporary(text) => Error::temporary(text),
            Failure::ChecksumMismatch { received, given } => Error::invalid(format!(
                "checksum_mismatch: the received bytes have SHA-256 {}, expected {} as given",
                hex::encode(&received),
                hex::encode(&given)
            )),
            Failure::NotFound => Error::NotFound,
            Failure::Unauthorized => Error::Unauthorized,
            Failure::InvalidArgument(text) => Error::InvalidArgument(text),
            Failure::ResourceExhausted => Error::ResourceExhausted,
            Failure::NotImplemented(text) => Error::NotImplemented(text),
            Failure::Conflict(text) => Error::Conflict(text),
            Failure::Internal(text) => Error::Internal(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_read_the_frozen_marks() {
        let temporary = Error::from(Failure::temporary("a peer is stopped"));
        assert_eq!(
            temporary,
            Error::Internal("temporary: a peer is stopped".into())
        );
        let mismatch = Failure::ChecksumMismatch {
            received: vec![0xab; 32],
            given: vec![0x01; 2],
        };
        let Error::InvalidArgument(text) = Error::from(mismatch) else {
            panic!("a wrong checksum is not an invalid argument");
        };
        assert!(text.starts_with("checksum_mismatch: "), "{text}");
        assert!(text.contains(&"ab".repeat(32)), "{text}");
        assert!(text.ends_with("expected 0101 as given"), "{text}");
    }

    #[test]
    fn an_answer_of_a_peer_passes_through_unchanged() {
        for error in [
            Error::temporary("x"),
            Error::Internal("x".into()),
            Error::NotFound,
            Error::Unauthorized,
            Error::invalid("x"),
            Error::ResourceExhausted,
            Error::NotImplemented("x".into()),
            Error::conflict("x"),
        ] {
            assert_eq!(Error::from(Failure::of_peer(error.clone())), error);
        }
        assert!(Failure::of_peer(Error::temporary("x")).is_temporary());
    }
}
