//! Downloads and checks: what is read is compared with the SHA-256 in the index, and gets its name only when it is whole.

use crate::error::{Failure, Kind, Outcome};
use crate::file::{Source, safe_name};
use crate::gateway::Gateway;
use crate::output::{Bars, Output};
use capsule_shared::memory_index::Memory;
use futures_util::stream::{StreamExt, TryStreamExt};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt;

/// Chunks that are asked for at once.
const AHEAD: usize = 4;

pub struct Downloads {
    pub gateway: Gateway,
    pub bars: Bars,
    pub output: Output,
}

impl Downloads {
    /// Reads a memory into a file: `to`, or the memory's own name in this folder.
    pub async fn download(&self, memory: &str, to: Option<&Path>, force: bool) -> Outcome {
        let memory = self.gateway.memory(memory).await?;
        let name = &memory.metadata.base().name;
        let path = match to {
            Some(path) if path.is_dir() => path.join(safe_name(name)?),
            Some(path) => path.to_path_buf(),
            None => PathBuf::from(safe_name(name)?),
        };
        if path.exists() && !force {
            return Err(Failure::local(format!(
                "{} exists already, expected --force to replace it",
                path.display()
            )));
        }
        let part = Part::of(&path)?;
        self.write(&memory, &part.0).await?;
        tokio::fs::rename(&part.0, &path)
            .await
            .map_err(|e| about(&path, e))?;
        self.report(&memory, Some(&path));
        Ok(())
    }

    async fn write(&self, memory: &Memory, part: &Path) -> Outcome {
        let file = tokio::fs::File::create(part).await;
        let mut file = file.map_err(|e| about(part, e))?;
        let mut chunks = std::pin::pin!(self.chunks(memory));
        let mut hasher = Sha256::new();
        while let Some(chunk) = chunks.try_next().await? {
            hasher.update(&chunk);
            file.write_all(&chunk).await.map_err(|e| about(part, e))?;
        }
        file.sync_all().await.map_err(|e| about(part, e))?;
        compare(memory, &hasher.finalize())
    }

    /// Reads a memory and compares it with the index, and with a file if one is named.
    pub async fn verify(&self, memory: &str, file: Option<&Path>) -> Outcome {
        let memory = self.gateway.memory(memory).await?;
        let mut chunks = std::pin::pin!(self.chunks(&memory));
        let mut hasher = Sha256::new();
        while let Some(chunk) = chunks.try_next().await? {
            hasher.update(&chunk);
        }
        compare(&memory, &hasher.finalize())?;
        if let Some(file) = file {
            let source = Source::open(file, |_| ()).await;
            let source = source.map_err(|failure| failure.during(file.display()))?;
            if source.sha256[..] != memory.sha256[..] {
                return Err(Failure::new(
                    Kind::Integrity,
                    format!(
                        "{} differs from {}: its SHA-256 is {}, expected {}",
                        file.display(),
                        memory.id,
                        hex::encode(source.sha256),
                        hex::encode(&memory.sha256)
                    ),
                ));
            }
        }
        self.report(&memory, file);
        Ok(())
    }

    /// The chunks of a memory in order, some asked for ahead.
    fn chunks<'a>(
        &'a self,
        memory: &'a Memory,
    ) -> impl futures_util::Stream<Item = Outcome<Vec<u8>>> + 'a {
        let bar = self
            .bars
            .sending(&memory.metadata.base().name, memory.place.size);
        let locator = memory.place.blob_id.to_string();
        futures_util::stream::iter(0..memory.place.chunk_count)
            .map(move |index| {
                let locator = locator.clone();
                async move { self.gateway.chunk(&locator, index).await }
            })
            .buffered(AHEAD)
            .map_ok(move |chunk| {
                bar.sent(chunk.len() as u64);
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

fn compare(memory: &Memory, sha256: &[u8]) -> Outcome {
    match sha256 == memory.sha256.as_slice() {
        true => Ok(()),
        false => Err(Failure::new(
            Kind::Integrity,
            format!(
                "what was read of {} is not what the index says: its SHA-256 is {}, expected {}",
                memory.id,
                hex::encode(sha256),
                hex::encode(&memory.sha256)
            ),
        )),
    }
}

/// Where a download lies until it is whole: beside its final place. What is not whole goes, also on Ctrl-C.
struct Part(PathBuf);

impl Part {
    fn of(path: &Path) -> Outcome<Self> {
        let name = path
            .file_name()
            .ok_or_else(|| Failure::local(format!("{} is no file name", path.display())))?;
        let mut part = std::ffi::OsString::from(".");
        part.push(name);
        part.push(format!(".part-{}", std::process::id()));
        Ok(Self(path.with_file_name(part)))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // a whole one has its final name by now; that one can't be removed would hide why it isn't whole
        let _ = std::fs::remove_file(&self.0);
    }
}

fn about(path: &Path, error: std::io::Error) -> Failure {
    Failure::local(format!("{}: {error}", path.display()))
}
