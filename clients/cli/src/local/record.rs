//! Records of uploads that this machine begins.
//!
//! A record is written before the upload begins, so that a client that is killed at any moment
//! finds again what it may have made. It lets the client report a file that changed. Without it the
//! changed file would be a second upload beside the first one.

use crate::local::error::LocalError;
use crate::local::exact::absorb;
use crate::local::settings::home;
use crate::local::source::Source;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An upload of a file that has not ended, as far as this machine knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The idempotency key. Records of release 0.1.0 have none.
    pub key: Option<String>,
    /// The session, once the gateway has told it.
    pub session: Option<u64>,
    /// SHA-256 of the file at the beginning, as hex.
    pub sha256: String,
    /// Bytes of the file at the beginning. Records of release 0.1.0 don't have them.
    pub bytes: Option<u64>,
    /// Whether it is sent although the capsule has the file.
    #[serde(default)]
    pub again: bool,
}

/// The file that holds the record of one upload.
#[derive(Debug)]
pub struct RecordFile(PathBuf);

impl RecordFile {
    /// The record of the upload of `source` into a capsule of a gateway, in the name of `sender`.
    /// Earlier clients kept it in the name of nobody.
    pub fn of(
        source: &Source,
        gateway: &str,
        capsule: &str,
        sender: Option<&str>,
    ) -> Result<Self, LocalError> {
        Ok(Self::in_folder(&home()?, source, gateway, capsule, sender))
    }

    fn in_folder(
        home: &Path,
        source: &Source,
        gateway: &str,
        capsule: &str,
        sender: Option<&str>,
    ) -> Self {
        let path = source.absolute.as_os_str().as_encoded_bytes();
        let mut hasher = Sha256::new();
        absorb(&mut hasher, &[gateway.as_bytes(), capsule.as_bytes(), path]);
        // Links to one file are uploads of their own, with their own names.
        if source.absolute.file_name() != Some(&source.file_name) {
            absorb(&mut hasher, &[source.file_name.as_encoded_bytes()]);
        }
        // The same file at two places of a folder is two uploads, each with its own path.
        if let Some(key) = &source.storage_key {
            absorb(&mut hasher, &[b"path", key.as_bytes()]);
        }
        // Each identity has sessions of its own.
        if let Some(sender) = sender {
            absorb(&mut hasher, &[b"sender", sender.as_bytes()]);
        }
        let name = format!("{}.json", hex::encode(hasher.finalize()));
        Self(home.join("uploads").join(name))
    }

    /// Reads the record. An unreadable one counts as none, because a record only helps.
    pub fn read(&self) -> Option<Record> {
        serde_json::from_slice(&std::fs::read(&self.0).ok()?).ok()
    }

    /// Writes the record whole or not at all.
    pub fn write(&self, record: &Record) -> Result<(), LocalError> {
        self.write_now(record).map_err(|error| LocalError::Write {
            path: self.0.clone(),
            error,
        })
    }

    fn write_now(&self, record: &Record) -> io::Result<()> {
        let text = serde_json::to_vec(record).expect("BUG: a record is JSON");
        let folder = self.0.parent().expect("BUG: a record lies in a folder");
        std::fs::create_dir_all(folder)?;
        let mut part = tempfile::NamedTempFile::new_in(folder)?;
        part.write_all(&text)?;
        // Without this, a power failure may take the record. A file of one chunk is sent again
        // sooner than a disk confirms a thousand records.
        if record
            .bytes
            .is_none_or(|bytes| bytes > MAX_CHUNK_BYTES as u64)
        {
            part.as_file().sync_all()?;
        }
        part.persist(&self.0)?;
        Ok(())
    }

    /// Keeps the record under another name.
    pub fn move_to(&self, other: &Self) {
        // a record only helps
        let _ = std::fs::rename(&self.0, &other.0);
    }

    pub fn remove(&self) {
        // a record that isn't there is as good as removed
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn source(path: &Path) -> Source {
        Source::open(path, |_| ()).await.unwrap()
    }

    fn record(session: Option<u64>) -> Record {
        Record {
            key: Some("k".into()),
            session,
            sha256: "00".into(),
            bytes: Some(5),
            again: false,
        }
    }

    #[tokio::test]
    async fn a_record_is_kept_until_it_is_removed() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "bytes").unwrap();
        let source = source(&path).await;
        let file = RecordFile::in_folder(folder.path(), &source, "g", "c", Some("me"));
        assert_eq!(file.read(), None);
        for record in [record(None), record(Some(7))] {
            file.write(&record).unwrap();
            assert_eq!(file.read(), Some(record));
        }
        let kept = std::fs::read_dir(folder.path().join("uploads")).unwrap();
        assert_eq!(kept.count(), 1);
        std::fs::write(&file.0, "{").unwrap();
        assert_eq!(file.read(), None);
        file.remove();
        file.remove();
        assert_eq!(file.read(), None);
    }

    #[test]
    fn a_record_of_release_0_1_0_is_read() {
        let record: Record = serde_json::from_str(r#"{"session":5,"sha256":"ab"}"#).unwrap();
        assert_eq!((record.key, record.session), (None, Some(5)));
        assert!(!record.again);
    }

    // other systems have no such names
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn different_paths_and_identities_never_share_a_record() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::TempDir::new().unwrap();
        let mut records = Vec::new();
        for name in [&b"caf\xe9"[..], b"caf\xe8", "caf\u{fffd}".as_bytes()] {
            let path = folder.path().join(OsStr::from_bytes(name));
            std::fs::write(&path, "bytes").unwrap();
            let link = folder.path().join(format!("link{}", records.len()));
            std::os::unix::fs::symlink(&path, &link).unwrap();
            for path in [path, link] {
                for key in [None, Some("a"), Some("sub/a")] {
                    let source = source(&path).await.at(key.map(str::to_string));
                    for (gateway, capsule) in [("g", "c"), ("g", "d"), ("gc", "")] {
                        for sender in [None, Some("me"), Some("you")] {
                            let home = folder.path();
                            let file =
                                RecordFile::in_folder(home, &source, gateway, capsule, sender);
                            records.push(file.0);
                        }
                    }
                }
            }
        }
        let all = records.len();
        records.sort();
        records.dedup();
        assert_eq!(records.len(), all);
    }

    /// An upload that an earlier client began must be found again.
    #[tokio::test]
    async fn the_record_of_a_unicode_path_stays() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "bytes").unwrap();
        let mut source = source(&path).await;
        source.absolute = "/photos/größe.jpg".into();
        source.file_name = "größe.jpg".into();
        let file = RecordFile::in_folder(
            Path::new("/settings"),
            &source,
            "aaaaa-aa",
            "capsule-1",
            None,
        );
        let hash = "0bc54b1de2168781ac253e9e05c00351d7b8448e006624b4d5d2cb513f8f29f1";
        assert_eq!(
            file.0,
            Path::new("/settings/uploads")
                .join(hash)
                .with_extension("json")
        );
    }
}
