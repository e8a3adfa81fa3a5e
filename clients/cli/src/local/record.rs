//! Records of uploads that this machine has begun.
//!
//! They let the client report a file that changed. Without them it would send the changed file as a
//! second upload beside the first one.

use crate::local::error::LocalError;
use crate::local::settings::home;
use crate::local::source::Source;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// An upload that began from a path and has not ended, as far as this machine knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub session: u64,
    /// SHA-256 of the file at the beginning, as hex.
    pub sha256: String,
}

/// The file that holds the record of one upload.
pub struct RecordFile(PathBuf);

impl RecordFile {
    /// The record of the upload of `source` into a capsule of a gateway.
    pub fn of(source: &Source, gateway: &str, capsule: &str) -> Result<Self, LocalError> {
        let mut hasher = Sha256::new();
        for part in [gateway, capsule, &source.absolute.to_string_lossy()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let name = format!("{}.json", hex::encode(hasher.finalize()));
        Ok(Self(home()?.join("uploads").join(name)))
    }

    /// Reads the record. An unreadable one counts as none, because a record only helps.
    pub fn read(&self) -> Option<Record> {
        serde_json::from_slice(&std::fs::read(&self.0).ok()?).ok()
    }

    pub fn write(&self, record: &Record) -> Result<(), LocalError> {
        let text = serde_json::to_vec(record).expect("BUG: a record is JSON");
        let folder = self.0.parent().expect("BUG: a record lies in a folder");
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&self.0, text))
            .map_err(|error| LocalError::Write {
                path: self.0.clone(),
                error,
            })
    }

    pub fn remove(&self) {
        // a record that isn't there is as good as removed
        let _ = std::fs::remove_file(&self.0);
    }
}
