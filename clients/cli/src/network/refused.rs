//! Refusals of the gateway that need more words than its error has.

use crate::exit::Kind;
use std::path::PathBuf;
use thiserror::Error;

/// Why the gateway takes or keeps no upload, and what helps.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum UploadError {
    #[error(
        "{path}: session {session} is gone, because it was given up elsewhere or expired; \
         the same command begins anew"
    )]
    Gone { path: PathBuf, session: u64 },
    #[error(
        "session {session} is committed, expected a pending one; `capsule rm` deletes a memory"
    )]
    Committed { session: u64 },
    #[error(
        "session {session} is finishing, expected a pending one; \
         it becomes a memory, which `capsule rm` deletes"
    )]
    Finishing { session: u64 },
    #[error(
        "a limit of unfinished uploads is reached, and you have {own}; \
         finish them, or give some up with `capsule abort SESSION...` or `capsule abort --all`"
    )]
    OwnUploads { own: usize },
    #[error(
        "the limit of unfinished uploads of all users is reached, and none of them is yours; \
         repeat the command in 10 minutes"
    )]
    AllUploads,
    #[error(
        "{capsule} has {memories} memories with its trash, and takes no more; \
         delete some for good, or upload into another capsule with --capsule"
    )]
    Memories { capsule: String, memories: u64 },
    #[error(
        "{capsule} has no room for an upload of {bytes} bytes beside its memories, its trash and \
         its unfinished uploads ({own} of them are yours); give uploads up with `capsule abort`, \
         or upload into another capsule with --capsule"
    )]
    Capsule {
        capsule: String,
        bytes: u64,
        own: usize,
    },
    #[error(
        "the storage is full: it takes no further chunk of session {session}; \
         repeat the command later, or ask the operator of the gateway"
    )]
    Storage { session: u64 },
    #[error(
        "you made as many capsules as one user may; \
         name one of them with --capsule (`capsule capsules` lists them)"
    )]
    Capsules,
}

impl UploadError {
    pub fn kind(&self) -> Kind {
        match self {
            UploadError::Gone { .. } => Kind::NotFound,
            _ => Kind::Refused,
        }
    }
}
