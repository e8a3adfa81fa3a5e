//! The meaning of a refusal: the index doesn't know the gateway, or its caller has no right.

use super::call::{Peer, PeerError, PeerResult, Peers};
use crate::failure::{Failure, Result};
use crate::runtime::{CallFailure, Runtime};
use crate::session::types::LocalFuture;
use candid::Principal;
use capsule_shared::BlobId;
use capsule_shared::memory_index::{BlobPlace, Memory, MemoryFound, MemoryHeader};

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
        if refusal(&answer) != Some(&Failure::Unauthorized) {
            return answer;
        }
        self.known(index).await.map_err(|_| refused(index))?;
        // Ask again: an operator may have registered the gateway between the answer and the probe.
        ask().await
    }

    /// Asks the index something to read. A refusal to the gateway itself is a failed call here,
    /// too. If the probe has no answer, the first answer counts: it has no consequences.
    pub async fn ask_index_reading<T>(
        &self,
        index: Principal,
        ask: impl Fn() -> LocalFuture<PeerResult<T>>,
    ) -> PeerResult<T> {
        let answer = ask().await;
        if refusal(&answer) == Some(&Failure::Unauthorized) {
            self.check_refusal(index).await?;
        }
        answer
    }

    /// Asks the index for a memory or a blob to read: `NotFound` without the right.
    ///
    /// Ids can be guessed, so the caller must not learn which exist. Without the right, what is
    /// there and what isn't have the same answer and take the same calls.
    async fn ask_index_hiding<T>(
        &self,
        index: Principal,
        ask: impl Fn() -> LocalFuture<PeerResult<T>>,
    ) -> Result<T> {
        let answer = ask().await;
        if is_hidden(&answer) {
            self.check_refusal(index).await?;
        }
        answer.map_err(|error| Failure::from(error).hidden())
    }

    /// Whether the index takes calls of this gateway. It costs the same, whatever the index holds.
    async fn known(&self, index: Principal) -> PeerResult<()> {
        let known = self.gateway_known(index).await;
        if known.is_err() && refusal(&known).is_none() {
            // An index of release 0.1.0 doesn't have the method.
            let list = self.capsule_list(index, self.runtime.self_id()).await;
            return list.map(|_| ());
        }
        known
    }

    /// A failed call, which may be retried, if the index says that it refuses this gateway.
    async fn check_refusal(&self, index: Principal) -> PeerResult<()> {
        match refusal(&self.known(index).await) {
            Some(_) => Err(refused(index)),
            None => Ok(()),
        }
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

    /// The memories of a capsule with this SHA-256, the newest first: `NotImplemented` if the index
    /// is one of release 0.1.0.
    pub async fn find_sha256(
        &self,
        index: Principal,
        who: Principal,
        capsule: &str,
        sha256: &[u8; 32],
    ) -> Result<Vec<MemoryHeader>> {
        let ask = || self.memory_find_sha256(index, who, capsule, sha256);
        let found = self.ask_index_reading(index, ask).await;
        let no_answer = found.is_err() && refusal(&found).is_none();
        if no_answer && self.is_release_0_1_0(index).await {
            return Err(Failure::NotImplemented(
                "the memory index finds no memories by SHA-256, expected a release after 0.1.0"
                    .into(),
            ));
        }
        Ok(found?)
    }

    /// Whether the index answers, but lacks a method that each later release has. In a query, a
    /// rejection doesn't tell an unknown method from a trap.
    async fn is_release_0_1_0(&self, index: Principal) -> bool {
        let known = self.gateway_known(index).await;
        if known.is_ok() || refusal(&known).is_some() {
            return false;
        }
        let list = self.capsule_list(index, self.runtime.self_id()).await;
        list.is_ok() || refusal(&list).is_some()
    }

    /// A memory, in the trash or not: `NotFound` unless `who` may read it. The caller wants to
    /// change it, so an unclear answer is a failed call.
    pub async fn find_memory(
        &self,
        index: Principal,
        who: Principal,
        id: &str,
    ) -> Result<MemoryFound> {
        let mut found = self.memory_find(index, who, id).await;
        let lacks_method = |e: &PeerError| e.refusal().is_none() && !e.may_have_acted();
        if found.as_ref().is_err_and(lacks_method) {
            // An index of release 0.1.0 has neither the method nor a trash.
            let read = self.memory_read(index, who, id).await;
            let absent = refusal(&read) == Some(&Failure::NotFound);
            // A later index has this method, and the memory may be in its trash: the call failed.
            if !absent || self.gateway_known(index).await.is_err() {
                found = read.map(|memory| MemoryFound {
                    memory,
                    trash: None,
                });
            }
        }
        if is_hidden(&found) {
            self.known(index).await.map_err(|_| refused(index))?;
        }
        found.map_err(|error| Failure::from(error).hidden())
    }
}

fn refusal<T>(answer: &PeerResult<T>) -> Option<&Failure> {
    answer.as_ref().err().and_then(PeerError::refusal)
}

/// Whether a caller without the right would get this answer, or the same one in other words.
fn is_hidden<T>(answer: &PeerResult<T>) -> bool {
    matches!(
        refusal(answer),
        Some(Failure::Unauthorized | Failure::NotFound)
    )
}

fn refused(index: Principal) -> PeerError {
    let call = CallFailure {
        may_have_acted: false,
        text: "it refuses this gateway, expected it to be registered".into(),
    };
    PeerError::no_answer(Peer::MemoryIndex(index), call)
}
