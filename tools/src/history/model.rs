//! The knowledge of the clients: what they sent, and which answers they got.

use super::plan::File;
use capsule_shared::upload::UploadFinishResult;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// For each chunk of a file, whether it is the altered one.
pub type Composition = Vec<bool>;

/// All bytes in order, twice.
const COUNTING: [u8; 512] = {
    let mut bytes = [0; 512];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = at as u8;
        at += 1;
    }
    bytes
};

/// The bytes of one chunk. An altered chunk has the same length and other bytes.
pub fn chunk(number: usize, file: &File, index: u32, altered: bool) -> Vec<u8> {
    let len = if index + 1 == file.chunks {
        file.last
    } else {
        file.len
    };
    let first = number * 37 + index as usize * 11 + if altered { 128 } else { 0 };
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        // Each run of 256 bytes counts up from another number, so neighbouring blocks differ.
        let run = bytes.len() / 256;
        let from = (first + 3 * run + run / 256) % 256;
        bytes.extend(&COUNTING[from..from + 256.min(len - bytes.len())]);
    }
    bytes
}

/// The bytes of a whole file.
pub fn bytes(number: usize, file: &File, composition: &Composition) -> Vec<u8> {
    let indexes = 0..file.chunks;
    let chunks = indexes
        .zip(composition)
        .map(|(index, altered)| chunk(number, file, index, *altered));
    chunks.collect::<Vec<_>>().concat()
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A session as its owner knows it.
#[derive(Clone, Debug, Default)]
pub struct Session {
    pub file: usize,
    /// Chunks whose put was Ok, and whether they are altered.
    pub acknowledged: BTreeMap<u32, bool>,
    /// Chunks that were ever sent with altered bytes.
    pub altered: BTreeSet<u32>,
    /// The compositions of all finishes that were sent.
    pub finishes: BTreeSet<Composition>,
    /// The result of a finish, and its composition.
    pub committed: Option<(UploadFinishResult, Composition)>,
    /// The session ended for certain: an abort while pending was Ok, or its owner lost the right.
    pub ended: bool,
    /// The session may have ended without an answer that says so.
    pub may_have_ended: bool,
    pub delete_sent: bool,
    /// How many restores were sent.
    pub restores: u32,
    pub deleted: bool,
    /// Its deletion for good was Ok, and nobody asked for a restore that may have come later.
    pub purged: bool,
}

impl Session {
    pub fn of(file: usize) -> Self {
        Session {
            file,
            ..Session::default()
        }
    }

    /// The stored chunks, as its owner believes.
    pub fn composition(&self, chunks: u32) -> Composition {
        let believed = |index| self.acknowledged.get(&index).copied().unwrap_or(false);
        (0..chunks).map(believed).collect()
    }

    pub fn is_acknowledged(&self, chunks: u32) -> bool {
        self.acknowledged.len() == chunks as usize
    }
}
