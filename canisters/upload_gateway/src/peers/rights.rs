//! What a refusal of the index means: the gateway isn't registered, or its caller has no right.

use super::call::{Peer, PeerError, PeerResult, Peers};
use crate::failure::{Failure, Result};
use crate::runtime::{CallFailure, Runtime};
use crate::session::types::LocalFuture;
use candid::Principal;
use capsule_shared::BlobId;
use capsule_shared::memory_index::{BlobPlace, Memory, MemoryFound};

impl<R: Runtime> Peers<R> {
    /// Asks the index something whose refusal has consequences.
    ///
    /// The index also says `Unauthorized` to a gateway that isn't registered, which says nothing
    /// about the caller's right. In that case this returns a failed call, which may be retried.
    pub async fn ask_index_surely<T>(
        &self,
        index: Principal,
        ask: impl Fn() -> LocalFuture<PeerResult<T>>,
    ) -> PeerResult<T> {
        let answer = ask().await;
        let refusal = answer.as_ref().err().and_then(PeerError::refusal);
        if refusal != Some(&Failure::Unauthorized) {
            return answer;
        }
        self.check_known(index).await?;
        // Ask again: an operator may have registered the gateway between the answer and the probe.
        ask().await
    }

    /// Asks the index for a memory or a blob: `NotFound` if the caller has no right to it.
    ///
    /// Ids can be guessed, so the caller must not learn which exist. Without the right, what is
    /// there and what isn't have the same answer and take the same calls.
    pub async fn ask_index_hiding<T>(
        &self,
        index: Principal,
        ask: impl Fn() -> LocalFuture<PeerResult<T>>,
    ) -> Result<T> {
        let answer = self.ask_alike(index, ask).await;
        answer.map_err(|error| Failure::from(error).hidden())
    }

    /// Makes the same calls for `Unauthorized` and for `NotFound`.
    async fn ask_alike<T>(
        &self,
        index: Principal,
        ask: impl Fn() -> LocalFuture<PeerResult<T>>,
    ) -> PeerResult<T> {
        let answer = ask().await;
        let refusal = answer.as_ref().err().and_then(PeerError::refusal);
        if !matches!(refusal, Some(Failure::Unauthorized | Failure::NotFound)) {
            return answer;
        }
        self.check_known(index).await?;
        // Ask again: an operator may have registered the gateway between the answer and the probe.
        ask().await
    }

    /// A failed call, which may be retried, unless the index takes calls of this gateway. It costs
    /// the same, whatever the index holds.
    async fn check_known(&self, index: Principal) -> PeerResult<()> {
        let mut known = self.gateway_known(index).await;
        if let Err(error) = &known
            && error.refusal().is_none()
        {
            // An index of release 0.1.0 doesn't have the method.
            let list = self.capsule_list(index, self.runtime.self_id()).await;
            known = list.map(|_| ());
        }
        known.map_err(|_| {
            let call = CallFailure {
                may_have_acted: false,
                text: "it refuses this gateway, expected it to be registered".into(),
            };
            PeerError::no_answer(Peer::MemoryIndex(index), call)
        })
    }

    /// Where a blob is: `NotFound` unless `who` may read it.
    pub async fn find_blob(
        &self,
        index: Principal,
        who: Principal,
        blob: BlobId,
    ) -> Result<BlobPlace> {
        let ask = || self.blob_locate(index, who, blob);
        self.ask_index_hiding(index, ask).await
    }

    /// A memory outside the trash: `NotFound` unless `who` may read it.
    pub async fn find_listed(&self, index: Principal, who: Principal, id: &str) -> Result<Memory> {
        let ask = || self.memory_read(index, who, id);
        self.ask_index_hiding(index, ask).await
    }

    /// A memory, in the trash or not: `NotFound` unless `who` may read it.
    pub async fn find_memory(
        &self,
        index: Principal,
        who: Principal,
        id: &str,
    ) -> Result<MemoryFound> {
        let ask = || self.memory_find(index, who, id);
        match self.ask_alike(index, ask).await {
            // An index of release 0.1.0 has neither the method nor a trash.
            Err(error) if error.refusal().is_none() => {
                let memory = self.find_listed(index, who, id).await?;
                let trash = None;
                Ok(MemoryFound { memory, trash })
            }
            found => found.map_err(|error| Failure::from(error).hidden()),
        }
    }
}
