//! The other canisters: typed calls to the memory index and the blob stores, capped in number.

use crate::failure::Failure;
use crate::runtime::{CallFailure, Runtime};
use crate::session::types::LocalFuture;
use crate::wire;
use candid::utils::{ArgumentEncoder, encode_args};
use candid::{CandidType, Principal};
use capsule_shared::blob_store::{DeleteProgress, DigestProgress};
use capsule_shared::capsule::{Capsule, CapsuleHeader, CapsuleInfo, PersonRef};
use capsule_shared::memory_index::{BlobPlace, CapsuleUsage, Memory, MemoryCommit, MemoryPage};
use capsule_shared::{BlobId, BlobKey};
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The most calls that are open at once, to one peer and to all. The platform queues 500 to one canister, and each holds
/// back cycles until it returns.
#[derive(Clone, Copy)]
struct Cap {
    per_peer: u32,
    total: u32,
}

/// For what begins: a new upload, a chunk, a capsule.
const NEW_WORK: Cap = Cap {
    per_peer: 400,
    total: 1_000,
};

/// For what ends: finishes, deletions, clean-up. The difference is theirs alone, so that they go on under any load.
const ENDING: Cap = Cap {
    per_peer: 480,
    total: 1_200,
};

fn cap_of(method: &str) -> Cap {
    match method {
        "capsule_create"
        | "capsule_add_controller"
        | "capsule_usage"
        | "blob_open"
        | "blob_put_chunk" => NEW_WORK,
        _ => ENDING,
    }
}

/// Why a peer didn't do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerError {
    /// The call got no usable reply.
    Failed(CallFailure),
    /// The peer's own answer.
    Refused(Failure),
}

pub type PeerResult<T> = std::result::Result<T, PeerError>;

impl PeerError {
    /// Whether the peer may have acted all the same.
    pub fn may_have_acted(&self) -> bool {
        matches!(self, PeerError::Failed(failure) if failure.may_have_acted)
    }
}

/// What the index answers is meant for our caller.
pub fn index_error(error: PeerError) -> Failure {
    match error {
        PeerError::Failed(failure) => {
            Failure::temporary(format!("the memory index gave no answer: {}", failure.text))
        }
        PeerError::Refused(error) => error,
    }
}

/// What the store answers is meant for us: it knows no users.
pub fn store_error(error: PeerError) -> Failure {
    match error {
        PeerError::Failed(failure) => {
            Failure::temporary(format!("the blob store gave no answer: {}", failure.text))
        }
        PeerError::Refused(Failure::Unauthorized) => {
            Failure::temporary("the blob store refuses this gateway, expected it to be registered")
        }
        PeerError::Refused(Failure::NotFound) => {
            Failure::Internal("the blob store doesn't hold this blob".into())
        }
        PeerError::Refused(error) => error,
    }
}

#[derive(Clone)]
pub struct Peers<R> {
    runtime: R,
    open: Rc<RefCell<BTreeMap<Principal, u32>>>,
}

/// Counts one call while it is open; a trap in its callback included.
struct OpenCall {
    open: Rc<RefCell<BTreeMap<Principal, u32>>>,
    callee: Principal,
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let mut open = self.open.borrow_mut();
        if let Some(count) = open.get_mut(&self.callee) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.callee);
            }
        }
    }
}

impl<R: Runtime> Peers<R> {
    pub fn new(runtime: R) -> Self {
        Peers {
            runtime,
            open: Rc::default(),
        }
    }

    /// Calls that wait for an answer now.
    pub fn open_calls(&self) -> u32 {
        self.open.borrow().values().sum()
    }

    fn enter(&self, callee: Principal, cap: Cap) -> PeerResult<OpenCall> {
        let mut open = self.open.borrow_mut();
        let total: u32 = open.values().sum();
        let to_it = open.get(&callee).copied().unwrap_or(0);
        if to_it >= cap.per_peer || total >= cap.total {
            return Err(PeerError::Failed(CallFailure {
                may_have_acted: false,
                text: format!("{to_it} calls to it and {total} in all are open already"),
            }));
        }
        open.insert(callee, to_it + 1);
        drop(open);
        Ok(OpenCall {
            open: self.open.clone(),
            callee,
        })
    }

    async fn call_raw<T: CandidType + DeserializeOwned>(
        self,
        callee: Principal,
        method: &'static str,
        arg: Vec<u8>,
    ) -> PeerResult<T> {
        let open = self.enter(callee, cap_of(method))?;
        let reply = self.runtime.call(callee, method, arg).await;
        drop(open);
        let reply = reply.map_err(PeerError::Failed)?;
        match candid::decode_one::<capsule_shared::Result<T>>(&reply) {
            Ok(answer) => answer.map_err(|error| PeerError::Refused(Failure::of_peer(error))),
            Err(error) => Err(PeerError::Failed(CallFailure {
                may_have_acted: true,
                text: format!("the reply to {method} can't be decoded: {error}"),
            })),
        }
    }

    fn call<T: CandidType + DeserializeOwned + 'static>(
        &self,
        callee: Principal,
        method: &'static str,
        args: impl ArgumentEncoder,
    ) -> LocalFuture<PeerResult<T>> {
        let arg = encode_args(args).expect("BUG: arguments that Candid can't write");
        Box::pin(self.clone().call_raw(callee, method, arg))
    }

    // ---- blob store -------------------------------------------------------------------------------------------

    pub fn blob_open(&self, store: Principal, key: BlobKey) -> LocalFuture<PeerResult<()>> {
        self.call(store, "blob_open", (key,))
    }

    pub fn blob_release(&self, store: Principal, key: BlobKey) -> LocalFuture<PeerResult<()>> {
        self.call(store, "blob_release", (key,))
    }

    pub fn blob_put_chunk(
        &self,
        store: Principal,
        key: &BlobKey,
        index: u32,
        bytes: &[u8],
    ) -> LocalFuture<PeerResult<()>> {
        let arg = wire::encode_put_chunk(key, index, bytes);
        Box::pin(self.clone().call_raw(store, "blob_put_chunk", arg))
    }

    pub fn blob_seal(
        &self,
        store: Principal,
        key: BlobKey,
        chunks: u32,
        bytes: u64,
    ) -> LocalFuture<PeerResult<()>> {
        self.call(store, "blob_seal", (key, chunks, bytes))
    }

    pub fn blob_digest(
        &self,
        store: Principal,
        key: BlobKey,
    ) -> LocalFuture<PeerResult<DigestProgress>> {
        self.call(store, "blob_digest", (key,))
    }

    pub fn blob_delete(
        &self,
        store: Principal,
        key: BlobKey,
    ) -> LocalFuture<PeerResult<DeleteProgress>> {
        self.call(store, "blob_delete", (key,))
    }

    pub fn blob_read_chunk(
        &self,
        store: Principal,
        key: BlobKey,
        index: u32,
    ) -> LocalFuture<PeerResult<ByteBuf>> {
        self.call(store, "blob_read_chunk", (key, index))
    }

    // ---- memory index -----------------------------------------------------------------------------------------

    /// Asks the index something whose refusal has consequences. It says `Unauthorized` to a gateway that isn't
    /// registered, too, which says nothing about the caller's right: that is a failed call here, to be tried again.
    pub async fn ask_index_surely<T>(
        &self,
        index: Principal,
        ask: impl Fn() -> LocalFuture<PeerResult<T>>,
    ) -> PeerResult<T> {
        let answer = ask().await;
        if !matches!(answer, Err(PeerError::Refused(Failure::Unauthorized))) {
            return answer;
        }
        let probe = self.capsule_list(index, self.runtime.self_id()).await;
        if probe.is_err() {
            return Err(PeerError::Failed(CallFailure {
                may_have_acted: false,
                text: "it refuses this gateway, expected it to be registered".into(),
            }));
        }
        // Once more: it may have been registered between the answer and the probe.
        ask().await
    }

    pub fn capsule_create(
        &self,
        index: Principal,
        who: Principal,
        subject: Option<PersonRef>,
    ) -> LocalFuture<PeerResult<Capsule>> {
        self.call(index, "capsule_create", (who, subject))
    }

    pub fn capsule_add_controller(
        &self,
        index: Principal,
        who: Principal,
        capsule: &str,
        controller: Principal,
    ) -> LocalFuture<PeerResult<Capsule>> {
        let args = (who, capsule, controller);
        self.call(index, "capsule_add_controller", args)
    }

    pub fn capsule_remove_controller(
        &self,
        index: Principal,
        who: Principal,
        capsule: &str,
        controller: Principal,
    ) -> LocalFuture<PeerResult<Capsule>> {
        let args = (who, capsule, controller);
        self.call(index, "capsule_remove_controller", args)
    }

    pub fn capsule_read(
        &self,
        index: Principal,
        who: Principal,
        id: Option<String>,
    ) -> LocalFuture<PeerResult<CapsuleInfo>> {
        self.call(index, "capsule_read", (who, id))
    }

    pub fn capsule_list(
        &self,
        index: Principal,
        who: Principal,
    ) -> LocalFuture<PeerResult<Vec<CapsuleHeader>>> {
        self.call(index, "capsule_list", (who,))
    }

    pub fn capsule_usage(
        &self,
        index: Principal,
        who: Principal,
        capsule: &str,
    ) -> LocalFuture<PeerResult<CapsuleUsage>> {
        self.call(index, "capsule_usage", (who, capsule))
    }

    pub fn memory_commit(
        &self,
        index: Principal,
        commit: &MemoryCommit,
    ) -> LocalFuture<PeerResult<Memory>> {
        self.call(index, "memory_commit", (commit,))
    }

    pub fn memory_list(
        &self,
        index: Principal,
        who: Principal,
        capsule: &str,
        cursor: Option<String>,
        limit: Option<u32>,
    ) -> LocalFuture<PeerResult<MemoryPage>> {
        self.call(index, "memory_list", (who, capsule, cursor, limit))
    }

    pub fn memory_read(
        &self,
        index: Principal,
        who: Principal,
        memory: &str,
    ) -> LocalFuture<PeerResult<Memory>> {
        self.call(index, "memory_read", (who, memory))
    }

    pub fn memory_delete(
        &self,
        index: Principal,
        who: Principal,
        memory: &str,
    ) -> LocalFuture<PeerResult<Memory>> {
        self.call(index, "memory_delete", (who, memory))
    }

    pub fn blob_locate(
        &self,
        index: Principal,
        who: Principal,
        blob: BlobId,
    ) -> LocalFuture<PeerResult<BlobPlace>> {
        self.call(index, "blob_locate", (who, blob))
    }
}
