//! What the clients of a history know: what they sent, and what they were told.

use super::plan::File;
use capsule_shared::upload::UploadFinishResult;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Which chunks of a file are the altered ones.
pub type Composition = Vec<bool>;

/// The bytes of one chunk; altered ones have other bytes of the same length.
pub fn chunk(number: usize, file: &File, index: u32, altered: bool) -> Vec<u8> {
    let len = if index + 1 == file.chunks {
        file.last
    } else {
        file.len
    };
    let first = number * 37 + index as usize * 11 + if altered { 128 } else { 0 };
    (0..len).map(|at| (first + at) as u8).collect()
}

/// The bytes of a whole file.
pub fn bytes(number: usize, file: &File, composition: &Composition) -> Vec<u8> {
    let indexes = 0..file.chunks;
    let chunks = indexes
        .zip(composition)
        .map(|(index, altered)| chunk(number, file, index, *altered));
    chunks.flatten().collect()
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A session as its owner knows it.
#[derive(Clone, Debug, Default)]
pub struct Session {
    pub file: usize,
    /// Chunks whose put was answered with Ok, and whether they are the altered ones.
    pub acknowledged: BTreeMap<u32, bool>,
    /// Chunks of which altered bytes were ever sent.
    pub altered: BTreeSet<u32>,
    /// What was ever asked to be finished.
    pub finishes: BTreeSet<Composition>,
    /// The result of a finish, and of which bytes.
    pub committed: Option<(UploadFinishResult, Composition)>,
    /// It was ended for certain: aborted while it was pending, or its owner has lost the right.
    pub ended: bool,
    /// Something may have ended it, although nobody was told so.
    pub may_have_ended: bool,
    pub delete_sent: bool,
    pub deleted: bool,
}

impl Session {
    pub fn of(file: usize) -> Self {
        Session {
            file,
            ..Session::default()
        }
    }

    /// What its owner believes to be stored.
    pub fn composition(&self, chunks: u32) -> Composition {
        let believed = |index| self.acknowledged.get(&index).copied().unwrap_or(false);
        (0..chunks).map(believed).collect()
    }

    pub fn is_acknowledged(&self, chunks: u32) -> bool {
        self.acknowledged.len() == chunks as usize
    }
}
