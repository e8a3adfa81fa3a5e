//! Calls to a blob store. Every one may be repeated.
//!
//! Stores of release 0.1.0 lack the last arguments of `blob_open` and `blob_seal`. Candid has a
//! callee ignore arguments that it doesn't know, so they get the same calls.

use super::call::{Peer, PeerError, PeerResult, Peers, encoded};
use crate::failure::Failure;
use crate::runtime::Runtime;
use crate::session::types::LocalFuture;
use crate::wire::PutChunk;
use candid::utils::ArgumentEncoder;
use candid::{Principal, Reserved};
use canister_common::reply::BlobReply;
use capsule_shared::BlobKey;
use capsule_shared::blob_store::{
    Declared, DeleteProgress, DigestProgress, PullProgress, SharedBlob, StoreStatus, StoredBlob,
};
use serde_bytes::Bytes;

impl<R: Runtime> Peers<R> {
    /// Takes the key for this gateway: `Conflict` if the key belongs to another blob,
    /// `ResourceExhausted` if the store has no room for what is declared.
    pub fn blob_open(
        &self,
        store: Principal,
        key: BlobKey,
        declared: Declared,
    ) -> LocalFuture<PeerResult<()>> {
        self.call(Peer::BlobStore(store), "blob_open", (key, Some(declared)))
    }

    /// Gives an opened key back. It never deletes bytes.
    pub fn blob_release(&self, store: Principal, key: BlobKey) -> LocalFuture<PeerResult<()>> {
        self.call(Peer::BlobStore(store), "blob_release", (key,))
    }

    pub fn blob_put_chunk(
        &self,
        store: Principal,
        key: &BlobKey,
        chunk: PutChunk,
    ) -> LocalFuture<PeerResult<()>> {
        let arg = chunk.into_store_args(key);
        self.call_raw(Peer::BlobStore(store), "blob_put_chunk", arg)
    }

    /// Has the store verify that it holds all `chunks`, which have `bytes` bytes together. It keeps
    /// the SHA-256 of the whole file, so that it can check itself later.
    pub fn blob_seal(
        &self,
        store: Principal,
        key: BlobKey,
        chunks: u32,
        bytes: u64,
        sha256: &[u8],
    ) -> LocalFuture<PeerResult<()>> {
        let whole = (key, chunks, bytes, Some(Bytes::new(sha256)));
        self.call(Peer::BlobStore(store), "blob_seal", whole)
    }

    /// Has the store hash one slice of the blob.
    pub fn blob_digest(
        &self,
        store: Principal,
        key: BlobKey,
    ) -> LocalFuture<PeerResult<DigestProgress>> {
        self.call(Peer::BlobStore(store), "blob_digest", (key,))
    }

    /// Has the store delete some chunks of the blob. A blob that isn't there is deleted.
    pub fn blob_delete(
        &self,
        store: Principal,
        key: BlobKey,
    ) -> LocalFuture<PeerResult<DeleteProgress>> {
        self.call(Peer::BlobStore(store), "blob_delete", (key,))
    }

    /// Has the store let another one read a sealed blob, and tell what there is to read.
    pub fn blob_share(
        &self,
        store: Principal,
        key: BlobKey,
        with: Principal,
    ) -> LocalFuture<PeerResult<SharedBlob>> {
        self.call(Peer::BlobStore(store), "blob_share", (key, with))
    }

    /// Has the store copy the next slice of a blob from another one.
    pub fn blob_pull(
        &self,
        store: Principal,
        key: BlobKey,
        source: Principal,
        shared: &SharedBlob,
    ) -> LocalFuture<PeerResult<PullProgress>> {
        self.call(Peer::BlobStore(store), "blob_pull", (key, source, shared))
    }

    /// The record of a blob.
    pub fn blob_meta(&self, store: Principal, key: BlobKey) -> LocalFuture<PeerResult<StoredBlob>> {
        self.call(Peer::BlobStore(store), "blob_meta", (key,))
    }

    /// The store's report. Stores of release 0.1.0 lack the method.
    pub fn store_status(&self, store: Principal) -> LocalFuture<PeerResult<StoreStatus>> {
        self.call(Peer::BlobStore(store), "store_status", ())
    }

    /// Asks for a blob that doesn't exist. A store of any release answers `NotFound` to a gateway
    /// that it knows, and `Unauthorized` to others.
    pub fn blob_meta_of_nobody(&self, store: Principal) -> LocalFuture<PeerResult<Reserved>> {
        let nobody = BlobKey([0; 32]);
        self.call(Peer::BlobStore(store), "blob_meta", (nobody,))
    }

    /// Whether the canister answers this method in any way.
    pub async fn has_method(
        &self,
        canister: Principal,
        method: &'static str,
        args: impl ArgumentEncoder,
    ) -> bool {
        let peer = Peer::BlobStore(canister);
        self.exchange(peer, method, encoded(args)).await.is_ok()
    }

    pub fn blob_read_chunk(
        &self,
        store: Principal,
        key: BlobKey,
        index: u32,
    ) -> LocalFuture<PeerResult<BlobReply>> {
        self.read(store, "blob_read_chunk", (key, index))
    }

    /// Reads up to `length` bytes from `offset`. Stores of release 0.1.0 lack the method.
    pub fn blob_read_range(
        &self,
        store: Principal,
        key: BlobKey,
        offset: u64,
        length: u64,
    ) -> LocalFuture<PeerResult<BlobReply>> {
        self.read(store, "blob_read_range", (key, offset, length))
    }

    /// Keeps the bytes where the reply has them.
    fn read(
        &self,
        store: Principal,
        method: &'static str,
        args: impl ArgumentEncoder,
    ) -> LocalFuture<PeerResult<BlobReply>> {
        let (peers, peer) = (self.clone(), Peer::BlobStore(store));
        let arg = encoded(args);
        Box::pin(async move {
            let reply = peers.exchange(peer, method, arg).await?;
            let read = BlobReply::read(reply);
            let result = read.map_err(|error| PeerError::undecodable(peer, method, error))?;
            result.map_err(|error| PeerError::refused(peer, Failure::of_peer(error)))
        })
    }
}
