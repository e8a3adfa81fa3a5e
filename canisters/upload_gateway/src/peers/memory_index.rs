//! Calls to the memory index. `who` is the gateway's caller, whose rights the index checks.

use super::call::{Peer, PeerError, PeerResult, Peers};
use crate::failure::Failure;
use crate::runtime::{CallFailure, Runtime};
use crate::session::types::LocalFuture;
use candid::Principal;
use capsule_shared::BlobId;
use capsule_shared::capsule::{Capsule, CapsuleHeader, CapsuleInfo, PersonRef};
use capsule_shared::memory_index::{BlobPlace, CapsuleUsage, Memory, MemoryCommit, MemoryPage};

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
        let probe = self.capsule_list(index, self.runtime.self_id()).await;
        if probe.is_err() {
            let call = CallFailure {
                may_have_acted: false,
                text: "it refuses this gateway, expected it to be registered".into(),
            };
            return Err(PeerError::no_answer(Peer::MemoryIndex(index), call));
        }
        // Ask again: an operator may have registered the gateway between the answer and the probe.
        ask().await
    }

    pub fn capsule_create(
        &self,
        index: Principal,
        who: Principal,
        subject: Option<PersonRef>,
    ) -> LocalFuture<PeerResult<Capsule>> {
        self.call(Peer::MemoryIndex(index), "capsule_create", (who, subject))
    }

    pub fn capsule_add_controller(
        &self,
        index: Principal,
        who: Principal,
        capsule: &str,
        controller: Principal,
    ) -> LocalFuture<PeerResult<Capsule>> {
        let args = (who, capsule, controller);
        self.call(Peer::MemoryIndex(index), "capsule_add_controller", args)
    }

    pub fn capsule_remove_controller(
        &self,
        index: Principal,
        who: Principal,
        capsule: &str,
        controller: Principal,
    ) -> LocalFuture<PeerResult<Capsule>> {
        let args = (who, capsule, controller);
        self.call(Peer::MemoryIndex(index), "capsule_remove_controller", args)
    }

    pub fn capsule_read(
        &self,
        index: Principal,
        who: Principal,
        id: Option<String>,
    ) -> LocalFuture<PeerResult<CapsuleInfo>> {
        self.call(Peer::MemoryIndex(index), "capsule_read", (who, id))
    }

    pub fn capsule_list(
        &self,
        index: Principal,
        who: Principal,
    ) -> LocalFuture<PeerResult<Vec<CapsuleHeader>>> {
        self.call(Peer::MemoryIndex(index), "capsule_list", (who,))
    }

    /// How much the capsule holds. The index checks that `who` may write in it.
    pub fn capsule_usage(
        &self,
        index: Principal,
        who: Principal,
        capsule: &str,
    ) -> LocalFuture<PeerResult<CapsuleUsage>> {
        self.call(Peer::MemoryIndex(index), "capsule_usage", (who, capsule))
    }

    /// Makes the memory of a session, or finds the one that it made before.
    pub fn memory_commit(
        &self,
        index: Principal,
        commit: &MemoryCommit,
    ) -> LocalFuture<PeerResult<Memory>> {
        self.call(Peer::MemoryIndex(index), "memory_commit", (commit,))
    }

    pub fn memory_list(
        &self,
        index: Principal,
        who: Principal,
        capsule: &str,
        cursor: Option<String>,
        limit: Option<u32>,
    ) -> LocalFuture<PeerResult<MemoryPage>> {
        self.call(
            Peer::MemoryIndex(index),
            "memory_list",
            (who, capsule, cursor, limit),
        )
    }

    pub fn memory_read(
        &self,
        index: Principal,
        who: Principal,
        memory: &str,
    ) -> LocalFuture<PeerResult<Memory>> {
        self.call(Peer::MemoryIndex(index), "memory_read", (who, memory))
    }

    /// Deletes a memory and returns it.
    pub fn memory_delete(
        &self,
        index: Principal,
        who: Principal,
        memory: &str,
    ) -> LocalFuture<PeerResult<Memory>> {
        self.call(Peer::MemoryIndex(index), "memory_delete", (who, memory))
    }

    /// Where a blob is. The index checks that `who` may read it.
    pub fn blob_locate(
        &self,
        index: Principal,
        who: Principal,
        blob: BlobId,
    ) -> LocalFuture<PeerResult<BlobPlace>> {
        self.call(Peer::MemoryIndex(index), "blob_locate", (who, blob))
    }
}
