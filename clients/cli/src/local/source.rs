//! A file that is sent: its name, length, hash and chunks. It must stay the same meanwhile.

use crate::local::error::SourceError;
use capsule_shared::asset::{AssetMetadata, of_file};
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_CHUNKS};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// An open file.
#[derive(Clone)]
pub struct Source {
    /// The path as the user wrote it, for messages.
    pub path: PathBuf,
    /// The absolute path without symbolic links.
    pub absolute: PathBuf,
    pub name: String,
    /// Bytes of the file.
    pub bytes: u64,
    pub sha256: [u8; 32],
    file: Arc<File>,
}

impl Source {
    /// Opens a file and hashes it. `read` gets the number of bytes after each piece.
    pub async fn open(
        path: &Path,
        read: impl Fn(u64) + Send + 'static,
    ) -> Result<Self, SourceError> {
        let path = path.to_path_buf();
        blocking(move || Self::open_now(path, read)).await
    }

    fn open_now(path: PathBuf, read: impl Fn(u64)) -> Result<Self, SourceError> {
        let about = |error| SourceError::Read {
            path: path.clone(),
            error,
        };
        let file = File::open(&path).map_err(about)?;
        let metadata = file.metadata().map_err(about)?;
        if !metadata.is_file() {
            return Err(SourceError::NotAFile { path });
        }
        let bytes = metadata.len();
        let most = u64::from(MAX_CHUNKS) * MAX_CHUNK_BYTES as u64;
        if bytes == 0 || bytes > most {
            return Err(SourceError::Length { path, bytes, most });
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        let mut source = Self {
            name: name.to_string_lossy().into_owned(),
            absolute: path.canonicalize().map_err(about)?,
            path,
            bytes,
            sha256: [0; 32],
            file: Arc::new(file),
        };
        let mut hasher = Sha256::new();
        for index in 0..source.chunks() {
            let chunk = source.read(index)?;
            hasher.update(&chunk);
            read(chunk.len() as u64);
        }
        source.sha256 = hasher.finalize().into();
        Ok(source)
    }

    /// The number of chunks.
    pub fn chunks(&self) -> u32 {
        self.bytes.div_ceil(MAX_CHUNK_BYTES as u64) as u32
    }

    /// Bytes of one chunk.
    pub fn chunk_len(&self, index: u32) -> usize {
        let offset = u64::from(index) * MAX_CHUNK_BYTES as u64;
        (self.bytes - offset).min(MAX_CHUNK_BYTES as u64) as usize
    }

    /// Reads one chunk. `Shorter` if the file has lost bytes since it was opened.
    pub async fn chunk(&self, index: u32) -> Result<Vec<u8>, SourceError> {
        let source = self.clone();
        blocking(move || source.read(index)).await
    }

    fn read(&self, index: u32) -> Result<Vec<u8>, SourceError> {
        let mut bytes = vec![0; self.chunk_len(index)];
        let offset = u64::from(index) * MAX_CHUNK_BYTES as u64;
        let path = || self.path.clone();
        match self.file.read_exact_at(&mut bytes, offset) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(SourceError::Shorter {
                path: path(),
                bytes: self.bytes,
            }),
            Err(error) => Err(SourceError::Read {
                path: path(),
                error,
            }),
        }
    }

    /// The metadata that the upload declares; the extension decides the MIME type.
    pub fn metadata(&self) -> AssetMetadata {
        let mime = mime_guess::from_path(&self.absolute).first_or_octet_stream();
        of_file(&self.name, mime.essence_str(), self.bytes)
    }

    /// Names the upload of this content into this capsule, so that the same file resumes it.
    pub fn idempotency_key(&self, capsule: &str) -> String {
        let mut hasher = Sha256::new();
        for part in [capsule.as_bytes(), self.name.as_bytes(), &self.sha256] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        format!("capsule-cli-{}", hex::encode(hasher.finalize()))
    }
}

/// Runs `work` where blocking is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work)
        .await
        .expect("BUG: reading a file panicked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_shrinks_while_it_is_read_is_reported() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_CHUNK_BYTES as u64 + 1).unwrap();
        let path = file.path().to_path_buf();
        let source = Source::open(&path, |_| ()).await.unwrap();
        file.as_file().set_len(MAX_CHUNK_BYTES as u64).unwrap();
        assert!(source.chunk(0).await.is_ok());
        let error = source.chunk(1).await.unwrap_err();
        assert!(matches!(error, SourceError::Shorter { .. }), "{error}");

        // already while it is hashed
        file.as_file().set_len(2 * MAX_CHUNK_BYTES as u64).unwrap();
        let cut = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let shrink = move |_| cut.set_len(10).unwrap();
        let error = Source::open(&path, shrink).await.err().unwrap();
        assert!(matches!(error, SourceError::Shorter { .. }), "{error}");
    }

    #[tokio::test]
    async fn an_empty_file_and_a_folder_are_refused() {
        let folder = tempfile::TempDir::new().unwrap();
        let empty = folder.path().join("empty");
        std::fs::write(&empty, "").unwrap();
        let error = Source::open(&empty, |_| ()).await.err().unwrap();
        let text = format!("{} has 0 bytes, expected 1 to 29491200000", empty.display());
        assert_eq!(error.to_string(), text);
        let error = Source::open(folder.path(), |_| ()).await.err().unwrap();
        assert!(matches!(error, SourceError::NotAFile { .. }), "{error}");
    }

    #[test]
    fn the_key_follows_from_capsule_name_and_content() {
        let source = |name: &str, sha256| Source {
            path: PathBuf::new(),
            absolute: PathBuf::new(),
            name: name.into(),
            bytes: 1,
            sha256,
            file: Arc::new(File::open("/dev/null").unwrap()),
        };
        let key = source("a", [1; 32]).idempotency_key("c");
        assert_eq!(key, source("a", [1; 32]).idempotency_key("c"));
        for other in [
            source("a", [2; 32]).idempotency_key("c"),
            source("b", [1; 32]).idempotency_key("c"),
            source("a", [1; 32]).idempotency_key("d"),
        ] {
            assert_ne!(key, other);
        }
        assert!(key.len() <= capsule_shared::limits::MAX_IDEMPOTENCY_KEY_BYTES);
    }
}
