//! The bytes of a memory on their way: requested ahead, hashed, and compared with the index.

use crate::console;
use crate::failure::{Failure, IntegrityError, Outcome};
use crate::local::error::LocalError;
use crate::network::error::CallError;
use crate::network::gateway::Gateway;
use crate::progress::FileProgress;
use capsule_shared::memory_index::Memory;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::io::{self, SeekFrom};
use std::pin::pin;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt};

/// The most chunks that are requested at once.
const AHEAD: usize = 4;

/// One memory that is read.
pub struct Receiving<'a> {
    pub gateway: &'a Gateway,
    pub memory: &'a Memory,
    pub progress: &'a FileProgress,
    /// Chunks that came from the network.
    pub received: Cell<u32>,
}

/// The bytes of a memory from its beginning, as far as they are known.
struct Known {
    hasher: Sha256,
    bytes: u64,
    chunks: u32,
}

impl Known {
    fn nothing() -> Self {
        Self {
            hasher: Sha256::new(),
            bytes: 0,
            chunks: 0,
        }
    }
}

impl Receiving<'_> {
    /// Writes all bytes into `sink` and compares them with the index. `about` explains its errors.
    pub async fn copy(
        &self,
        sink: &mut (impl AsyncWrite + Unpin),
        about: &impl Fn(io::Error) -> LocalError,
    ) -> Outcome {
        self.copy_rest(Known::nothing(), sink, about).await
    }

    /// Completes a file that may hold the beginning of the memory already.
    ///
    /// The hash of the whole decides: if it is wrong, all bytes are read anew.
    pub async fn complete(
        &self,
        file: &mut File,
        about: &impl Fn(io::Error) -> LocalError,
    ) -> Outcome {
        let known = self.known(file, about).await?;
        if known.chunks > 0 {
            let (memory, bytes) = (&self.memory.id, known.bytes);
            console::detail(|| format!("{memory}: {bytes} bytes of an earlier download are here"));
            self.progress.skip(bytes);
            let completed = self.copy_rest(known, file, about).await;
            if !matches!(completed, Err(Failure::Integrity(_))) {
                return completed;
            }
            console::detail(|| format!("{memory}: they are wrong, so all bytes are read anew"));
            self.progress.again();
        }
        self.truncate(file, 0).await.map_err(about)?;
        self.copy(file, about).await
    }

    /// The whole chunks that a file of an earlier download holds. The file ends behind them.
    async fn known(
        &self,
        file: &mut File,
        about: &impl Fn(io::Error) -> LocalError,
    ) -> Outcome<Known> {
        let held = file.metadata().await.map_err(about)?.len();
        let count = self.memory.place.chunk_count;
        if held == 0 || count < 2 {
            return Ok(Known::nothing());
        }
        // All chunks but the last have the length of the first.
        let first = self.chunk(0).await?;
        let length = first.len() as u64;
        if length == 0 {
            return Ok(Known::nothing());
        }
        let chunks = (held / length).min(u64::from(count) - 1) as u32;
        let mut known = Known::nothing();
        let mut bytes = vec![0; first.len()];
        for index in 0..chunks {
            file.read_exact(&mut bytes).await.map_err(about)?;
            if index == 0 && bytes != first {
                return Ok(Known::nothing());
            }
            known.hasher.update(&bytes);
        }
        known.chunks = chunks;
        known.bytes = u64::from(chunks) * length;
        self.truncate(file, known.bytes).await.map_err(about)?;
        Ok(known)
    }

    async fn truncate(&self, file: &mut File, length: u64) -> io::Result<()> {
        file.set_len(length).await?;
        file.seek(SeekFrom::Start(length)).await.map(drop)
    }

    /// Writes the bytes behind the known ones.
    async fn copy_rest(
        &self,
        known: Known,
        sink: &mut (impl AsyncWrite + Unpin),
        about: &impl Fn(io::Error) -> LocalError,
    ) -> Outcome {
        let Known {
            mut hasher,
            mut bytes,
            chunks,
        } = known;
        let size = self.memory.place.size;
        let mut rest = pin!(self.chunks_from(chunks));
        while let Some(chunk) = rest.try_next().await? {
            bytes += chunk.len() as u64;
            if bytes > size {
                return Err(Failure::from(IntegrityError::TooManyBytes {
                    memory: self.memory.id.clone(),
                    expected: size,
                }));
            }
            hasher.update(&chunk);
            sink.write_all(&chunk).await.map_err(about)?;
            self.progress.add(chunk.len() as u64);
        }
        sink.flush().await.map_err(about)?;
        self.compare(&hasher.finalize())
    }

    fn compare(&self, sha256: &[u8]) -> Outcome {
        match sha256 == self.memory.sha256.as_slice() {
            true => Ok(()),
            false => Err(Failure::from(IntegrityError::ReadOther {
                memory: self.memory.id.clone(),
                sha256: hex::encode(sha256),
                expected: hex::encode(&self.memory.sha256),
            })),
        }
    }

    /// The chunks in order, some of them requested ahead.
    fn chunks_from(&self, first: u32) -> impl Stream<Item = Result<Vec<u8>, CallError>> + '_ {
        stream::iter(first..self.memory.place.chunk_count)
            .map(|index| self.chunk(index))
            .buffered(AHEAD)
    }

    async fn chunk(&self, index: u32) -> Result<Vec<u8>, CallError> {
        let locator = self.memory.place.blob_id.to_string();
        let chunk = self.gateway.chunk(&locator, index).await?;
        self.received.update(|received| received + 1);
        Ok(chunk.into_vec())
    }
}
