//! Downloads and comparisons: the bytes of a memory are checked against the SHA-256 in the index.

use crate::failure::{Failure, IntegrityError, Outcome};
use crate::local::error::LocalError;
use crate::local::source::Source;
use crate::local::target::{Part, target};
use crate::network::error::CallError;
use crate::network::gateway::Gateway;
use crate::output::Output;
use crate::progress::Bars;
use capsule_shared::memory_index::Memory;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::pin::pin;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

/// The most chunks that are requested at once.
const AHEAD: usize = 4;

pub struct Downloads {
    pub gateway: Gateway,
    pub bars: Bars,
    pub output: Output,
}

impl Downloads {
    /// Reads a memory into a file: `to`, or the memory's own name in this folder.
    ///
    /// A failure leaves no file behind.
    pub async fn download(&self, memory: &str, to: Option<&Path>, force: bool) -> Outcome {
        let memory = self.gateway.memory(memory).await?;
        let path = target(&memory.metadata.base().name, to, force)?;
        let part = Part::of(&path)?;
        self.write(&memory, part.path()).await?;
        let renamed = tokio::fs::rename(part.path(), &path).await;
        renamed.map_err(|error| write_error(&path, error))?;
        self.report(&memory, Some(&path));
        Ok(())
    }

    async fn write(&self, memory: &Memory, path: &Path) -> Outcome {
        let about = |error| write_error(path, error);
        let mut file = File::create(path).await.map_err(about)?;
        let mut chunks = pin!(self.chunks(memory));
        let mut hasher = Sha256::new();
        while let Some(chunk) = chunks.try_next().await? {
            hasher.update(&chunk);
            file.write_all(&chunk).await.map_err(about)?;
        }
        file.sync_all().await.map_err(about)?;
        compare(memory, &hasher.finalize())
    }

    /// Reads a memory and compares it with the index, and with a file if one is named.
    pub async fn verify(&self, memory: &str, file: Option<&Path>) -> Outcome {
        let memory = self.gateway.memory(memory).await?;
        let mut chunks = pin!(self.chunks(&memory));
        let mut hasher = Sha256::new();
        while let Some(chunk) = chunks.try_next().await? {
            hasher.update(&chunk);
        }
        compare(&memory, &hasher.finalize())?;
        if let Some(file) = file {
            let source = Source::open(file, |_| ()).await?;
            if source.sha256[..] != memory.sha256[..] {
                return Err(Failure::from(IntegrityError::FileDiffers {
                    path: source.path,
                    memory: memory.id.clone(),
                    sha256: hex::encode(source.sha256),
                    expected: hex::encode(&memory.sha256),
                }));
            }
        }
        self.report(&memory, file);
        Ok(())
    }

    /// The chunks of a memory in order, some of them requested ahead.
    fn chunks<'a>(
        &'a self,
        memory: &'a Memory,
    ) -> impl Stream<Item = Result<Vec<u8>, CallError>> + 'a {
        let name = &memory.metadata.base().name;
        let bar = self.bars.transfer(name, memory.place.size);
        let locator = memory.place.blob_id.to_string();
        stream::iter(0..memory.place.chunk_count)
            .map(move |index| {
                let locator = locator.clone();
                async move { self.gateway.chunk(&locator, index).await }
            })
            .buffered(AHEAD)
            .map_ok(move |chunk| {
                bar.add(chunk.len() as u64);
                chunk.into_vec()
            })
    }

    fn report(&self, memory: &Memory, path: Option<&Path>) {
        self.bars.finish();
        let name = &memory.metadata.base().name;
        let shown = path.map_or(name.clone(), |path| path.display().to_string());
        self.output.result(
            &format!(
                "{}  {shown}  {} bytes, verified",
                memory.id, memory.place.size
            ),
            json!({
                "memory": memory.id,
                "file": path,
                "bytes": memory.place.size,
                "sha256": hex::encode(&memory.sha256),
                "verified": true,
            }),
        );
    }
}

fn write_error(path: &Path, error: std::io::Error) -> LocalError {
    LocalError::Write {
        path: path.to_path_buf(),
        error,
    }
}

fn compare(memory: &Memory, sha256: &[u8]) -> Outcome {
    match sha256 == memory.sha256.as_slice() {
        true => Ok(()),
        false => Err(Failure::from(IntegrityError::ReadOther {
            memory: memory.id.clone(),
            sha256: hex::encode(sha256),
            expected: hex::encode(&memory.sha256),
        })),
    }
}
