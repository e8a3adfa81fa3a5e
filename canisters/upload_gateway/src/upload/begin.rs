//! Beginning and aborting an upload.

use super::checks::check_begin;
use super::jobs::queue::Run;
use super::placement::{MAX_ASKED, NoStore, Search};
use super::registry::Refusal;
use super::service::UploadService;
use super::state::uploads::{Begun, NewUpload};
use super::types::{Begin, BeginArgs, BeginReservation, SessionId, SessionSpec};
use crate::failure::{Failure, Result};
use crate::peers::call::PeerError;
use crate::runtime::{FailureKind, Runtime};
use crate::session::standing::Standing;
use candid::Principal;
use capsule_shared::BlobKey;
use capsule_shared::blob_store::Declared;
use capsule_shared::keys::pmid_stem;
use ic_stable_structures::Memory;

/// How many taken blob ids one begin may meet. Two in a row are already next to impossible.
const MAX_TAKEN: u32 = 4;

/// A begin asks no further store this long after it asked the first one: 2 minutes.
///
/// Source: two calls that wait for their deadline of 60 s. The next begin knows the silent stores.
const MAX_OPEN_NS: u64 = 120 * 1_000_000_000;

/// The failure that the caller learns when no store opened the blob.
#[derive(Default)]
struct Refusals(Option<Failure>);

impl Refusals {
    fn add(&mut self, failure: Failure) {
        // If one store couldn't answer, the same call may succeed later. A store without room says
        // least, because another one may have room.
        let weight = |failure: &Failure| match failure {
            Failure::Temporary(_) => 2,
            Failure::ResourceExhausted => 0,
            _ => 1,
        };
        if self
            .0
            .as_ref()
            .is_none_or(|old| weight(old) < weight(&failure))
        {
            self.0 = Some(failure);
        }
    }

    fn failure(self) -> Failure {
        self.0.unwrap_or(Failure::ResourceExhausted)
    }
}

/// The meaning of a failed opening for the store.
fn refusal_of(error: &PeerError) -> Refusal {
    match (error.refusal(), error.kind()) {
        (Some(Failure::ResourceExhausted), _) => Refusal::Full,
        (Some(Failure::Conflict(_)), _)
        | (None, Some(FailureKind::HeldBack | FailureKind::NotSent)) => Refusal::Other,
        _ => Refusal::Silent,
    }
}

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

    /// Opens a blob in the first store that takes it, under the next session id whose blob id is
    /// free, and makes the session.
    async fn open(
        &self,
        caller: Principal,
        mut reservation: BeginReservation,
        args: &BeginArgs,
        index: Principal,
        stored: u64,
    ) -> Result<SessionId> {
        let stem = pmid_stem(&args.capsule_id, &args.metadata.base().name);
        let end = self.runtime.now() + MAX_OPEN_NS;
        let mut search = Search::default();
        let mut refusals = Refusals::default();
        let mut taken = 0;
        self.check_stores()?;
        while taken < MAX_TAKEN {
            let now = self.runtime.now();
            let (opening, standing) = self.with(|state| {
                let standing = state.standing(caller, now);
                let new = NewUpload {
                    capsule_id: &args.capsule_id,
                    pmid_stem: &stem,
                    metadata: &args.metadata,
                    index,
                    standing,
                };
                (state.opening(&new, &mut search, now), standing)
            });
            let opening = match opening {
                Ok(opening) => opening,
                Err(NoStore::NoneLeft) => return Err(refusals.failure()),
                Err(NoStore::Enough) => {
                    return Err(Failure::temporary(format!(
                        "{MAX_ASKED} blob stores didn't take the upload, expected one that does"
                    )));
                }
            };
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
                    let may = self.check_updates(caller);
                    if let Err(error) = may.and_then(|()| reservation.check_right()) {
                        self.with(|state| state.open_failed(&opening, Refusal::Other, now));
                        return Err(error);
                    }
                    let begun = self.with(|state| state.begun(opening, reservation, stored, now));
                    self.schedule();
                    match begun {
                        Begun::Session => return Ok(id),
                        Begun::TooLate => {
                            let text = "the blob store answered too late";
                            return Err(Failure::temporary(text));
                        }
                        Begun::StoreRetired(back) => reservation = back,
                    }
                    refusals.add(Failure::temporary("the blob store was retired meanwhile"));
                    continue;
                }
                Err(error) => error,
            };
            let is_taken = matches!(error.refusal(), Some(Failure::Conflict(_)));
            let refusal = refusal_of(&error);
            self.with(|state| {
                // If the store may have acted, the intent waits for its time. An earlier release
                // could overtake the request to open, which would then leave an empty blob.
                if is_taken || !error.may_have_acted() {
                    state.not_opened(&opening);
                }
                state.open_failed(&opening, refusal, now);
            });
            self.schedule();
            if error.kind() == Some(FailureKind::NotSent) {
                // The platform would send no call to another store either.
                return Err(error.into());
            }
            match is_taken {
                true => {
                    search.again(store);
                    taken += 1;
                }
                false => refusals.add(error.into()),
            }
            // The owner may have lost its right, or was blocked, during this await.
            self.check_updates(caller)?;
            reservation.check_right()?;
            if now >= end {
                return Err(Failure::temporary("the blob stores answer too slowly"));
            }
        }
        Err(Failure::temporary(format!(
            "{MAX_TAKEN} blob ids in a row are taken, expected a free one"
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
