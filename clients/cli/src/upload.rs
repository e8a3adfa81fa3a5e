//! Uploads: several files, several chunks of each at once, each from where it stopped.

use crate::error::{Failure, Kind, Outcome};
use crate::file::Source;
use crate::gateway::{Gateway, refused};
use crate::output::{Bars, Output};
use crate::record::{Place, Record};
use capsule_shared::Error;
use capsule_shared::upload::{UploadFinishResult, UploadState};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::json;
use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Chunks of one file under way at once, at most: well within the window in which the gateway takes chunks early.
const AHEAD: u32 = 4;

/// What all files of one command share.
pub struct Uploads {
    pub gateway: Gateway,
    pub gateway_id: String,
    pub capsule: String,
    /// Chunks under way at once, of all files.
    pub slots: Arc<Semaphore>,
    pub bars: Bars,
    pub output: Output,
}

impl Uploads {
    /// Uploads all files. Where one fails the others go on; the failure of the first is given back at the end.
    pub async fn run(&self, files: &[PathBuf], at_once: usize) -> Outcome {
        let uploads = futures_util::stream::iter(files)
            .map(|path| async move {
                let uploaded = self.one(path).await;
                uploaded.map_err(|failure| {
                    let failure = failure.during(path.display());
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
        let failures: Vec<Failure> = outcomes.into_iter().filter_map(Outcome::err).collect();
        match failures.as_slice() {
            [] => Ok(()),
            [one] if files.len() == 1 => Err(one.clone()),
            [first, ..] => Err(Failure::new(
                first.kind,
                "not all files are uploaded; the same command goes on with what is missing",
            )),
        }
    }

    async fn one(&self, path: &Path) -> Outcome {
        let reading = self.bars.reading(path);
        let counted = reading.clone();
        let source = Source::open(path, move |bytes| counted.inc(bytes)).await?;
        reading.finish_and_clear();
        let place = Place::of(&source, &self.gateway_id, &self.capsule)?;
        self.check_unchanged(&source, &place).await?;

        let chunks = source.chunks();
        let key = source.idempotency_key(&self.capsule);
        let metadata = source.metadata();
        let begin = self.gateway.begin(&self.capsule, &metadata, chunks, &key);
        let session = begin.await?;
        place.write(&Record {
            session,
            sha256: hex::encode(source.sha256),
        })?;
        let status = self.gateway.status(session).await?;
        let status = status.map_err(|e| refused("uploads_status", e))?;
        let bar = self.bars.sending(&source.name, source.bytes);
        let mut sent = 0;
        if status.state == UploadState::Pending {
            let missing: VecDeque<u32> = status
                .missing_chunks
                .iter()
                .flat_map(|range| range.first..=range.last)
                .collect();
            let rest: u64 = missing.iter().map(|i| source.chunk_len(*i) as u64).sum();
            bar.skip(source.bytes - rest);
            sent = missing.len();
            self.send(&source, session, missing, &bar).await?;
        } else {
            bar.skip(source.bytes);
        }
        bar.waiting();
        let finish = self
            .gateway
            .finish(session, &source.sha256, source.bytes)
            .await;
        let result = finish.map_err(|failure| self.explain(failure, session))?;
        check(&source, &result)?;
        place.remove();
        bar.done();
        self.report(&source, session, sent, &result);
        Ok(())
    }

    /// A file that changed since its upload began would leave half of itself behind; its owner decides.
    async fn check_unchanged(&self, source: &Source, place: &Place) -> Outcome {
        let Some(record) = place.read() else {
            return Ok(());
        };
        if record.sha256 == hex::encode(source.sha256) {
            return Ok(());
        }
        let pending = match self.gateway.status(record.session).await? {
            Ok(status) => status.state == UploadState::Pending,
            Err(Error::NotFound | Error::Unauthorized) => false,
            Err(error) => return Err(refused("uploads_status", error)),
        };
        if pending {
            return Err(Failure::local(format!(
                "the file has changed since its upload began: session {} is of SHA-256 {}, the file is {} now. To give that upload up: capsule abort {}",
                record.session,
                record.sha256,
                hex::encode(source.sha256),
                record.session
            )));
        }
        place.remove();
        Ok(())
    }

    /// Sends the missing chunks in order, some ahead of the answers.
    async fn send(
        &self,
        source: &Source,
        session: u64,
        mut missing: VecDeque<u32>,
        bar: &crate::output::FileBar,
    ) -> Outcome {
        let mut sending = FuturesUnordered::new();
        let mut under_way = BTreeSet::new();
        // came too early, and are sent again when nothing before them is missing
        let mut early = BTreeSet::new();
        loop {
            while let Some(index) = missing.front().copied() {
                let first = under_way
                    .first()
                    .or(early.first())
                    .copied()
                    .unwrap_or(index);
                if index >= first + AHEAD {
                    break;
                }
                missing.pop_front();
                under_way.insert(index);
                sending.push(self.put(source, session, index));
            }
            if under_way.is_empty()
                && let Some(index) = early.pop_first()
            {
                under_way.insert(index);
                sending.push(self.put(source, session, index));
            }
            let Some((index, answer)) = sending.next().await else {
                return Ok(());
            };
            under_way.remove(&index);
            match answer? {
                Ok(()) => bar.sent(source.chunk_len(index) as u64),
                Err(Error::InvalidArgument(_)) if !under_way.is_empty() => {
                    early.insert(index);
                }
                Err(Error::Conflict(text)) => {
                    let failure = Failure::new(
                        Kind::Refused,
                        format!("chunk {index} is not what was sent before: {text}"),
                    );
                    return Err(self.explain(failure, session));
                }
                Err(error) => return Err(refused(&format!("chunk {index}"), error)),
            }
        }
    }

    async fn put(
        &self,
        source: &Source,
        session: u64,
        index: u32,
    ) -> (u32, crate::gateway::Answered<()>) {
        let slot = self.slots.acquire().await;
        let answer = async {
            let bytes = source.chunk(index).await?;
            self.gateway.put(session, index, &bytes).await
        };
        let answer = answer.await;
        drop(slot);
        (index, answer)
    }

    fn explain(&self, failure: Failure, session: u64) -> Failure {
        let text = &failure.text;
        match text.contains("checksum_mismatch") || text.contains("is not what was sent") {
            true => Failure::new(
                Kind::Integrity,
                format!(
                    "{text}. The file changed while it was sent; to give this upload up: capsule abort {session}"
                ),
            ),
            false => failure,
        }
    }

    fn report(&self, source: &Source, session: u64, sent: usize, result: &UploadFinishResult) {
        self.output.result(
            &format!(
                "{}  {}  {} bytes  {}",
                result.memory_id, source.name, result.size, result.blob_id
            ),
            json!({
                "file": source.path,
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

/// What the canister says it has must be what was sent.
fn check(source: &Source, result: &UploadFinishResult) -> Outcome {
    let same = result.checksum_sha256.as_deref().map(Vec::as_slice) == Some(&source.sha256[..]);
    match same && result.size == source.bytes {
        true => Ok(()),
        false => Err(Failure::new(
            Kind::Integrity,
            format!(
                "{} was finished as something else: {} bytes, expected {}",
                source.name, result.size, source.bytes
            ),
        )),
    }
}
