//! Beginning and aborting an upload.

use super::checks::check_begin;
use super::jobs::queue::Run;
use super::service::UploadService;
use super::types::{Begin, BeginArgs, BeginReservation, SessionId, SessionSpec};
use crate::failure::{Failure, Result};
use crate::runtime::Runtime;
use crate::session::standing::Standing;
use candid::Principal;
use capsule_shared::BlobKey;
use capsule_shared::blob_store::Declared;
use capsule_shared::keys::pmid_stem;
use ic_stable_structures::Memory;

/// How many session ids one begin may try. Two taken blob ids in a row are already next to
/// impossible.
const MAX_OPEN_TRIES: u32 = 4;

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// Begins an upload, or finds the one that the idempotency key names.
    pub async fn begin(&self, caller: Principal, args: BeginArgs) -> Result<SessionId> {
        self.check_updates(caller)?;
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
        let now = self.runtime.now();
        let mut reservation = match self.with(|state| state.reserve_begin(spec, now))? {
            Begin::Existing(id) => {
                self.with(|state| state.touched(id, now));
                return Ok(id);
            }
            Begin::Reserved(reservation) => reservation,
        };
        self.check_funds()?;
        let index = self.index()?;
        // The reservation holds the key and the limits of the caller and of all during this await.
        // It doesn't count against the capsule yet: the caller may be a stranger there. Nothing is
        // in stable memory yet.
        let usage = self.peers.capsule_usage(index, caller, &args.capsule_id);
        let usage = usage.await?;
        // The operator may have blocked the caller meanwhile.
        self.check_updates(caller)?;
        let stored = usage.stored_bytes;
        let now = self.runtime.now();
        let (ended, admitted) = self.with(|state| state.admitted(&mut reservation, stored, now));
        self.log_expired(&ended);
        self.schedule();
        admitted?;
        self.open(caller, reservation, &args, index, stored).await
    }

    /// Opens a blob under the next session id whose blob id is free, and makes the session.
    async fn open(
        &self,
        caller: Principal,
        reservation: BeginReservation,
        args: &BeginArgs,
        index: Principal,
        stored: u64,
    ) -> Result<SessionId> {
        let stem = pmid_stem(&args.capsule_id, &args.metadata.base().name);
        for _ in 0..MAX_OPEN_TRIES {
            let stores = self.stores()?;
            let now = self.runtime.now();
            let (opening, standing) = self.with(|state| {
                let (capsule, metadata) = (&args.capsule_id, &args.metadata);
                let opening = state.opening(capsule, &stem, metadata, &stores, index, now);
                (opening, state.standing(caller, now))
            });
            self.schedule();
            let id = opening.id;
            let key = opening.upload.key(id);
            let declared = Declared {
                bytes: args.metadata.base().bytes,
                known: standing == Standing::Known,
            };
            let store = opening.upload.store;
            // The intent is in stable memory during this await, and may have come due after it.
            let opened = self.peers.blob_open(store, key, declared).await;
            let now = self.runtime.now();
            let error = match opened {
                Ok(()) => {
                    // The operator may have blocked the caller, or an owner of the capsule may have
                    // removed it. The intent releases the blob.
                    self.check_updates(caller)?;
                    reservation.check_right()?;
                    let begun = self.with(|state| state.begun(opening, reservation, stored, now));
                    self.schedule();
                    return match begun {
                        true => Ok(id),
                        false => Err(Failure::temporary("the blob store answered too late")),
                    };
                }
                Err(error) => error,
            };
            let taken = matches!(error.refusal(), Some(Failure::Conflict(_)));
            // If the store may have acted, the intent waits for its time. An earlier release could
            // overtake the request to open, which would then leave an empty blob.
            if taken || !error.may_have_acted() {
                self.with(|state| state.not_opened(&opening));
            }
            if !taken {
                return Err(error.into());
            }
        }
        Err(Failure::temporary(format!(
            "{MAX_OPEN_TRIES} blob ids in a row are taken, expected a free one"
        )))
    }

    /// Releases a blob that got no session.
    pub(super) async fn run_release_blob(&self, store: Principal, key: BlobKey) -> Result<Run> {
        self.peers.blob_release(store, key).await?;
        Ok(Run::Done)
    }

    /// Ends an upload. An unknown one counts as aborted.
    pub fn abort(&self, caller: Principal, id: SessionId) -> Result<()> {
        let now = self.runtime.now();
        self.with(|state| state.aborted(id, caller, now))?;
        self.schedule();
        Ok(())
    }
}
