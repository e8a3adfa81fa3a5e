//! A file that is sent: its name, length, hash, type, times and chunks. It must stay the same
//! meanwhile.

use crate::local::error::SourceError;
use crate::local::exact::absorb;
use crate::local::mime;
use crate::local::times::Times;
use capsule_shared::asset::{AssetMetadata, of_file};
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_CHUNKS};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::spawn_blocking;

/// An open file.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as the user wrote it, for messages.
    pub path: PathBuf,
    /// The absolute path without symbolic links.
    pub absolute: PathBuf,
    /// The last part of the path as the user wrote it.
    pub file_name: OsString,
    /// The same as text; it is lossy if the name isn't Unicode.
    pub name: String,
    /// Bytes of the file.
    pub bytes: u64,
    pub sha256: [u8; 32],
    pub mime_type: String,
    pub times: Times,
    /// The relative path, for a file of a folder.
    pub storage_key: Option<String>,
    file: Arc<Mutex<File>>,
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
        // To open a pipe waits for its other end, and to open a device may act on it.
        regular(&path, &std::fs::metadata(&path).map_err(about)?)?;
        let file = File::open(&path).map_err(about)?;
        let metadata = file.metadata().map_err(about)?;
        regular(&path, &metadata)?;
        let bytes = metadata.len();
        let most = u64::from(MAX_CHUNKS) * MAX_CHUNK_BYTES as u64;
        if bytes == 0 || bytes > most {
            return Err(SourceError::Length { path, bytes, most });
        }
        let file_name = path.file_name().unwrap_or(path.as_os_str()).to_os_string();
        let mut source = Self {
            name: file_name.to_string_lossy().into_owned(),
            file_name,
            absolute: path.canonicalize().map_err(about)?,
            path,
            bytes,
            sha256: [0; 32],
            mime_type: String::new(),
            times: Times::of(&metadata),
            storage_key: None,
            file: Arc::new(Mutex::new(file)),
        };
        let mut hasher = Sha256::new();
        for index in 0..source.chunks() {
            let chunk = source.read(index)?;
            if index == 0 {
                let head = &chunk[..chunk.len().min(mime::HEAD_BYTES)];
                source.mime_type = mime::of(&source.path, head);
            }
            hasher.update(&chunk);
            read(chunk.len() as u64);
        }
        source.sha256 = hasher.finalize().into();
        Ok(source)
    }

    /// The same file at a path of its folder.
    pub fn at(mut self, storage_key: Option<String>) -> Self {
        self.storage_key = storage_key;
        self
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
        // Only a panic of another reader poisons the lock, and each reader seeks first.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let read = file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| file.read_exact(&mut bytes));
        let path = || self.path.clone();
        match read {
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

    /// The bytes that the path has now, if they are more or fewer than when the file was opened.
    pub async fn changed_length(&self) -> Option<u64> {
        let path = self.path.clone();
        // a file that is gone by now was sent whole
        let now = blocking(move || std::fs::metadata(path)).await.ok()?;
        (now.len() != self.bytes).then_some(now.len())
    }

    /// The metadata that the upload declares, with this MIME type or that of the file.
    pub fn metadata(&self, mime_type: Option<&str>) -> AssetMetadata {
        let mime_type = mime_type.unwrap_or(&self.mime_type);
        let mut metadata = of_file(&self.name, mime_type, self.bytes);
        let base = metadata.base_mut();
        self.times.tell(base);
        base.storage_key.clone_from(&self.storage_key);
        metadata
    }

    /// Names the upload of this content into this capsule, so that the same file resumes it.
    pub fn idempotency_key(&self, capsule: &str) -> String {
        self.key_of(capsule, &self.sha256)
    }

    /// The key of an upload of this name with other content.
    pub fn key_of(&self, capsule: &str, sha256: &[u8]) -> String {
        let name = self.file_name.as_encoded_bytes();
        let mut hasher = Sha256::new();
        absorb(&mut hasher, &[capsule.as_bytes(), name, sha256]);
        // The same file elsewhere in a folder is a memory of its own.
        if let Some(key) = &self.storage_key {
            absorb(&mut hasher, &[key.as_bytes()]);
        }
        format!("capsule-cli-{}", hex::encode(hasher.finalize()))
    }
}

fn regular(path: &Path, metadata: &Metadata) -> Result<(), SourceError> {
    let path = || path.to_path_buf();
    match (metadata.is_file(), metadata.is_dir()) {
        (true, _) => Ok(()),
        (false, true) => Err(SourceError::Folder { path: path() }),
        (false, false) => Err(SourceError::NotAFile { path: path() }),
    }
}

/// Runs `work` where blocking is allowed.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work)
        .await
        .expect("BUG: reading a file panicked")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    async fn open(path: &Path) -> Result<Source, SourceError> {
        Source::open(path, |_| ()).await
    }

    #[tokio::test]
    async fn a_file_that_shrinks_while_it_is_read_is_reported() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_CHUNK_BYTES as u64 + 1).unwrap();
        let path = file.path().to_path_buf();
        let source = open(&path).await.unwrap();
        file.as_file().set_len(MAX_CHUNK_BYTES as u64).unwrap();
        assert!(source.chunk(0).await.is_ok());
        let error = source.chunk(1).await.unwrap_err();
        assert!(matches!(error, SourceError::Shorter { .. }), "{error}");

        // already while it is hashed
        file.as_file().set_len(2 * MAX_CHUNK_BYTES as u64).unwrap();
        let cut = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let shrink = move |_| cut.set_len(10).unwrap();
        let error = Source::open(&path, shrink).await.unwrap_err();
        assert!(matches!(error, SourceError::Shorter { .. }), "{error}");
    }

    #[tokio::test]
    async fn chunks_may_be_read_in_any_order() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("a");
        let bytes: Vec<u8> = (0..MAX_CHUNK_BYTES + 5).map(|i| i as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let source = open(&path).await.unwrap();
        let (first, last) = bytes.split_at(MAX_CHUNK_BYTES);
        for (index, expected) in [(1, last), (0, first), (1, last)] {
            assert!(source.chunk(index).await.unwrap() == expected, "{index}");
        }
        assert_eq!(source.sha256[..], Sha256::digest(&bytes)[..]);
    }

    #[tokio::test]
    async fn only_files_with_bytes_are_sent() {
        let folder = tempfile::TempDir::new().unwrap();
        let empty = folder.path().join("empty");
        std::fs::write(&empty, "").unwrap();
        let error = open(&empty).await.unwrap_err();
        let text = format!("{} has 0 bytes, expected 1 to 29491200000", empty.display());
        assert_eq!(error.to_string(), text);
        let error = open(folder.path()).await.unwrap_err();
        assert!(matches!(error, SourceError::Folder { .. }), "{error}");
    }

    /// To open one would wait for ever.
    #[cfg(unix)]
    #[tokio::test]
    async fn pipes_sockets_and_devices_are_refused_at_once() {
        let folder = tempfile::TempDir::new().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [&pipe, &link, &socket, Path::new("/dev/null")] {
            let opened = tokio::time::timeout(Duration::from_secs(60), open(path));
            let error = opened.await.expect("no wait").unwrap_err();
            let text = format!("{} is not a regular file", path.display());
            assert!(error.to_string().starts_with(&text), "{error}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_has_its_own_name_and_the_type_of_that_name() {
        let folder = tempfile::TempDir::new().unwrap();
        let stored = folder.path().join("9f8e7d");
        std::fs::write(&stored, "bytes").unwrap();
        let link = folder.path().join("photo.jpg");
        std::os::unix::fs::symlink(&stored, &link).unwrap();
        let source = open(&link).await.unwrap();
        assert_eq!(
            (&*source.name, &*source.mime_type),
            ("photo.jpg", "image/jpeg")
        );
        let metadata = source.metadata(Some("text/x-own"));
        assert_eq!(metadata.base().mime_type, "text/x-own");
        assert!(matches!(metadata, AssetMetadata::Document(_)));
    }

    #[tokio::test]
    async fn the_metadata_has_the_times_of_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "bytes").unwrap();
        let old = UNIX_EPOCH + Duration::from_nanos(1_577_836_800_123_456_789);
        file.as_file().set_modified(old).unwrap();
        let source = open(file.path()).await.unwrap();
        let times = (source.times.created, source.times.modified);
        // a test of exact times needs a file system that keeps nanoseconds, as all common ones do
        assert_eq!(
            times,
            (1_577_836_800_123_456_789, 1_577_836_800_123_456_789)
        );
        let metadata = source.metadata(None);
        let base = metadata.base();
        assert_eq!((base.created_at, base.updated_at), times);
        assert!(base.tags.is_empty());

        let before_1970 = UNIX_EPOCH - Duration::from_secs(9);
        file.as_file().set_modified(before_1970).unwrap();
        let metadata = open(file.path()).await.unwrap().metadata(None);
        let base = metadata.base();
        assert_eq!((base.created_at, base.updated_at), (0, 0));
        assert_eq!(base.tags, ["modified_ns:-9000000000"]);
    }

    #[tokio::test]
    async fn a_file_that_got_longer_or_shorter_is_noticed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "bytes").unwrap();
        let source = open(file.path()).await.unwrap();
        assert_eq!(source.changed_length().await, None);
        std::fs::write(file.path(), "more bytes").unwrap();
        assert_eq!(source.changed_length().await, Some(10));
        std::fs::write(file.path(), "less").unwrap();
        assert_eq!(source.changed_length().await, Some(4));
        drop(file);
        assert_eq!(source.changed_length().await, None);
    }

    fn source(name: impl Into<OsString>, sha256: [u8; 32]) -> Source {
        let file_name = name.into();
        Source {
            path: PathBuf::new(),
            absolute: PathBuf::new(),
            name: file_name.to_string_lossy().into_owned(),
            file_name,
            bytes: 1,
            sha256,
            mime_type: String::new(),
            times: Times::default(),
            storage_key: None,
            file: Arc::new(Mutex::new(tempfile::tempfile().unwrap())),
        }
    }

    #[test]
    fn the_key_follows_from_capsule_name_and_content() {
        let key = source("a", [1; 32]).idempotency_key("c");
        assert_eq!(key, source("a", [1; 32]).idempotency_key("c"));
        assert_eq!(key, source("a", [2; 32]).key_of("c", &[1; 32]));
        for other in [
            source("a", [2; 32]).idempotency_key("c"),
            source("b", [1; 32]).idempotency_key("c"),
            source("a", [1; 32]).idempotency_key("d"),
            source("a", [1; 32])
                .at(Some("a".into()))
                .idempotency_key("c"),
            source("a", [1; 32])
                .at(Some("b/a".into()))
                .idempotency_key("c"),
        ] {
            assert_ne!(key, other);
        }
        assert!(key.len() <= capsule_shared::limits::MAX_IDEMPOTENCY_KEY_BYTES);
    }

    /// Uploads that an earlier client began must be found again.
    #[test]
    fn the_key_of_a_unicode_name_stays() {
        assert_eq!(
            source("größe.jpg", [1; 32]).idempotency_key("capsule-1"),
            "capsule-cli-9612060cc1f4a8f6757c4fa0f6c775d19b3517cb75807d6cf355316ab0d23519"
        );
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_alike_as_text_have_different_keys() {
        use std::os::unix::ffi::OsStringExt;
        let [a, b, c] = [b"caf\xe9", b"caf\xe8", b"caf\xff"].map(|name| {
            let source = source(OsString::from_vec(name.to_vec()), [1; 32]);
            assert_eq!(source.name, "caf\u{fffd}");
            source.idempotency_key("c")
        });
        assert!(a != b && b != c && a != c);
        assert_ne!(a, source("caf\u{fffd}", [1; 32]).idempotency_key("c"));
    }
}
