//! Uploads: several files at once, each from where an earlier command stopped.

use crate::commands::begin::{Beginning, Begun};
use crate::commands::in_order::all_in_order;
use crate::commands::line::UploadLine;
use crate::commands::present::present;
use crate::commands::remembered::record_of;
use crate::commands::sending::Sending;
use crate::commands::session::look;
use crate::console;
use crate::failure::{Failure, IntegrityError, Outcome, several};
use crate::local::settings::home;
use crate::local::source::Source;
use crate::network::gateway::Gateway;
use crate::network::refused::{InTrash, UploadError};
use crate::output::Output;
use crate::progress::Progress;
use capsule_shared::memory_index::Memory;
use capsule_shared::upload::{UploadFinishResult, UploadState};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// The last word about files that failed.
pub const NOT_UPLOADED: &str =
    "files are not uploaded, expected none; repeat the command to send what is missing";

/// Everything that all files of one command share.
pub struct Uploads {
    pub gateway: Gateway,
    pub capsule: String,
    /// The MIME type of all files, if the user gave one.
    pub mime_type: Option<String>,
    /// Send files although the capsule has them.
    pub again: bool,
    /// One permit for each byte in flight, of all files.
    pub slots: Arc<Semaphore>,
    /// The trash of the capsule, once a limit is reached. One file at a time asks which limit.
    pub trash: Mutex<Option<InTrash>>,
    pub progress: Progress,
    pub output: Output,
}

/// A file to send.
#[derive(Clone, Debug)]
pub struct Item {
    pub path: PathBuf,
    /// The relative path, for a file of a folder. The capsule is known to lack it there.
    pub storage_key: Option<String>,
}

/// The outcome for several files.
#[derive(Debug, Default)]
pub struct Sent {
    pub files: usize,
    /// Files that the capsule had already.
    pub there: usize,
    pub bytes: u64,
    pub failures: Vec<Failure>,
}

/// The outcome for one file.
struct Done {
    memory: String,
    blob: String,
    /// The session, unless nothing was to send.
    session: Option<u64>,
    sent_chunks: usize,
}

/// Bytes of a file; 0 if it can't be read, which its upload reports.
pub fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

impl Uploads {
    /// Uploads all files, `at_once` of them in parallel. A file that fails doesn't stop the others.
    pub async fn run(&self, files: &[PathBuf], at_once: usize) -> Outcome {
        let items = files.iter().map(|path| Item {
            path: path.clone(),
            storage_key: None,
        });
        let items: Vec<Item> = items.collect();
        let several_files = files.len() > 1;
        self.progress
            .expect(files.len(), files.iter().map(|file| length(file)).sum());
        let mut failures = self.each(&items, at_once, several_files).await.failures;
        self.progress.finish();
        match several_files {
            true => several(&failures, files.len(), NOT_UPLOADED),
            false => failures.pop().map_or(Ok(()), Err),
        }
    }

    /// Uploads all files as `run` does, and tells why some failed if `report`.
    pub async fn each(&self, items: &[Item], at_once: usize, report: bool) -> Sent {
        if let Err(error) = home() {
            console::warning(&format!(
                "{error}; uploads are not remembered on this machine"
            ));
        }
        let uploads = items.iter().map(|item| async move {
            let uploaded = self.one(item).await;
            uploaded.map_err(|failure| {
                let failure = failure.of_file(&item.path);
                if report {
                    console::error(&failure.to_string());
                    self.output.failure(Some(&item.path), &failure);
                }
                failure
            })
        });
        let outcomes = all_in_order(uploads, at_once).await;
        let mut sent = Sent::default();
        for outcome in outcomes {
            match outcome {
                Ok(Some(bytes)) => {
                    sent.files += 1;
                    sent.bytes += bytes;
                }
                Ok(None) => sent.there += 1,
                Err(failure) => sent.failures.push(failure),
            }
        }
        sent
    }

    /// Uploads one file. Returns its bytes, or `None` if the capsule has the file.
    async fn one(&self, item: &Item) -> Outcome<Option<u64>> {
        let path = &item.path;
        let reading = self.progress.reading(path);
        let counted = reading.clone();
        let source = Source::open(path, move |bytes| counted.add(bytes)).await;
        reading.done();
        let source = source?.at(item.storage_key.clone());
        // without a folder of settings nothing is remembered, as the user was warned
        let record = record_of(&self.gateway, &self.capsule, &source).await;
        let beginning = Beginning {
            gateway: &self.gateway,
            capsule: &self.capsule,
            source: &source,
            record: record.as_ref(),
            mime_type: self.mime_type.as_deref(),
            again: self.again,
            trash: &self.trash,
        };
        beginning.check_unchanged().await?;
        if !self.again
            && item.storage_key.is_none()
            && let Some(memory) = present(&self.gateway, &self.capsule, &source).await
        {
            beginning.end_unneeded().await;
            self.there_already(&source, &memory).await;
            return Ok(None);
        }
        let begun = beginning.begin().await?;
        let sent = self.send(&source, &begun).await;
        match &sent {
            Ok(_) | Err(Failure::Upload(UploadError::Gone { .. })) => beginning.forget(),
            Err(_) => {}
        }
        self.report(&source, &sent?, None).await;
        Ok(Some(source.bytes))
    }

    /// Sends what is missing of an upload, and finishes it.
    async fn send(&self, source: &Source, begun: &Begun) -> Outcome<Done> {
        let Begun { session, key } = begun;
        let missing = self.missing(source, begun).await?;
        let rest: u64 = missing.iter().map(|i| source.chunk_len(*i) as u64).sum();
        let moving = self.progress.transfer(&source.name, source.bytes);
        moving.skip(source.bytes - rest);
        let sending = Sending {
            gateway: &self.gateway,
            slots: &self.slots,
            source,
            session: *session,
            key,
            progress: &moving,
        };
        let sent_chunks = sending.run(missing).await?;
        moving.finishing();
        let result = self.finish(source, &sending).await?;
        moving.done();
        Ok(Done {
            memory: result.memory_id,
            blob: result.blob_id,
            session: Some(*session),
            sent_chunks,
        })
    }

    /// The chunks that the gateway lacks.
    async fn missing(&self, source: &Source, begun: &Begun) -> Outcome<VecDeque<u32>> {
        if source.chunks() == 1 {
            // To send it again costs less than to ask. A session that has it says so.
            return Ok(VecDeque::from([0]));
        }
        let gone = || UploadError::Gone {
            path: source.path.clone(),
            session: begun.session,
        };
        let status = look(&self.gateway, begun.session, &begun.key).await?;
        let status = status.ok_or_else(gone)?;
        Ok(match status.state {
            UploadState::Pending => status
                .missing_chunks
                .iter()
                .flat_map(|range| range.first..=range.last)
                .collect(),
            UploadState::Finishing | UploadState::Committed => VecDeque::new(),
        })
    }

    /// Finishes the upload, and checks that the gateway committed what was sent.
    async fn finish(&self, source: &Source, sending: &Sending<'_>) -> Outcome<UploadFinishResult> {
        let finish = self
            .gateway
            .finish(sending.session, &source.sha256, source.bytes);
        let result = match finish.await {
            Ok(result) => result,
            Err(error) => return Err(sending.not_finished(error).await),
        };
        let sha256 = result.checksum_sha256.as_deref();
        let sha256 = sha256.map(Vec::as_slice).unwrap_or_default();
        if sha256 == source.sha256 && result.size == source.bytes {
            return Ok(result);
        }
        Err(Failure::from(IntegrityError::CommittedOther {
            bytes: result.size,
            sha256: hex::encode(sha256),
            expected_bytes: source.bytes,
            expected_sha256: hex::encode(source.sha256),
        }))
    }

    async fn there_already(&self, source: &Source, memory: &Memory) {
        let done = Done {
            memory: memory.id.clone(),
            blob: memory.place.blob_id.to_string(),
            session: None,
            sent_chunks: 0,
        };
        self.progress.transfer(&source.name, source.bytes).done();
        let name = memory.metadata.base().name.as_str();
        self.report(source, &done, Some(name)).await;
    }

    /// Prints the result of one file. `stored_as` is its name in the capsule, if it was there.
    async fn report(&self, source: &Source, done: &Done, stored_as: Option<&str>) {
        let mut text = format!(
            "{}  {}  {} bytes  {}",
            done.memory, source.name, source.bytes, done.blob
        );
        let line = UploadLine {
            file: &source.absolute,
            name: &source.file_name,
            path: source.storage_key.as_deref(),
            bytes: source.bytes,
            sha256: Some(&source.sha256),
            memory: Some(&done.memory),
            blob: Some(&done.blob),
            session: done.session,
            sent_chunks: done.sent_chunks,
            stored_as,
        };
        let mut value = line.json();
        if let Some(name) = stored_as {
            text.push_str(match name == source.name {
                true => ", already there",
                false => ", already there under another name",
            });
        }
        let now = source.changed_length().await;
        if let Some(now) = now {
            value["file_bytes_now"] = now.into();
            let (path, bytes, memory) = (source.path.display(), source.bytes, &done.memory);
            console::warning(&format!(
                "{path} had {bytes} bytes when it was read and has {now} now; \
                 {memory} has the {bytes} bytes, so upload the file again when it stays the same"
            ));
        }
        match source.storage_key {
            // a folder has too many files for a line each
            Some(_) => self.output.entry(&text, value),
            None => self.output.result(&text, value),
        }
    }
}
