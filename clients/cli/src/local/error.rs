//! Problems on this machine.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A problem with settings, or with a file that the client writes.
#[derive(Debug, Error)]
pub enum LocalError {
    #[error("HOME is not set, expected HOME or CAPSULE_HOME to name the folder of settings")]
    NoHome,
    #[error(
        "no network runs on this machine (cannot read {path}: {error}); \
         start one with `cargo xtask up`, or name another with --network"
    )]
    NoLocalNetwork { path: PathBuf, error: io::Error },
    #[error("{path} is damaged ({error}), expected the JSON that `cargo xtask up` writes")]
    LocalNetwork {
        path: PathBuf,
        error: serde_json::Error,
    },
    #[error("cannot write {path}: {error}")]
    Write { path: PathBuf, error: io::Error },
    #[error("cannot write to standard output: {error}, expected a place that takes results")]
    Output { error: io::Error },
    #[error("this command changes something and nobody can be asked, expected --yes or a terminal")]
    NobodyToAsk,
    #[error("nothing has changed, because the answer was no, expected y or yes")]
    Declined,
    #[error("{name:?} is not a command, expected one of `capsule --help`")]
    NoCommand { name: String },
    /// A program such as `head` has read enough.
    #[error("nobody reads standard output any more, expected a reader of all bytes")]
    OutputClosed,
    #[error("{path} exists already, expected a new name, or --force to replace it")]
    Exists { path: PathBuf },
    #[error("{name:?} is not a file name, expected --output with one")]
    FileName { name: String },
    #[error("the name of {path} is not possible here, expected --output with another one: {error}")]
    ImpossibleName { path: PathBuf, error: io::Error },
    #[error("cannot write {path}: there is no folder {folder}, expected an existing one")]
    NoFolder { path: PathBuf, folder: PathBuf },
    #[error("{path} is a folder, expected --output with the name of a file")]
    IsFolder { path: PathBuf },
    #[error("{path} is a symbolic link to nothing, expected a file or a new name")]
    DanglingLink { path: PathBuf },
    #[error("{path} is neither a file nor a pipe, expected one of them or a new name")]
    Unwritable { path: PathBuf },
    #[error("{path} is no regular file any more, expected one or nothing there")]
    NotReplaced { path: PathBuf },
    #[error("nobody reads {path} any more, expected a reader of all bytes")]
    ReaderGone { path: PathBuf },
}

/// A problem with a file that is sent or compared.
#[derive(Debug, Error)]
pub enum SourceError {
    #[error("cannot read {path}: {error}")]
    Read { path: PathBuf, error: io::Error },
    #[error("{path} is not a regular file, expected one; copy its content into a file first")]
    NotAFile { path: PathBuf },
    #[error("{path} is a folder, not a regular file; name the files in it")]
    Folder { path: PathBuf },
    #[error("{path} has {bytes} bytes, expected 1 to {most}")]
    Length {
        path: PathBuf,
        bytes: u64,
        most: u64,
    },
    #[error(
        "{path} became shorter while it was read, expected {bytes} bytes; \
         repeat the command when nothing writes to it any more"
    )]
    Shorter { path: PathBuf, bytes: u64 },
    #[error(
        "{path} has changed since its upload began: session {session} has SHA-256 {begun}, \
         the file has {now}; give that upload up with `capsule abort {session}` \
         and repeat the command"
    )]
    Changed {
        path: PathBuf,
        session: u64,
        begun: String,
        now: String,
    },
}
