//! What this machine remembers of uploads that have begun: so that a file that changed is told, instead of being sent
//! beside its former self.

use crate::error::{Failure, Outcome};
use crate::file::Source;
use crate::network::home;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// An upload that was begun from a path and has not ended, as far as this machine knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub session: u64,
    /// Hex.
    pub sha256: String,
}

/// Where the record of a file's upload into a capsule lies.
pub struct Place(PathBuf);

impl Place {
    pub fn of(source: &Source, gateway: &str, capsule: &str) -> Outcome<Self> {
        let mut hasher = Sha256::new();
        for part in [gateway, capsule, &source.path.to_string_lossy()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let name = format!("{}.json", hex::encode(hasher.finalize()));
        Ok(Self(home()?.join("uploads").join(name)))
    }

    /// An unreadable record is none: it only helps.
    pub fn read(&self) -> Option<Record> {
        serde_json::from_slice(&std::fs::read(&self.0).ok()?).ok()
    }

    pub fn write(&self, record: &Record) -> Outcome {
        let about = |e: std::io::Error| Failure::local(format!("{}: {e}", self.0.display()));
        if let Some(folder) = self.0.parent() {
            std::fs::create_dir_all(folder).map_err(about)?;
        }
        let text = serde_json::to_vec(record).expect("BUG: a record is JSON");
        std::fs::write(&self.0, text).map_err(about)
    }

    pub fn remove(&self) {
        // what isn't there is as good as removed
        let _ = std::fs::remove_file(&self.0);
    }
}
