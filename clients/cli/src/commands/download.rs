//! Downloads and comparisons: the bytes of a memory are checked against a certified answer.

use crate::commands::line::DownloadLine;
use crate::commands::receiving::Receiving;
use crate::console;
use crate::failure::{Failure, IntegrityError, Outcome};
use crate::local::error::LocalError;
use crate::local::part::Part;
use crate::local::source::Source;
use crate::local::target::{Target, target};
use crate::local::times::modified;
use crate::network::gateway::Gateway;
use crate::output::Output;
use crate::printable::printable_path;
use crate::progress::{FileProgress, Progress};
use capsule_shared::memory_index::Memory;
use serde_json::Value;
use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Once;
use tokio::fs::{File, OpenOptions};

/// Several downloads of one command warn once.
static TOO_OLD: Once = Once::new();

pub struct Downloads {
    pub gateway: Gateway,
    pub progress: Progress,
    pub output: Output,
    /// Take one node's word about a memory.
    pub unproven: bool,
}

/// An answer about a memory.
pub struct Told {
    pub memory: Memory,
    /// Whether the whole network says so, or one node alone.
    pub proven: bool,
}

impl Downloads {
    /// Reads a memory into a file: `to`, or the memory's own name in this folder.
    ///
    /// A failure leaves no file behind.
    pub async fn download(&self, memory: &str, to: Option<&Path>, force: bool) -> Outcome {
        let told = self.told(memory).await?;
        let name = &told.memory.metadata.base().name;
        let place = target(name, to, force)?;
        let moving = self.progress.transfer(name, told.memory.place.size);
        let receiving = self.receiving(&told.memory, &moving);
        let path = match place {
            Target::Stdout => {
                receiving
                    .copy(&mut tokio::io::stdout(), &stdout_error)
                    .await?;
                None
            }
            Target::Stream(path) => {
                let about = |error| stream_error(&path, error);
                let open = OpenOptions::new().write(true).open(&path).await;
                receiving.copy(&mut open.map_err(about)?, &about).await?;
                Some(path)
            }
            Target::File { path, replace } => {
                file(&receiving, &path, replace, &self.gateway).await?;
                Some(path)
            }
        };
        moving.done();
        self.progress.finish();
        let (text, value) = result(&told, path.as_deref(), receiving.received.get());
        self.output.result(&text, value);
        Ok(())
    }

    /// Reads a memory into a file of a folder. The result is one of many.
    pub async fn entry(&self, told: &Told, path: &Path, replace: bool) -> Outcome {
        let memory = &told.memory;
        let name = &memory.metadata.base().name;
        let moving = self.progress.transfer(name, memory.place.size);
        let receiving = self.receiving(memory, &moving);
        file(&receiving, path, replace, &self.gateway).await?;
        moving.done();
        let (text, value) = result(told, Some(path), receiving.received.get());
        self.output.entry(&text, value);
        Ok(())
    }

    /// Reads a memory and compares it with the index, and with a file if one is named.
    pub async fn verify(&self, memory: &str, file: Option<&Path>) -> Outcome {
        // a file that can't be read is known before the memory is read
        let source = match file {
            Some(file) => Some(Source::open(file, |_| ()).await?),
            None => None,
        };
        let told = self.told(memory).await?;
        let memory = &told.memory;
        let moving = self
            .progress
            .transfer(&memory.metadata.base().name, memory.place.size);
        let receiving = self.receiving(memory, &moving);
        let nowhere = &|error| write_error(Path::new("nowhere"), error);
        receiving.copy(&mut tokio::io::sink(), nowhere).await?;
        moving.done();
        self.progress.finish();
        if let Some(source) = source
            && source.sha256[..] != memory.sha256[..]
        {
            return Err(Failure::from(IntegrityError::FileDiffers {
                path: source.path,
                memory: memory.id.clone(),
                sha256: hex::encode(source.sha256),
                expected: hex::encode(&memory.sha256),
            }));
        }
        let (text, value) = result(&told, file, receiving.received.get());
        self.output.result(&text, value);
        Ok(())
    }

    /// Asks about a memory: the network, or one node if nothing else is there.
    pub async fn told(&self, id: &str) -> Outcome<Told> {
        if !self.unproven {
            match self.gateway.certified_memory(id).await {
                Ok(Some(memory)) => {
                    let proven = true;
                    return Ok(Told { memory, proven });
                }
                Ok(None) => TOO_OLD.call_once(|| {
                    console::warning(
                        "the gateway is too old to prove its answers; \
                         the bytes are compared with what one node says about them",
                    );
                }),
                Err(error) if error.is_rejection() => return Err(Failure::Uncertified(error)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Told {
            memory: self.gateway.memory(id).await?,
            proven: false,
        })
    }

    fn receiving<'a>(&'a self, memory: &'a Memory, file: &'a FileProgress) -> Receiving<'a> {
        Receiving {
            gateway: &self.gateway,
            memory,
            progress: file,
            received: Cell::new(0),
        }
    }
}

/// The result of a download or a comparison, as text and as JSON.
fn result(told: &Told, path: Option<&Path>, received: u32) -> (String, Value) {
    let memory = &told.memory;
    let name = &memory.metadata.base().name;
    let shown = path.map_or(name.clone(), printable_path);
    let checked = match told.proven {
        true => "verified",
        false => "verified against an unproven answer",
    };
    let text = format!(
        "{}  {shown}  {} bytes, {checked}",
        memory.id, memory.place.size
    );
    let line = DownloadLine {
        memory: &memory.id,
        file: path,
        bytes: memory.place.size,
        sha256: &memory.sha256,
        received_chunks: received,
        proven: told.proven,
        already_there: false,
    };
    (text, line.json())
}

/// Reads a memory into a file that gets its name when it is complete.
async fn file(receiving: &Receiving<'_>, path: &Path, replace: bool, gateway: &Gateway) -> Outcome {
    let memory = receiving.memory;
    let about = |error| write_error(path, error);
    let sha256 = hex::encode(&memory.sha256);
    let part = Part::open(path, &format!("{} {} {sha256}", gateway.id(), memory.id))?;
    let mut file = File::from_std(part.file().map_err(about)?);
    receiving.complete(&mut file, &about).await?;
    file.sync_all().await.map_err(about)?;
    if let Some(time) = modified(memory.metadata.base())
        && let Err(error) = part.set_modified(time)
    {
        let path = printable_path(path);
        console::warning(&format!("{path} keeps the time of its download: {error}"));
    }
    Ok(part.finish(replace)?)
}

fn write_error(path: &Path, error: io::Error) -> LocalError {
    LocalError::Write {
        path: path.to_path_buf(),
        error,
    }
}

/// An error of a pipe or a device.
fn stream_error(path: &Path, error: io::Error) -> LocalError {
    let path = path.to_path_buf();
    match error.kind() {
        ErrorKind::BrokenPipe => LocalError::ReaderGone { path },
        _ => LocalError::Write { path, error },
    }
}

/// An error of standard output.
fn stdout_error(error: io::Error) -> LocalError {
    match error.kind() {
        ErrorKind::BrokenPipe => LocalError::OutputClosed,
        _ => LocalError::Output { error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Principal;
    use ic_agent::Agent;
    use std::time::Duration;

    /// No network answers here, so that an error of the file shows what came first.
    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_known_before_the_memory_is_read() {
        let agent = Agent::builder().with_url("http://127.0.0.1:1").build();
        let gateway = Principal::anonymous();
        let downloads = Downloads {
            gateway: Gateway::new(agent.unwrap(), gateway, Duration::ZERO),
            progress: Progress::new(true),
            output: Output::new(false),
            unproven: true,
        };
        let folder = tempfile::TempDir::new().unwrap();
        let missing = folder.path().join("missing");
        let verified = downloads.verify("mem_1", Some(&missing)).await;
        let failure = verified.unwrap_err();
        assert!(matches!(failure, Failure::Source(_)), "{failure}");
    }
}
