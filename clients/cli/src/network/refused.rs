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
        "your limit of unfinished uploads is reached: you have {own}; \
         finish them, or give some up with `capsule abort SESSION...` or `capsule abort --all`"
    )]
    OwnUploads { own: usize },
    #[error(
        "the limit of unfinished uploads of all users is reached, and {own} of them are yours; \
         repeat the command in 10 minutes{}", give_up(*own)
    )]
    AllUploads { own: usize },
    #[error(
        "a limit of unfinished uploads is reached, and you have {own}; \
         repeat the command in 10 minutes{}", give_up(*own)
    )]
    SomeUploads { own: usize },
    #[error(
        "the limit of unfinished uploads into {capsule} is reached, and {own} of them are yours, \
         or the capsule is full; finish uploads or give them up with `capsule abort --all`, {}",
        trash.advice(capsule)
    )]
    CapsuleUploads {
        capsule: String,
        own: usize,
        trash: InTrash,
    },
    #[error("a limit of {capsule} was reached, but the upload fits by now; repeat the command")]
    Passed { capsule: String },
    #[error(
        "the limit of memories of {capsule} is reached: it has {memories}, and {} in \
         its trash, expected fewer than {most} in all; {}", trash.memories, trash.advice(capsule)
    )]
    Memories {
        capsule: String,
        memories: u64,
        trash: InTrash,
        most: u64,
    },
    #[error(
        "the limit of bytes of {capsule} is reached: it has no room for {bytes} bytes beside its \
         memories, {} and its unfinished uploads ({own} of them are yours); {}{}",
        trash.size(), trash.advice(capsule), give_up(*own)
    )]
    Bytes {
        capsule: String,
        bytes: u64,
        trash: InTrash,
        own: usize,
    },
    #[error(
        "{capsule} takes no upload: unfinished uploads of others, its memories with {} or their \
         metadata reach a limit, or the index is full; {}", trash.size(), trash.advice(capsule)
    )]
    Capsule { capsule: String, trash: InTrash },
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

/// The trash of a capsule, which counts against the capsule's limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InTrash {
    pub memories: u64,
    pub bytes: u64,
}

impl InTrash {
    fn size(&self) -> String {
        format!(
            "{} bytes of {} memories in its trash",
            self.bytes, self.memories
        )
    }

    /// The advice if memories take the room.
    fn advice(&self, capsule: &str) -> String {
        let elsewhere = "upload into another capsule with --capsule";
        match self.memories {
            0 => format!("delete memories with `capsule rm` and `capsule purge`, or {elsewhere}"),
            _ => format!(
                "empty the trash with `capsule purge --all --capsule {capsule}`, delete memories, \
                 or {elsewhere}"
            ),
        }
    }
}

/// More advice if unfinished uploads of the user take a part of the room.
fn give_up(own: usize) -> &'static str {
    match own {
        0 => "",
        _ => ", or give uploads up with `capsule abort --all`",
    }
}

impl UploadError {
    pub fn kind(&self) -> Kind {
        match self {
            UploadError::Gone { .. } => Kind::NotFound,
            _ => Kind::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_bytes(memories: u64, own: usize) -> String {
        let error = UploadError::Bytes {
            capsule: "capsule-1".into(),
            bytes: 5,
            trash: InTrash {
                memories,
                bytes: 9 * memories,
            },
            own,
        };
        error.to_string()
    }

    #[test]
    fn each_limit_says_what_helps() {
        let purge = "`capsule purge --all --capsule capsule-1`";
        let abort = "`capsule abort --all`";
        assert!(in_bytes(2, 3).contains("18 bytes of 2 memories in its trash"));
        assert!(in_bytes(2, 0).contains(purge) && !in_bytes(0, 0).contains(purge));
        assert!(in_bytes(2, 3).contains(abort) && !in_bytes(2, 0).contains(abort));
        let memories = UploadError::Memories {
            capsule: "capsule-1".into(),
            memories: 99_998,
            trash: InTrash {
                memories: 2,
                bytes: 9,
            },
            most: 100_000,
        };
        let text = memories.to_string();
        let expected = "it has 99998, and 2 in its trash, expected fewer than 100000 in all";
        assert!(text.contains(expected), "{text}");
        assert!(text.contains(purge), "{text}");
    }
}
