//! How a command fails: one sentence for people, a kind for scripts, an exit code.
//!
//! Every text says what was wrong and what was expected or what to do next, without a final full
//! stop. The texts are beside the modules that produce them; this file only joins them.

use crate::exit::Kind;
use crate::local::error::{LocalError, SourceError};
use crate::network::error::{CallError, ConnectError};
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
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Integrity(#[from] IntegrityError),
    /// A failure that has to do with one file of several.
    #[error("{path}: {failure}")]
    OfFile {
        path: PathBuf,
        failure: Box<Failure>,
    },
    /// Some files of an upload failed; each of them is reported before.
    #[error(
        "{failed} of {files} files are not uploaded; repeat the command to send what is missing"
    )]
    Several {
        failed: usize,
        files: usize,
        /// The kind of the first failure.
        first: Kind,
    },
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
    #[error("{path} differs from {memory}: it has SHA-256 {sha256}, expected {expected}")]
    FileDiffers {
        path: PathBuf,
        memory: String,
        sha256: String,
        expected: String,
    },
}

impl Failure {
    /// Names the file that the failure has to do with, unless its text does so already.
    pub fn of_file(self, path: impl Into<PathBuf>) -> Self {
        match self {
            Failure::Source(_)
            | Failure::OfFile { .. }
            | Failure::Integrity(IntegrityError::ChangedWhileSent { .. }) => self,
            failure => Failure::OfFile {
                path: path.into(),
                failure: Box::new(failure),
            },
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Failure::Local(_) | Failure::Source(_) => Kind::Local,
            Failure::Connect(error) => error.kind(),
            Failure::Call(error) => error.kind(),
            Failure::Integrity(_) => Kind::Integrity,
            Failure::OfFile { failure, .. } => failure.kind(),
            Failure::Several { first, .. } => *first,
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind().code())
    }
}
