//! How a command fails: one sentence for people, a kind for scripts, an exit code.
//!
//! Every text says what was wrong and what was expected or what to do next, without a final full
//! stop. The texts are beside the modules that produce them; this file only joins them.

use crate::exit::Kind;
use crate::local::error::{LocalError, SourceError};
use crate::local::folder::error::FolderError;
use crate::network::canister::OperatorError;
use crate::network::error::{CallError, ConnectError};
use crate::network::refused::UploadError;
use std::path::PathBuf;
use std::process::ExitCode;
use thiserror::Error;

/// The outcome of a command or a part of it.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Failure {
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Call(#[from] CallError),
    /// A gateway that could certify a memory doesn't.
    #[error("{0}; expected a certified answer, or --unproven to take one node's word")]
    Uncertified(CallError),
    #[error(transparent)]
    Upload(#[from] UploadError),
    #[error(transparent)]
    Operator(#[from] OperatorError),
    #[error(transparent)]
    Integrity(#[from] IntegrityError),
    /// A failure that has to do with one file of several.
    #[error("{path}: {failure}")]
    OfFile {
        path: PathBuf,
        failure: Box<Failure>,
    },
    /// Some files of several failed; each of them is reported before.
    #[error("{failed} of {of} {what}")]
    Several {
        failed: usize,
        of: usize,
        /// The fault, and what to do next.
        what: &'static str,
        /// The kind of the first failure.
        first: Kind,
    },
}

/// The outcome of `of` items of which some failed. The failures are told already; `what` says the
/// fault, and what to do next.
pub fn several(failures: &[Failure], of: usize, what: &'static str) -> Outcome {
    match failures {
        [] => Ok(()),
        [first, ..] => Err(Failure::Several {
            failed: failures.len(),
            of,
            what,
            first: first.kind(),
        }),
    }
}

/// Bytes that aren't what they should be.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum IntegrityError {
    #[error(
        "{path} changed while it was sent ({reason}); \
         give this upload up with `capsule abort {session}` and repeat the command"
    )]
    ChangedWhileSent {
        path: PathBuf,
        session: u64,
        reason: String,
    },
    #[error(
        "the gateway committed {bytes} bytes with SHA-256 {sha256}, \
         expected {expected_bytes} bytes with SHA-256 {expected_sha256}"
    )]
    CommittedOther {
        bytes: u64,
        sha256: String,
        expected_bytes: u64,
        expected_sha256: String,
    },
    #[error(
        "the bytes read of {memory} have SHA-256 {sha256}, expected {expected} as in the index"
    )]
    ReadOther {
        memory: String,
        sha256: String,
        expected: String,
    },
    #[error("more bytes came of {memory} than the {expected} bytes of the index")]
    TooManyBytes { memory: String, expected: u64 },
    #[error("one node lists {memory} at another path than the network; repeat the command")]
    ListedOther { memory: String },
    #[error("{path} differs from {memory}: it has SHA-256 {sha256}, expected {expected}")]
    FileDiffers {
        path: PathBuf,
        memory: String,
        sha256: String,
        expected: String,
    },
    #[error("the stores have {faults} faults that are not mended, expected none")]
    Faults { faults: u64 },
}

impl Failure {
    /// Names the file that the failure has to do with, unless its text does so already.
    pub fn of_file(self, path: impl Into<PathBuf>) -> Self {
        match self {
            Failure::Source(_)
            | Failure::Folder(_)
            | Failure::OfFile { .. }
            | Failure::Upload(UploadError::Gone { .. })
            | Failure::Integrity(IntegrityError::ChangedWhileSent { .. }) => self,
            failure => Failure::OfFile {
                path: path.into(),
                failure: Box::new(failure),
            },
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Failure::Local(LocalError::NobodyToAsk) => Kind::Usage,
            Failure::Local(_) | Failure::Source(_) | Failure::Folder(_) => Kind::Local,
            Failure::Connect(error) => error.kind(),
            Failure::Call(error) | Failure::Uncertified(error) => error.kind(),
            Failure::Upload(error) => error.kind(),
            Failure::Operator(error) => error.kind(),
            Failure::Integrity(_) => Kind::Integrity,
            Failure::OfFile { failure, .. } => failure.kind(),
            Failure::Several { first, .. } => *first,
        }
    }

    /// Whether it needs no words: the reader of the bytes has gone by its own will.
    pub fn is_silent(&self) -> bool {
        matches!(self, Failure::Local(LocalError::OutputClosed))
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind().code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::error::Cause;
    use capsule_shared::Error as Refusal;

    fn refused(error: Refusal) -> Failure {
        Failure::from(CallError {
            what: "memory mem_9".into(),
            cause: Cause::Refused(error),
        })
    }

    fn changed() -> Failure {
        Failure::from(IntegrityError::ChangedWhileSent {
            path: "a.jpg".into(),
            session: 5,
            reason: "chunk 3: conflict".into(),
        })
    }

    fn gone() -> Failure {
        let path = "a.jpg".into();
        Failure::from(UploadError::Gone { path, session: 5 })
    }

    #[test]
    fn a_failure_names_its_file_once() {
        let named = |failure: Failure| failure.of_file("a.jpg").to_string();
        assert_eq!(
            named(refused(Refusal::NotFound)),
            "a.jpg: memory mem_9: not found"
        );
        assert!(named(changed()).starts_with("a.jpg changed while it was sent"));
        assert!(named(gone()).starts_with("a.jpg: session 5 is gone"));
        let empty = Failure::from(SourceError::Length {
            path: "a.jpg".into(),
            bytes: 0,
            most: 4,
        });
        assert_eq!(named(empty), "a.jpg has 0 bytes, expected 1 to 4");
        let twice = refused(Refusal::Unauthorized).of_file("a.jpg");
        assert_eq!(named(twice), "a.jpg: memory mem_9: unauthorized");
    }

    #[test]
    fn a_named_file_keeps_the_kind_of_the_failure() {
        for (failure, kind) in [
            (refused(Refusal::NotFound), Kind::NotFound),
            (refused(Refusal::Unauthorized), Kind::Unauthorized),
            (refused(Refusal::ResourceExhausted), Kind::Refused),
            (changed(), Kind::Integrity),
            (gone(), Kind::NotFound),
            (UploadError::AllUploads { own: 0 }.into(), Kind::Refused),
            (Failure::from(LocalError::NoHome), Kind::Local),
            (Failure::from(LocalError::NobodyToAsk), Kind::Usage),
        ] {
            let text = failure.to_string();
            assert!(!text.ends_with('.'), "{text}");
            assert_eq!(failure.kind(), kind, "{text}");
            assert_eq!(failure.of_file("a.jpg").kind(), kind, "{text}");
        }
    }
}
