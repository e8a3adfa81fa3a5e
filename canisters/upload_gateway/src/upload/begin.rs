//! Beginning and aborting an upload.

use super::jobs::{JobId, Task};
use super::service::UploadService;
use super::types::{SessionId, SessionSpec, UploadMeta};
use crate::failure::{Failure, Result};
use crate::peers::{PeerError, index_error, store_error};
use crate::runtime::Runtime;
use crate::session::begin::Begin;
use crate::session::reservations::BeginReservation;
use candid::Principal;
use capsule_shared::asset::AssetMetadata;
use capsule_shared::keys::pmid_stem;
use capsule_shared::limits::{
    MAX_ID_BYTES, MAX_IDEMPOTENCY_KEY_BYTES, MAX_METADATA_BYTES, MAX_NAME_BYTES,
};
use ic_stable_structures::Memory;

/// Session ids that one begin may try: two taken blob ids in a row are already next to impossible.
const MAX_OPEN_TRIES: u32 = 4;

/// When a begin that broke off between the store's answer and ours is cleaned up: well after its call's deadline.
const OPEN_GRACE_NS: u64 = 600_000_000_000;

/// The arguments of `uploads_begin`.
pub struct BeginArgs {
    pub capsule_id: String,
    pub metadata: AssetMetadata,
    pub expected_chunks: u32,
    pub idem: String,
}

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// Begins an upload, or finds the one that the idempotency key names.
    pub async fn begin(&self, caller: Principal, args: BeginArgs) -> Result<SessionId> {
        self.with(|state| state.config.get().check_caller(caller))?;
        check_begin(&args)?;
        let base = args.metadata.base();
        let spec = SessionSpec {
            scope: args.capsule_id.clone(),
            owner: caller,
            idem: args.idem.clone(),
            label: base.name.clone(),
            expected_chunks: args.expected_chunks,
            bytes_expected: base.bytes,
        };
        let reservation = match self.with(|state| state.sessions.reserve_begin(spec))? {
            Begin::Existing(id) => {
                let now = self.runtime.now();
                self.with(|state| state.sessions.touch(id, now));
                return Ok(id);
            }
            Begin::Reserved(reservation) => reservation,
        };
        self.check_funds()?;
        let index = self.index()?;
        let ask = || self.peers.capsule_usage(index, caller, &args.capsule_id);
        let usage = self.peers.ask_index_surely(index, ask).await;
        let stored = usage.map_err(index_error)?.stored_bytes;
        self.with(|state| state.sessions.check_bytes(&reservation, stored))?;
        self.open(reservation, &args, stored).await
    }

    /// Opens a blob under the next session id whose blob id is free, and makes the session.
    async fn open(
        &self,
        reservation: BeginReservation,
        args: &BeginArgs,
        stored: u64,
    ) -> Result<SessionId> {
        let stem = pmid_stem(&args.capsule_id, &args.metadata.base().name);
        for _ in 0..MAX_OPEN_TRIES {
            let (id, upload, intent) = self.prepare_open(args, &stem)?;
            let key = upload.key(id);
            let opened = self.peers.blob_open(upload.store, key).await;
            let now = self.runtime.now();
            match opened {
                Ok(()) => {
                    let made = self.with(|state| {
                        // An answer so late that the clean-up has begun is worth nothing.
                        let in_time = state.jobs.remove(intent);
                        if in_time {
                            state.sessions.begin_with_id(id, reservation, stored, now);
                            state.metas.insert(id.0, upload);
                            state.hashes.begin(id);
                        }
                        in_time
                    });
                    self.schedule();
                    return match made {
                        true => Ok(id),
                        false => Err(Failure::temporary("the blob store answered too late")),
                    };
                }
                Err(PeerError::Refused(Failure::Conflict(_))) => {
                    // The id is another blob's: there is nothing of ours to release.
                    self.with(|state| state.jobs.remove(intent));
                }
                Err(error) => {
                    // Where the store may have acted, or may act yet, the intent waits for its time: a request that
                    // arrives after it would leave an empty blob.
                    if !error.may_have_acted() {
                        self.with(|state| state.jobs.remove(intent));
                    }
                    return Err(store_error(error));
                }
            }
        }
        Err(Failure::temporary(format!(
            "{MAX_OPEN_TRIES} blob ids in a row are taken"
        )))
    }

    /// Takes the next session id, and notes in stable memory, before the store is asked, that its blob is to be
    /// released unless the session comes to be.
    fn prepare_open(&self, args: &BeginArgs, stem: &str) -> Result<(SessionId, UploadMeta, JobId)> {
        let stores = self.stores()?;
        let now = self.runtime.now();
        let prepared = self.with(|state| {
            let id = state.sessions.allocate_id();
            let store = stores[(id.0 % stores.len() as u64) as usize];
            let upload = UploadMeta::new(
                args.capsule_id.clone(),
                stem.to_string(),
                store,
                &args.metadata,
            );
            let key = upload.key(id);
            let intent = state
                .jobs
                .push(now + OPEN_GRACE_NS, Task::ReleaseBlob { store, key });
            (id, upload, intent)
        });
        self.schedule();
        Ok(prepared)
    }

    /// Ends an upload. One that isn't there is as good as aborted.
    pub fn abort(&self, caller: Principal, id: SessionId) -> Result<()> {
        let now = self.runtime.now();
        self.with(|state| {
            if let Some(session) = state.sessions.abort(id, caller)? {
                state.events.sessions_aborted += 1;
                state.discard(&session, now);
            }
            Ok::<_, Failure>(())
        })?;
        self.schedule();
        Ok(())
    }
}

fn check_begin(args: &BeginArgs) -> Result<()> {
    let base = args.metadata.base();
    check_text("capsule_id", &args.capsule_id, MAX_ID_BYTES)?;
    check_text("the name", &base.name, MAX_NAME_BYTES)?;
    check_text("the idempotency key", &args.idem, MAX_IDEMPOTENCY_KEY_BYTES)?;
    let size = candid::encode_one(&args.metadata)
        .expect("BUG: metadata that Candid can't write")
        .len();
    if size > MAX_METADATA_BYTES {
        return Err(Failure::invalid(format!(
            "the metadata has {size} bytes, expected at most {MAX_METADATA_BYTES}"
        )));
    }
    Ok(())
}

/// A text of 1 to `max` bytes.
pub(super) fn check_text(what: &str, text: &str, max: usize) -> Result<()> {
    if text.is_empty() || text.len() > max {
        return Err(Failure::invalid(format!(
            "{what} has {} bytes, expected 1 to {max}",
            text.len()
        )));
    }
    Ok(())
}
