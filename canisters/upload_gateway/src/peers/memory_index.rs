//! Calls to the memory index. `who` is the gateway's caller, whose rights the index checks.

use super::call::{Peer, PeerResult, Peers};
use crate::runtime::Runtime;
use crate::session::types::LocalFuture;
use candid::{CandidType, Principal};
use capsule_shared::BlobId;
use capsule_shared::capsule::{Capsule, CapsuleHeader, CapsuleInfo, PersonRef};
use capsule_shared::memory_index::{
    BlobPlace, CapsuleUsage, MemoryCommit, MemoryFound, MemoryHead, MemoryHeader, MemoryPage,
    Trash, TrashPage,
};
use capsule_shared::operators::{DueCursor, DuePage, StorePage};
use serde::de::DeserializeOwned;
use serde_bytes::Bytes;

/// The page of a capsule's list that a caller wants.
pub struct PageOf<'a> {
    pub capsule: &'a str,
    /// The `next` of the page before.
    pub cursor: Option<String>,
    pub limit: Option<u32>,
}

impl<R: Runtime> Peers<R> {
    /// The capsule of `who` with this subject. `most` is how many `who` may have made. An index of
    /// release 0.1.0 ignores it, as Candid ignores any further argument.
    pub fn capsule_create(
        &self,
        index: Principal,
        who: Principal,
        subject: Option<PersonRef>,
        most: Option<u32>,
    ) -> LocalFuture<PeerResult<Capsule>> {
        let args = (who, subject, most);
        self.call(Peer::MemoryIndex(index), "capsule_create", args)
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
    ) -> LocalFuture<PeerResult<MemoryHead>> {
        self.call(Peer::MemoryIndex(index), "memory_commit", (commit,))
    }

    pub fn memory_list(
        &self,
        index: Principal,
        who: Principal,
        page: PageOf<'_>,
        newest_first: Option<bool>,
    ) -> LocalFuture<PeerResult<MemoryPage>> {
        // An index of release 0.1.0 ignores the last argument.
        let args = (who, page.capsule, page.cursor, page.limit, newest_first);
        self.call(Peer::MemoryIndex(index), "memory_list", args)
    }

    /// The memories of a capsule with this SHA-256, the newest first.
    pub(super) fn memory_find_sha256(
        &self,
        index: Principal,
        who: Principal,
        capsule: &str,
        sha256: &[u8; 32],
    ) -> LocalFuture<PeerResult<Vec<MemoryHeader>>> {
        let args = (who, capsule, Bytes::new(sha256));
        self.call(Peer::MemoryIndex(index), "memory_find_sha256", args)
    }

    /// A memory outside the trash: as a [`Memory`](capsule_shared::memory_index::Memory) or as its
    /// head.
    pub(super) fn memory_read<T: CandidType + DeserializeOwned + 'static>(
        &self,
        index: Principal,
        who: Principal,
        memory: &str,
    ) -> LocalFuture<PeerResult<T>> {
        self.call(Peer::MemoryIndex(index), "memory_read", (who, memory))
    }

    /// A memory, in the trash or not.
    pub(super) fn memory_find(
        &self,
        index: Principal,
        who: Principal,
        memory: &str,
    ) -> LocalFuture<PeerResult<MemoryFound>> {
        self.call(Peer::MemoryIndex(index), "memory_find", (who, memory))
    }

    /// Puts a memory into the trash until `purge_at`. One that is there keeps its time.
    pub(super) fn memory_trash(
        &self,
        index: Principal,
        who: Principal,
        memory: &str,
        purge_at: u64,
    ) -> LocalFuture<PeerResult<Trash>> {
        let args = (who, memory, purge_at);
        self.call(Peer::MemoryIndex(index), "memory_trash", args)
    }

    /// A page of the memories that this gateway has to purge.
    pub fn memories_due(
        &self,
        index: Principal,
        after: Option<DueCursor>,
    ) -> LocalFuture<PeerResult<DuePage>> {
        let args = (None::<Principal>, after, None::<u32>);
        self.call(Peer::MemoryIndex(index), "memories_due", args)
    }

    /// A page of the memories whose blobs lie in a store.
    pub fn memories_of_store(
        &self,
        index: Principal,
        store: Principal,
        after: Option<&str>,
        limit: u32,
    ) -> LocalFuture<PeerResult<StorePage>> {
        let args = (store, after, Some(limit));
        self.call(Peer::MemoryIndex(index), "memories_of_store", args)
    }

    /// Notes that the blob of a memory lies in `to`: `Conflict` unless it lay in `from`, or does in
    /// `to`.
    pub fn memory_relocate(
        &self,
        index: Principal,
        memory: &str,
        from: Principal,
        to: Principal,
    ) -> LocalFuture<PeerResult<()>> {
        let args = (memory, from, to);
        self.call(Peer::MemoryIndex(index), "memory_relocate", args)
    }

    pub(super) fn memory_restore(
        &self,
        index: Principal,
        who: Principal,
        memory: &str,
    ) -> LocalFuture<PeerResult<()>> {
        self.call(Peer::MemoryIndex(index), "memory_restore", (who, memory))
    }

    /// Deletes a memory whose time in the trash is over: `Conflict` unless this is `purge_at`.
    pub fn memory_expire(
        &self,
        index: Principal,
        memory: &str,
        purge_at: u64,
    ) -> LocalFuture<PeerResult<MemoryHead>> {
        self.call(
            Peer::MemoryIndex(index),
            "memory_expire",
            (memory, purge_at),
        )
    }

    pub(super) fn memory_trash_list(
        &self,
        index: Principal,
        who: Principal,
        page: PageOf<'_>,
    ) -> LocalFuture<PeerResult<TrashPage>> {
        let args = (who, page.capsule, page.cursor, page.limit);
        self.call(Peer::MemoryIndex(index), "memory_trash_list", args)
    }

    /// Deletes a memory for good and returns it.
    pub fn memory_delete(
        &self,
        index: Principal,
        who: Principal,
        memory: &str,
    ) -> LocalFuture<PeerResult<MemoryHead>> {
        self.call(Peer::MemoryIndex(index), "memory_delete", (who, memory))
    }

    /// Where a blob is. The index checks that `who` may read it.
    pub(super) fn blob_locate(
        &self,
        index: Principal,
        who: Principal,
        blob: BlobId,
    ) -> LocalFuture<PeerResult<BlobPlace>> {
        self.call(Peer::MemoryIndex(index), "blob_locate", (who, blob))
    }
}
