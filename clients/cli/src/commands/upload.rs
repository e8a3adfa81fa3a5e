//! Uploads: several files at once, each from where an earlier command stopped.

use crate::commands::sending::Sending;
use crate::failure::{Failure, IntegrityError, Outcome};
use crate::local::error::SourceError;
use crate::local::record::{Record, RecordFile};
use crate::local::source::Source;
use crate::network::gateway::Gateway;
use crate::output::Output;
use crate::progress::Bars;
use capsule_shared::Error as Refusal;
use capsule_shared::upload::{UploadFinishResult, UploadState};
use futures_util::stream::{self, StreamExt};
use serde_json::json;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Everything that all files of one command share.
pub struct Uploads {
    pub gateway: Gateway,
    pub gateway_id: String,
    pub capsule: String,
    /// One permit for each chunk in flight, of all files.
    pub slots: Arc<Semaphore>,
    pub bars: Bars,
    pub output: Output,
}

impl Uploads {
    /// Uploads all files, `at_once` of them in parallel. A file that fails doesn't stop the others.
    pub async fn run(&self, files: &[PathBuf], at_once: usize) -> Outcome {
        let uploads = stream::iter(files)
            .map(|path| async move {
                let uploaded = self.one(path).await;
                uploaded.map_err(|failure| {
                    let failure = failure.of_file(path);
                    if files.len() > 1 {
                        self.bars.println(&format!("error: {failure}"));
                        self.output.failure(Some(path), &failure);
                    }
                    failure
                })
            })
            .buffer_unordered(at_once.max(1));
        let outcomes: Vec<Outcome> = uploads.collect().await;
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
        let source = Source::open(path, move |bytes| counted.inc(bytes)).await?;
        reading.finish_and_clear();
        let record = RecordFile::of(&source, &self.gateway_id, &self.capsule)?;
        self.check_unchanged(&source, &record).await?;

        let session = self.begin(&source).await?;
        record.write(&Record {
            session,
            sha256: hex::encode(source.sha256),
        })?;
        let status = self.gateway.status(session).await?;
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
        let sent = missing.len();
        let sending = Sending {
            gateway: &self.gateway,
            slots: &self.slots,
            source: &source,
            session,
            bar: &bar,
        };
        sending.run(missing).await?;
        bar.finishing();
        let result = self.finish(&source, session, &sending).await?;
        record.remove();
        bar.done();
        self.report(&source, session, sent, &result);
        Ok(())
    }

    async fn begin(&self, source: &Source) -> Outcome<u64> {
        let key = source.idempotency_key(&self.capsule);
        let (metadata, chunks) = (source.metadata(), source.chunks());
        let begin = self.gateway.begin(&self.capsule, &metadata, chunks, &key);
        Ok(begin.await?)
    }

    /// Refuses a file that changed since its upload began. The changed file would be a second
    /// upload, and the first one would stay incomplete, so the user decides.
    async fn check_unchanged(&self, source: &Source, file: &RecordFile) -> Outcome {
        let Some(record) = file.read() else {
            return Ok(());
        };
        let now = hex::encode(source.sha256);
        if record.sha256 == now {
            return Ok(());
        }
        let pending = match self.gateway.status(record.session).await {
            Ok(status) => status.state == UploadState::Pending,
            Err(error) => match error.refusal() {
                Some(Refusal::NotFound | Refusal::Unauthorized) => false,
                _ => return Err(error.into()),
            },
        };
        if pending {
            return Err(Failure::from(SourceError::Changed {
                path: source.path.clone(),
                session: record.session,
                begun: record.sha256,
                now,
            }));
        }
        file.remove();
        Ok(())
    }

    /// Finishes the upload, and checks that the gateway committed what was sent.
    async fn finish(
        &self,
        source: &Source,
        session: u64,
        sending: &Sending<'_>,
    ) -> Outcome<UploadFinishResult> {
        let finish = self.gateway.finish(session, &source.sha256, source.bytes);
        let result = match finish.await {
            Ok(result) => result,
            Err(error) => {
                return Err(match error.refusal() {
                    Some(refusal) if refusal.is_checksum_mismatch() => {
                        sending.changed(error.to_string()).into()
                    }
                    _ => error.into(),
                });
            }
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

    fn report(&self, source: &Source, session: u64, sent: usize, result: &UploadFinishResult) {
        self.output.result(
            &format!(
                "{}  {}  {} bytes  {}",
                result.memory_id, source.name, result.size, result.blob_id
            ),
            json!({
                "file": source.absolute,
                "name": source.name,
                "memory": result.memory_id,
                "blob": result.blob_id,
                "session": session,
                "bytes": result.size,
                "chunks": source.chunks(),
                "sent_chunks": sent,
                "sha256": hex::encode(source.sha256),
            }),
        );
    }
}
