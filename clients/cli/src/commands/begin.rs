//! Begins an upload, or finds the one that an earlier command began.

use crate::commands::limits;
use crate::commands::session::look;
use crate::console;
use crate::failure::{Failure, Outcome};
use crate::local::error::SourceError;
use crate::local::record::{Record, RecordFile};
use crate::local::source::Source;
use crate::network::error::{CallError, Cause};
use crate::network::gateway::Gateway;
use capsule_shared::asset::of_file;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use capsule_shared::upload::{UploadState, UploadStatus};
use std::sync::Once;

/// The upload of one file that is about to begin.
pub struct Beginning<'a> {
    pub gateway: &'a Gateway,
    pub capsule: &'a str,
    pub source: &'a Source,
    /// `None` if this machine remembers nothing.
    pub record: Option<&'a RecordFile>,
    /// The MIME type that the user gave.
    pub mime_type: Option<&'a str>,
    /// Send the file although the capsule has it.
    pub again: bool,
}

/// An upload that has begun.
pub struct Begun {
    pub session: u64,
    /// The idempotency key that names it.
    pub key: String,
}

impl Beginning<'_> {
    /// Begins the upload. It notes the upload before the gateway may make it.
    pub async fn begin(&self) -> Outcome<Begun> {
        let (gateway, source) = (self.gateway, self.source);
        let mut record = self.next_record();
        let key = record.key.clone().expect("BUG: a new record has a key");
        self.note(&record);
        let metadata = source.metadata(self.mime_type);
        let begun = gateway.begin(self.capsule, &metadata, source.chunks(), &key);
        let session = match begun.await {
            Ok(session) => session,
            Err(error) => {
                if is_final(&error) {
                    self.forget();
                }
                return Err(limits::reason(gateway, self.capsule, source, error).await);
            }
        };
        record.session = Some(session);
        self.note(&record);
        Ok(Begun { session, key })
    }

    fn next_record(&self) -> Record {
        let sha256 = hex::encode(self.source.sha256);
        let key = match self.again {
            false => self.source.idempotency_key(self.capsule),
            true => {
                // An interrupted upload goes on; a new one needs a key that no other has.
                let known = self.record.and_then(RecordFile::read);
                let known = known.filter(|known| known.again && known.sha256 == sha256);
                known.and_then(|known| known.key).unwrap_or_else(new_key)
            }
        };
        Record {
            key: Some(key),
            session: None,
            sha256,
            bytes: Some(self.source.bytes),
            again: self.again,
        }
    }

    fn note(&self, record: &Record) {
        static WARNED: Once = Once::new();
        if let Some(file) = self.record
            && let Err(error) = file.write(record)
        {
            WARNED.call_once(|| {
                console::warning(&format!("{error}; uploads are not remembered"));
            });
        }
    }

    pub fn forget(&self) {
        if let Some(file) = self.record {
            file.remove();
        }
    }

    /// Refuses a file that changed since its upload began. The changed file would be a second
    /// upload, and the first one would stay incomplete, so the user decides.
    pub async fn check_unchanged(&self) -> Outcome {
        let Some(record) = self.record.and_then(RecordFile::read) else {
            return Ok(());
        };
        let now = hex::encode(self.source.sha256);
        if record.sha256 == now {
            return Ok(());
        }
        let Some(key) = self.key_of(&record) else {
            self.forget();
            return Ok(());
        };
        let status = match record.session {
            Some(session) => look(self.gateway, session, &key).await?,
            None => self.find(&record, &key).await?,
        };
        match status.filter(|status| status.state == UploadState::Pending) {
            // The client was stopped before it sent anything, so nothing is lost.
            Some(status) if record.session.is_none() && status.received_bytes == 0 => {
                self.gateway.abort(status.session_id).await?;
                self.forget();
                Ok(())
            }
            Some(status) => Err(Failure::from(SourceError::Changed {
                path: self.source.path.clone(),
                session: status.session_id,
                begun: record.sha256,
                now,
            })),
            None => {
                self.forget();
                Ok(())
            }
        }
    }

    /// The key of a recorded upload; records of release 0.1.0 only have what it follows from.
    fn key_of(&self, record: &Record) -> Option<String> {
        let derived = || {
            let sha256 = hex::decode(&record.sha256).ok()?;
            Some(self.source.key_of(self.capsule, &sha256))
        };
        record.key.clone().or_else(derived)
    }

    /// Finds an upload whose begin was sent, but not answered.
    ///
    /// That message may still be on its way. So the same begin is sent again: it waits for the
    /// other one, and both answer the same session.
    async fn find(&self, record: &Record, key: &str) -> Outcome<Option<UploadStatus>> {
        let Some(bytes) = record.bytes else {
            return Ok(None);
        };
        let metadata = of_file(&self.source.name, &self.source.mime_type, bytes);
        let chunks = u32::try_from(bytes.div_ceil(MAX_CHUNK_BYTES as u64)).unwrap_or(u32::MAX);
        let begun = self.gateway.begin(self.capsule, &metadata, chunks, key);
        match begun.await {
            Ok(session) => Ok(look(self.gateway, session, key).await?),
            Err(error) if is_final(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the gateway refused a begin for good, so that it made no session.
fn is_final(error: &CallError) -> bool {
    matches!(
        error.cause,
        Cause::Refused(_) | Cause::Rejected(_) | Cause::Http { .. }
    )
}

fn new_key() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("BUG: this machine has no random bytes");
    format!("capsule-cli-again-{}", hex::encode(bytes))
}
