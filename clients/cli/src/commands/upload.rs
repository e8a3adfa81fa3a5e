//! Uploads: several files at once, each from where an earlier command stopped.

use crate::commands::begin::{Beginning, Begun};
use crate::commands::present::present;
use crate::commands::sending::Sending;
use crate::commands::session::look;
use crate::console;
use crate::failure::{Failure, IntegrityError, Outcome};
use crate::local::exact::hex_if_lossy;
use crate::local::record::RecordFile;
use crate::local::settings::home;
use crate::local::source::Source;
use crate::network::gateway::Gateway;
use crate::network::refused::UploadError;
use crate::output::Output;
use crate::progress::Bars;
use capsule_shared::memory_index::Memory;
use capsule_shared::upload::{UploadFinishResult, UploadState};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Everything that all files of one command share.
pub struct Uploads {
    pub gateway: Gateway,
    pub gateway_id: String,
    pub capsule: String,
    /// The MIME type of all files, if the user gave one.
    pub mime_type: Option<String>,
    /// Send files although the capsule has them.
    pub again: bool,
    /// One permit for each chunk in flight, of all files.
    pub slots: Arc<Semaphore>,
    pub bars: Bars,
    pub output: Output,
}

/// The outcome for one file.
struct Done {
    memory: String,
    blob: String,
    /// The session, unless nothing was to send.
    session: Option<u64>,
    sent_chunks: usize,
}

/// Does all tasks, `at_once` of them in parallel. The outcomes have the order of the tasks.
async fn all_in_order<T: Future>(tasks: impl Iterator<Item = T>, at_once: usize) -> Vec<T::Output> {
    let numbered = tasks
        .enumerate()
        .map(|(number, task)| async move { (number, task.await) });
    let done = stream::iter(numbered).buffer_unordered(at_once.max(1));
    let mut done: Vec<(usize, T::Output)> = done.collect().await;
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

impl Uploads {
    /// Uploads all files, `at_once` of them in parallel. A file that fails doesn't stop the others.
    pub async fn run(&self, files: &[PathBuf], at_once: usize) -> Outcome {
        if let Err(error) = home() {
            console::warning(&format!(
                "{error}; uploads are not remembered on this machine"
            ));
        }
        let uploads = files.iter().map(|path| async move {
            let uploaded = self.one(path).await;
            uploaded.map_err(|failure| {
                let failure = failure.of_file(path);
                if files.len() > 1 {
                    console::error(&failure.to_string());
                    self.output.failure(Some(path), &failure);
                }
                failure
            })
        });
        let outcomes = all_in_order(uploads, at_once).await;
        self.bars.finish();
        let mut failures: Vec<Failure> = outcomes.into_iter().filter_map(Outcome::err).collect();
        match failures.len() {
            0 => Ok(()),
            1 if files.len() == 1 => Err(failures.remove(0)),
            failed => Err(Failure::Several {
                failed,
                files: files.len(),
                first: failures[0].kind(),
            }),
        }
    }

    async fn one(&self, path: &Path) -> Outcome {
        let reading = self.bars.reading(path);
        let counted = reading.clone();
        let source = Source::open(path, move |bytes| counted.inc(bytes)).await;
        reading.finish_and_clear();
        let source = source?;
        // without a folder of settings nothing is remembered, as the user was warned
        let record = RecordFile::of(&source, &self.gateway_id, &self.capsule).ok();
        let beginning = Beginning {
            gateway: &self.gateway,
            capsule: &self.capsule,
            source: &source,
            record: record.as_ref(),
            mime_type: self.mime_type.as_deref(),
            again: self.again,
        };
        beginning.check_unchanged().await?;
        if !self.again
            && let Some(memory) = present(&self.gateway, &self.capsule, &source).await
        {
            beginning.end_unneeded().await;
            self.there_already(&source, &memory).await;
            return Ok(());
        }
        let begun = beginning.begin().await?;
        let sent = self.send(&source, &begun).await;
        match &sent {
            Ok(_) | Err(Failure::Upload(UploadError::Gone { .. })) => beginning.forget(),
            Err(_) => {}
        }
        self.report(&source, &sent?, None).await;
        Ok(())
    }

    /// Sends what is missing of an upload, and finishes it.
    async fn send(&self, source: &Source, begun: &Begun) -> Outcome<Done> {
        let Begun { session, key } = begun;
        let gone = || UploadError::Gone {
            path: source.path.clone(),
            session: *session,
        };
        let status = look(&self.gateway, *session, key).await?.ok_or_else(gone)?;
        let missing: VecDeque<u32> = match status.state {
            UploadState::Pending => status
                .missing_chunks
                .iter()
                .flat_map(|range| range.first..=range.last)
                .collect(),
            UploadState::Finishing | UploadState::Committed => VecDeque::new(),
        };
        let rest: u64 = missing.iter().map(|i| source.chunk_len(*i) as u64).sum();
        let bar = self.bars.transfer(&source.name, source.bytes);
        bar.skip(source.bytes - rest);
        let sending = Sending {
            gateway: &self.gateway,
            slots: &self.slots,
            source,
            session: *session,
            key,
            bar: &bar,
        };
        let sent_chunks = sending.run(missing).await?;
        bar.finishing();
        let result = self.finish(source, &sending).await?;
        bar.done();
        Ok(Done {
            memory: result.memory_id,
            blob: result.blob_id,
            session: Some(*session),
            sent_chunks,
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
        let name = memory.metadata.base().name.as_str();
        self.report(source, &done, Some(name)).await;
    }

    /// Prints the result of one file. `stored_as` is its name in the capsule, if it was there.
    async fn report(&self, source: &Source, done: &Done, stored_as: Option<&str>) {
        let mut text = format!(
            "{}  {}  {} bytes  {}",
            done.memory, source.name, source.bytes, done.blob
        );
        let mut value = json!({
            "file": source.absolute.to_string_lossy(),
            "name": source.name,
            "memory": done.memory,
            "blob": done.blob,
            "session": done.session,
            "bytes": source.bytes,
            "chunks": source.chunks(),
            "sent_chunks": done.sent_chunks,
            "sha256": hex::encode(source.sha256),
            "already_there": stored_as.is_some(),
        });
        let mut also = |field: &str, told: Option<Value>| {
            if let Some(told) = told {
                value[field] = told;
            }
        };
        // the exact form of names that aren't Unicode
        also(
            "file_hex",
            hex_if_lossy(source.absolute.as_os_str()).map(Value::from),
        );
        also("name_hex", hex_if_lossy(&source.file_name).map(Value::from));
        if let Some(name) = stored_as {
            also("stored_as", Some(name.into()));
            text.push_str(match name == source.name {
                true => ", already there",
                false => ", already there under another name",
            });
        }
        let now = source.changed_length().await;
        also("file_bytes_now", now.map(Value::from));
        if let Some(now) = now {
            let (path, bytes, memory) = (source.path.display(), source.bytes, &done.memory);
            console::warning(&format!(
                "{path} had {bytes} bytes when it was read and has {now} now; \
                 {memory} has the {bytes} bytes, so upload the file again when it stays the same"
            ));
        }
        self.output.result(&text, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn outcomes_have_the_order_of_the_files_and_not_of_time() {
        let (tell, told) = oneshot::channel();
        let (mut tell, mut told) = (Some(tell), Some(told));
        let tasks = [1, 2].map(|number| {
            let (tell, told) = match number {
                1 => (None, told.take()),
                _ => (tell.take(), None),
            };
            async move {
                // the first task waits for the second
                if let Some(told) = told {
                    told.await.unwrap();
                }
                if let Some(tell) = tell {
                    tell.send(()).unwrap();
                }
                number
            }
        });
        assert_eq!(all_in_order(tasks.into_iter(), 2).await, [1, 2]);
    }
}
