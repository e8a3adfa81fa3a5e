//! The meaning of a refusal: the index doesn't know the gateway, or its caller has no right.
//!
//! A refusal of the caller has consequences: an upload ends, or a memory counts as not there. A
//! refusal of the gateway has none, so here it is a failed call, which may be retried.

use super::call::{Answer, Peer, PeerError, PeerResult, Peers};
use super::memory_index::PageOf;
use crate::failure::{Failure, Result};
use crate::runtime::{CallFailure, FailureKind, Runtime};
use candid::{CandidType, Principal, encode_one};
use capsule_shared::BlobId;
use capsule_shared::capsule::CapsuleHeader;
use capsule_shared::memory_index::{
    BlobPlace, Memory, MemoryFound, MemoryHeader, Trash, TrashPage,
};
use serde::de::DeserializeOwned;

impl<R: Runtime> Peers<R> {
    /// Asks the index. Its answer also says whether it knows this gateway.
    pub(super) async fn ask_index<T: CandidType + DeserializeOwned>(
        &self,
        index: Principal,
        method: &'static str,
        arg: Vec<u8>,
    ) -> PeerResult<T> {
        let peer = Peer::MemoryIndex(index);
        let answer = self.send(peer, method, arg.clone()).await?;
        match answer.known {
            Some(true) => answer.result,
            Some(false) => Err(refused(index)),
            // An index of release 0.1.0 says `Unauthorized` in both cases.
            None if is_hidden(&answer.result) => {
                let probe = match self.probe(index).await {
                    // In a query the first answer has no consequences.
                    Err(_) if self.runtime.in_query() => return answer.result,
                    probe => probe?,
                };
                probe.result.map_err(|_| refused(index))?;
                // Ask again: an operator may have registered the gateway meanwhile, or upgraded the
                // index.
                let again = self.send(peer, method, arg).await?;
                match again.known {
                    Some(false) => Err(refused(index)),
                    _ => again.result,
                }
            }
            None => answer.result,
        }
    }

    /// Asks something that an index of each release answers to every gateway that it knows.
    async fn probe(&self, index: Principal) -> PeerResult<Answer<Vec<CapsuleHeader>>> {
        let own = encode_one(self.runtime.self_id());
        let arg = own.expect("BUG: Candid can't write a principal");
        let peer = Peer::MemoryIndex(index);
        self.send(peer, "capsule_list", arg).await
    }

    /// Where a blob is: `NotFound` unless `who` may read it.
    pub async fn find_blob(
        &self,
        index: Principal,
        who: Principal,
        blob: BlobId,
    ) -> Result<BlobPlace> {
        let place = self.blob_locate(index, who, blob).await;
        place.map_err(hide)
    }

    /// A memory outside the trash: `NotFound` unless `who` may read it.
    pub async fn find_listed(&self, index: Principal, who: Principal, id: &str) -> Result<Memory> {
        self.memory_read(index, who, id).await.map_err(hide)
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
        let found = self.memory_find_sha256(index, who, capsule, sha256).await;
        if self.is_too_old_for(index, &found).await {
            return Err(Failure::NotImplemented(
                "the memory index finds no memories by SHA-256, expected a release after 0.1.0"
                    .into(),
            ));
        }
        Ok(found?)
    }

    /// Whether the index is of release 0.1.0 and lacks the method that gave this answer. It answers
    /// other methods, but doesn't say whether it knows this gateway.
    async fn is_too_old_for<T>(&self, index: Principal, answer: &PeerResult<T>) -> bool {
        if !answer.as_ref().is_err_and(PeerError::lacks_method) {
            return false;
        }
        // The wrong canister lacks the method, too.
        let probe = self.probe(index).await;
        probe.is_ok_and(|answer| answer.known.is_none())
    }

    /// Puts a memory into the trash until `purge_at`: `NotImplemented` if the index is one of
    /// release 0.1.0, which has none.
    pub async fn put_into_trash(
        &self,
        index: Principal,
        who: Principal,
        id: &str,
        purge_at: u64,
    ) -> PeerResult<Trash> {
        let trashed = self.memory_trash(index, who, id, purge_at).await;
        if self.is_too_old_for(index, &trashed).await {
            let lacks = Failure::NotImplemented(
                "the memory index has no trash, expected a release after 0.1.0; with a \
                 trash_retention_ns of 0 the gateway deletes for good"
                    .into(),
            );
            return Err(PeerError::refused(Peer::MemoryIndex(index), lacks));
        }
        trashed
    }

    /// Takes a memory out of the trash. It is outside that of an index of release 0.1.0, which has
    /// none.
    pub async fn take_from_trash(
        &self,
        index: Principal,
        who: Principal,
        id: &str,
    ) -> PeerResult<()> {
        let restored = self.memory_restore(index, who, id).await;
        match self.is_too_old_for(index, &restored).await {
            true => Ok(()),
            false => restored,
        }
    }

    /// A page of the trash of a capsule. That of an index of release 0.1.0 is empty.
    pub async fn list_trash(
        &self,
        index: Principal,
        who: Principal,
        page: PageOf<'_>,
    ) -> PeerResult<TrashPage> {
        let capsule = page.capsule;
        let listed = self.memory_trash_list(index, who, page).await;
        if !self.is_too_old_for(index, &listed).await {
            return listed;
        }
        // It checks that `who` may see what is in the capsule.
        let one = PageOf {
            capsule,
            cursor: None,
            limit: Some(1),
        };
        let listed = self.memory_list(index, who, one, None).await;
        listed.map(|_| TrashPage {
            memories: Vec::new(),
            next: None,
        })
    }

    /// A memory, in the trash or not: `NotFound` unless `who` may read it.
    pub async fn find_memory(
        &self,
        index: Principal,
        who: Principal,
        id: &str,
    ) -> Result<MemoryFound> {
        let found = self.memory_find(index, who, id).await;
        if !self.is_too_old_for(index, &found).await {
            return found.map_err(hide);
        }
        // It has no trash, so it has a memory outside it or none.
        let memory = self.memory_read(index, who, id).await.map_err(hide)?;
        Ok(MemoryFound {
            memory,
            trash: None,
        })
    }
}

/// Ids can be guessed, so the caller must not learn which exist. Without the right, what is there
/// and what isn't have the same answer and take the same calls.
fn hide(error: PeerError) -> Failure {
    Failure::from(error).hidden()
}

/// Whether a caller without the right would get this answer, or the same one in other words.
fn is_hidden<T>(answer: &PeerResult<T>) -> bool {
    let refusal = answer.as_ref().err().and_then(PeerError::refusal);
    matches!(refusal, Some(Failure::Unauthorized | Failure::NotFound))
}

fn refused(index: Principal) -> PeerError {
    let call = CallFailure {
        may_have_acted: false,
        kind: FailureKind::Rejected,
        text: "it refuses this gateway, expected it to be registered".into(),
    };
    PeerError::no_answer(Peer::MemoryIndex(index), call)
}
