//! Problems with folders: what can't be sent, and what lies where a memory shall be written.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A problem with a folder that is sent or filled.
#[derive(Debug, Error)]
pub enum FolderError {
    #[error("{path} {reason}")]
    Skipped { path: PathBuf, reason: Reason },
    #[error("{path} is not a folder, expected one")]
    NotAFolder { path: PathBuf },
    #[error("{path} is a symbolic link, expected a folder: nothing is written through a link")]
    Link { path: PathBuf },
    #[error("cannot make the folder {path}: {error}")]
    Make { path: PathBuf, error: io::Error },
    #[error("cannot read {path}: {error}")]
    Read { path: PathBuf, error: io::Error },
    #[error("{path} and {other} are one file here, which {memory} gets; expected a file for each")]
    OneFile {
        path: PathBuf,
        other: PathBuf,
        memory: String,
    },
    #[error("{path} is not a regular file, expected one or nothing there")]
    NotAFile { path: PathBuf },
}

/// Why something below a folder can't be sent.
#[derive(Debug, Error)]
pub enum Reason {
    #[error("is a symbolic link, expected --follow to send what it leads to")]
    Link,
    #[error("is {0}, expected a regular file or a folder")]
    Kind(&'static str),
    #[error("is empty, expected at least 1 byte")]
    Empty,
    #[error(
        "leads back to {}, which contains it, expected a link that leads elsewhere",
        .0.display()
    )]
    Circle(PathBuf),
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
}
