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
use crate::network::refused::InTrash;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use capsule_shared::upload::{UploadState, UploadStatus};
use std::sync::Once;
use tokio::sync::Mutex;

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
    /// The trash of the capsule, once it matters.
    pub trash: &'a Mutex<Option<InTrash>>,
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
        let mut record = self.next_record().await?;
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
                return Err(limits::reason(gateway, self.capsule, source, self.trash, error).await);
            }
        };
        record.session = Some(session);
        self.note(&record);
        Ok(Begun { session, key })
    }

    /// The record of the upload that this command begins or goes on with.
    ///
    /// A pending upload of this content goes on, with `--again` or without. Another one in its
    /// place would take its record, and nobody would finish it.
    async fn next_record(&self) -> Outcome<Record> {
        let mut next = Record {
            key: None,
            session: None,
            sha256: hex::encode(self.source.sha256),
            bytes: Some(self.source.bytes),
            again: self.again,
        };
        if let Some(known) = self.record.and_then(RecordFile::read)
            && known.sha256 == next.sha256
            && let Some(key) = self.key_of(&known)
            && (known.again == self.again || self.pending(&known, &key).await?.is_some())
        {
            next.again = known.again;
            next.key = Some(key);
        }
        next.key.get_or_insert_with(|| match self.again {
            // an upload beside the others needs a key that no other has
            true => new_key(),
            false => self.source.idempotency_key(self.capsule),
        });
        Ok(next)
    }

    /// Ends what an earlier command began, because the capsule has the file by now.
    ///
    /// A pending upload with `--again` stays, and so does its record: with `--again` it goes on.
    /// Any other is given up. If that fails, its record stays for the next command.
    pub async fn end_unneeded(&self) {
        let Some(record) = self.record.and_then(RecordFile::read) else {
            return;
        };
        let Some(key) = self.key_of(&record) else {
            return self.forget();
        };
        let ended = async {
            match self.pending(&record, &key).await? {
                Some(_) if record.again => Ok(false),
                Some(status) => {
                    self.gateway.abort(status.session_id).await?;
                    Ok(true)
                }
                None => Ok(true),
            }
        };
        match ended.await {
            Ok(true) => self.forget(),
            Ok(false) => {}
            Err::<_, Failure>(failure) => console::detail(|| {
                format!("{failure}; the earlier upload of this file may be pending")
            }),
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
        match self.pending(&record, &key).await? {
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

    /// The state of a recorded upload if it is pending.
    async fn pending(&self, record: &Record, key: &str) -> Outcome<Option<UploadStatus>> {
        let status = match record.session {
            Some(session) => look(self.gateway, session, key).await?,
            None => self.find(record, key).await?,
        };
        Ok(status.filter(|status| status.state == UploadState::Pending))
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
        let mut metadata = self.source.metadata(self.mime_type);
        metadata.base_mut().bytes = bytes;
        let chunks = u32::try_from(bytes.div_ceil(MAX_CHUNK_BYTES as u64)).unwrap_or(u32::MAX);
        let begun = self.gateway.begin(self.capsule, &metadata, chunks, key);
        match begun.await {
            Ok(session) => Ok(look(self.gateway, session, key).await?),
            Err(error) if is_final(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the gateway itself refused a begin for good, so that it made no session.
///
/// A rejection or an error of HTTP is no such word: an earlier attempt of the same call may have
/// made the session.
fn is_final(error: &CallError) -> bool {
    matches!(error.cause, Cause::Refused(_))
}

fn new_key() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("BUG: this machine has no random bytes");
    format!("capsule-cli-again-{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use capsule_shared::Error as Refusal;

    #[test]
    fn only_the_word_of_the_gateway_ends_an_upload() {
        let is_final = |cause| {
            is_final(&CallError {
                what: "beginning an upload".into(),
                cause,
            })
        };
        assert!(is_final(Cause::Refused(Refusal::ResourceExhausted)));
        let text = || "no".to_string();
        for open in [
            Cause::Rejected(text()),
            Cause::Http {
                status: 403,
                text: text(),
            },
            Cause::GivenUp {
                seconds: 9,
                reason: text(),
            },
        ] {
            let shown = open.to_string();
            assert!(!is_final(open), "{shown}");
        }
    }
}
