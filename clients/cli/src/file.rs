//! A file that is sent: what it is, its hash, its chunks; and that it stays the same while it is sent.

use crate::error::{Failure, Kind, Outcome};
use capsule_shared::asset::{AssetMetadata, of_file};
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_CHUNKS};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// An open file. Sizes in bytes.
#[derive(Clone)]
pub struct Source {
    pub path: PathBuf,
    pub name: String,
    pub bytes: u64,
    pub sha256: [u8; 32],
    file: Arc<File>,
}

impl Source {
    /// Opens a file and hashes it; `read` is told how many bytes were read each time.
    pub async fn open(path: &Path, read: impl Fn(u64) + Send + 'static) -> Outcome<Self> {
        let path = path.to_path_buf();
        spawn_blocking(move || Self::open_now(&path, read))
            .await
            .map_err(|e| Failure::local(format!("reading failed: {e}")))?
    }

    fn open_now(path: &Path, read: impl Fn(u64)) -> Outcome<Self> {
        let about = |e: std::io::Error| Failure::local(e.to_string());
        let file = File::open(path).map_err(about)?;
        let metadata = file.metadata().map_err(about)?;
        if !metadata.is_file() {
            return Err(Failure::local("it is no file"));
        }
        let bytes = metadata.len();
        let most = u64::from(MAX_CHUNKS) * MAX_CHUNK_BYTES as u64;
        if bytes == 0 || bytes > most {
            return Err(Failure::local(format!(
                "it has {bytes} bytes, expected 1 to {most}"
            )));
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        let mut source = Self {
            name: name.to_string_lossy().into_owned(),
            path: path.canonicalize().map_err(about)?,
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

    pub fn chunks(&self) -> u32 {
        self.bytes.div_ceil(MAX_CHUNK_BYTES as u64) as u32
    }

    pub fn chunk_len(&self, index: u32) -> usize {
        let offset = u64::from(index) * MAX_CHUNK_BYTES as u64;
        (self.bytes - offset).min(MAX_CHUNK_BYTES as u64) as usize
    }

    pub async fn chunk(&self, index: u32) -> Outcome<Vec<u8>> {
        let source = self.clone();
        spawn_blocking(move || source.read(index))
            .await
            .map_err(|e| Failure::local(format!("reading failed: {e}")))?
    }

    fn read(&self, index: u32) -> Outcome<Vec<u8>> {
        let mut bytes = vec![0; self.chunk_len(index)];
        let offset = u64::from(index) * MAX_CHUNK_BYTES as u64;
        self.file.read_exact_at(&mut bytes, offset).map_err(|e| {
            let shrunk = e.kind() == std::io::ErrorKind::UnexpectedEof;
            Failure::local(match shrunk {
                true => format!(
                    "it has become shorter than {} bytes while it was read",
                    self.bytes
                ),
                false => e.to_string(),
            })
        })?;
        Ok(bytes)
    }

    pub fn metadata(&self) -> AssetMetadata {
        let mime = mime_guess::from_path(&self.path).first_or_octet_stream();
        of_file(&self.name, mime.essence_str(), self.bytes)
    }

    /// Names the upload of this content into this capsule: the same file goes on where it stopped.
    pub fn idempotency_key(&self, capsule: &str) -> String {
        let mut hasher = Sha256::new();
        for part in [capsule.as_bytes(), self.name.as_bytes(), &self.sha256] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        format!("capsule-cli-{}", hex::encode(hasher.finalize()))
    }
}

/// The last part of a name that a stranger may have chosen, as a file of this folder.
pub fn safe_name(name: &str) -> Outcome<&str> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    match last {
        "" | "." | ".." => Err(Failure::new(
            Kind::Local,
            format!("{name:?} is no file name, expected --output"),
        )),
        name if name.contains('\0') => Err(Failure::local("the name holds a zero byte")),
        name => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        assert_eq!(safe_name("a.jpg"), Ok("a.jpg"));
        assert_eq!(safe_name("../../etc/passwd"), Ok("passwd"));
        assert_eq!(safe_name("C:\\photos\\a.jpg"), Ok("a.jpg"));
        for bad in ["", "..", "a/..", "a/"] {
            assert!(safe_name(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_file_that_shrinks_while_it_is_read_is_told_so() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_CHUNK_BYTES as u64 + 1).unwrap();
        let path = file.path().to_path_buf();
        let source = Source::open(&path, |_| ()).await.unwrap();
        file.as_file().set_len(MAX_CHUNK_BYTES as u64).unwrap();
        assert!(source.chunk(0).await.is_ok());
        let failure = source.chunk(1).await.unwrap_err();
        assert!(failure.text.contains("has become shorter"), "{failure}");

        // already while it is hashed
        file.as_file().set_len(2 * MAX_CHUNK_BYTES as u64).unwrap();
        let cut = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let shrink = move |_| cut.set_len(10).unwrap();
        let failure = Source::open(&path, shrink).await.err().unwrap();
        assert!(failure.text.contains("has become shorter"), "{failure}");
    }

    #[test]
    fn the_key_follows_from_capsule_name_and_content() {
        let source = |name: &str, sha256| Source {
            path: PathBuf::new(),
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
        assert!(key.len() <= 256);
    }
}
