//! Folders: every file that a capsule lacks is sent, by its relative path and its SHA-256.

use crate::commands::line::UploadLine;
use crate::commands::upload::{Item, NOT_UPLOADED, Sent, Uploads, length};
use crate::console;
use crate::failure::{Failure, Outcome, several};
use crate::local::folder::enter::hash;
use crate::local::folder::error::FolderError;
use crate::local::folder::key::key_of;
use crate::local::folder::name::Rules;
use crate::local::folder::plan::{Contents, Listed, plan};
use crate::local::folder::several::{absolute, walk_all};
use crate::local::folder::walk::{Choice, Found, Walked};
use crate::local::source::blocking;
use crate::network::error::CallError;
use capsule_shared::memory_index::Memory;
use futures_util::stream::{self, StreamExt};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Instant;

/// The most files of a folder at once, well within the usual limit of unfinished uploads.
const MAX_FILES_AT_ONCE: usize = 64;

/// The folders of one command.
pub struct Folders {
    pub uploads: Uploads,
    /// The capsule, unless it is still to be made.
    pub capsule: Option<String>,
    /// The chunks at once.
    pub parallel: usize,
    /// Take one node's word for what is in the capsule.
    pub unproven: bool,
    /// Only say what would be sent.
    pub dry_run: bool,
}

/// A file that the capsule has by the word of one node, and its memory.
struct Told {
    file: Found,
    memory: Listed,
}

/// The files of a command, by what is to do with them.
#[derive(Default)]
struct Work {
    send: Vec<Found>,
    told: Vec<Told>,
    failed: Vec<Failure>,
    /// Files that the capsule certainly has.
    there: usize,
}

impl Folders {
    /// Sends what the capsule lacks of `folders`, and `files` as any upload does.
    pub async fn run(&self, folders: Vec<PathBuf>, files: Vec<PathBuf>, choice: Choice) -> Outcome {
        let started = Instant::now();
        self.uploads.progress.phase("looking for files");
        let walked = blocking(move || walk_all(&folders, &choice)).await;
        let mut work = self.compare(walked).await?;
        self.confirm(&mut work).await;
        if self.dry_run {
            return self.tell(work);
        }
        let items = work.send.iter().map(|file| Item {
            path: file.path.clone(),
            storage_key: Some(key_of(&file.relative)),
        });
        let named_bytes: u64 = files.iter().map(|path| length(path)).sum();
        let named = files.into_iter().map(|path| Item {
            path,
            storage_key: None,
        });
        let items: Vec<Item> = items.chain(named).collect();
        let lengths = work.send.iter().map(|file| file.bytes);
        let bytes = lengths.sum::<u64>() + named_bytes;
        self.uploads.progress.expect(items.len(), bytes);
        let mut sent = self.uploads.each(&items, self.at_once(), true).await;
        self.uploads.progress.finish();
        sent.there += work.there;
        sent.failures.append(&mut work.failed);
        self.summary(&sent, started);
        outcome(&sent.failures, sent.files + sent.there)
    }

    /// The files at once. Small ones wait for rounds of the network, and many share each round.
    fn at_once(&self) -> usize {
        (8 * self.parallel).min(MAX_FILES_AT_ONCE)
    }

    /// Asks the network what the capsule has of the files.
    async fn compare(&self, walked: Walked) -> Outcome<Work> {
        let mut work = Work::default();
        for skipped in walked.skipped {
            let (path, reason) = (skipped.path, skipped.reason);
            let error = FolderError::Skipped {
                path: path.clone(),
                reason,
            };
            work.failed.push(self.report(&path, error.into()));
        }
        let files = walked.files;
        if self.uploads.again || files.is_empty() {
            work.send = files;
            return Ok(work);
        }
        let progress = &self.uploads.progress;
        progress.phase("asking what is there");
        let memories = match &self.capsule {
            Some(capsule) => self.uploads.gateway.all_memories(capsule).await?,
            None => Vec::new(),
        };
        progress.phase(&format!("comparing {} files", files.len()));
        let (send, told, unread) = blocking(move || {
            let memories = memories.into_iter().map(Listed::from).collect();
            let contents = Contents::new(memories, Rules::HERE);
            let plan = plan(&files, &contents, |file| hash(&file.path));
            let send: Vec<Found> = plan.send.into_iter().cloned().collect();
            let told = plan.there.into_iter().map(|(file, memory)| Told {
                file: file.clone(),
                memory: memory.clone(),
            });
            let told: Vec<Told> = told.collect();
            let unread = plan.failed.into_iter();
            let unread = unread.map(|(file, error)| (file.path.clone(), error));
            (send, told, unread.collect::<Vec<_>>())
        })
        .await;
        for (path, error) in unread {
            let failure = FolderError::Read {
                path: path.clone(),
                error,
            };
            work.failed.push(self.report(&path, failure.into()));
        }
        work.send = send;
        work.told = told;
        Ok(work)
    }

    /// Asks the whole network about each file that one node says is there.
    ///
    /// A file that is kept back by mistake may be lost, so one node's word isn't enough.
    async fn confirm(&self, work: &mut Work) {
        let told = std::mem::take(&mut work.told);
        let count = told.len();
        self.uploads
            .progress
            .phase(&format!("confirming {count} files"));
        let confirmed = stream::iter(told)
            .map(|told| async move {
                let there = self.is_there(&told.memory).await;
                (told, there)
            })
            .buffered(self.at_once());
        let mut confirmed = pin!(confirmed);
        while let Some((told, there)) = confirmed.next().await {
            match there {
                Ok(true) => {
                    work.there += 1;
                    self.there(&told);
                }
                Ok(false) => work.send.push(told.file),
                Err(error) => {
                    let failure = Failure::from(error).of_file(&told.file.path);
                    work.failed.push(self.report(&told.file.path, failure));
                }
            }
        }
    }

    /// Whether the network certifies a memory. A gateway of release 0.1.0 can't.
    async fn is_there(&self, listed: &Listed) -> Result<bool, CallError> {
        if self.unproven {
            return Ok(true);
        }
        match self.uploads.gateway.certified_memory(&listed.memory).await {
            Ok(Some(memory)) => Ok(says(&memory, listed, self.capsule.as_deref())),
            Ok(None) => Ok(false),
            Err(error) if error.refusal().is_some() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn there(&self, told: &Told) {
        let Told { file, memory } = told;
        let key = key_of(&file.relative);
        self.uploads.output.entry(
            &format!(
                "{}  {key}  {} bytes, already there",
                memory.memory, file.bytes
            ),
            UploadLine {
                sha256: Some(&memory.sha256),
                memory: Some(&memory.memory),
                blob: Some(&memory.blob),
                stored_as: Some(&memory.name),
                ..UploadLine::unsent(file, &absolute(file), &key)
            }
            .json(),
        );
    }

    /// Says what would be sent.
    fn tell(&self, work: Work) -> Outcome {
        self.uploads.progress.finish();
        let mut bytes = 0;
        for file in &work.send {
            let key = key_of(&file.relative);
            bytes += file.bytes;
            let mut value = UploadLine::unsent(file, &absolute(file), &key).json();
            value["would_upload"] = true.into();
            let text = format!("would upload {key}  {} bytes", file.bytes);
            self.uploads.output.result(&text, value);
        }
        let (send, there, failed) = (work.send.len(), work.there, work.failed.len());
        self.uploads.output.result(
            &format!("{send} to upload, {there} already there, {failed} failed; {bytes} bytes"),
            json!({
                "to_upload": send,
                "already_there": there,
                "failed": failed,
                "bytes": bytes,
            }),
        );
        outcome(&work.failed, send + there)
    }

    fn summary(&self, sent: &Sent, started: Instant) {
        let Sent {
            files,
            there,
            bytes,
            failures,
        } = sent;
        let failed = failures.len();
        let seconds = started.elapsed().as_secs_f64();
        self.uploads.output.result(
            &format!(
                "{files} uploaded, {there} already there, {failed} failed; \
                 {bytes} bytes in {seconds:.1} s"
            ),
            json!({
                "uploaded": files,
                "already_there": there,
                "failed": failed,
                "bytes": bytes,
                "seconds": seconds,
            }),
        );
    }

    fn report(&self, path: &Path, failure: Failure) -> Failure {
        console::error(&failure.to_string());
        self.uploads.output.failure(Some(path), &failure);
        failure
    }
}

/// Whether the network says of a memory what one node said.
fn says(memory: &Memory, listed: &Listed, capsule: Option<&str>) -> bool {
    let base = memory.metadata.base();
    memory.id == listed.memory
        && Some(memory.capsule_id.as_str()) == capsule
        && memory.sha256[..] == listed.sha256
        && memory.place.size == listed.bytes
        && base.name == listed.name
        && base.storage_key == listed.path
}

fn outcome(failed: &[Failure], done: usize) -> Outcome {
    several(failed, failed.len() + done, NOT_UPLOADED)
}
