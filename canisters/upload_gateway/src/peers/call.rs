//! One call to a peer: its cap, its reply, and the error when there is no usable reply.

use crate::failure::Failure;
use crate::runtime::{CallFailure, Runtime};
use crate::session::types::LocalFuture;
use candid::utils::{ArgumentEncoder, encode_args};
use candid::{CandidType, Principal};
use canister_common::funds::MIN_WITH_CALLS;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The most calls that may be open at once, to one peer and in total. The platform queues 500 calls
/// to one canister, and each call holds back cycles until it returns.
#[derive(Clone, Copy)]
struct Cap {
    per_peer: u32,
    total: u32,
}

/// For calls that start something: an upload, a chunk, a capsule.
const NEW_WORK: Cap = Cap {
    per_peer: 400,
    total: 1_000,
};

/// For calls that end something: a finish, a deletion, clean-up. The difference to [`NEW_WORK`] is
/// reserved for them, so that they make progress under any load.
const ENDING: Cap = Cap {
    per_peer: 480,
    total: 1_200,
};

/// Below these, and above [`JOBS_LIQUID`], jobs start. They use at most half of the places for new
/// work, so that a long queue keeps back neither chunks nor finishes.
const JOBS: Cap = Cap {
    per_peer: 200,
    total: 500,
};

/// Spendable cycles below which jobs keep to [`FEW_JOBS`]. Each open call holds back 42 G cycles,
/// and users need [`MIN_WITH_CALLS`] to begin something.
const JOBS_LIQUID: u128 = 2 * MIN_WITH_CALLS;

/// Calls below which jobs start however few cycles there are, so that clean-up goes on.
const FEW_JOBS: u32 = 10;

/// The cap of every method of every peer.
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

/// The canister that a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    MemoryIndex(Principal),
    BlobStore(Principal),
}

impl Peer {
    fn id(self) -> Principal {
        match self {
            Peer::MemoryIndex(id) | Peer::BlobStore(id) => id,
        }
    }
}

/// Why a peer didn't do what the gateway asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerError {
    peer: Peer,
    cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    /// No usable reply arrived.
    NoAnswer(CallFailure),
    /// The peer answered with this error.
    Refused(Failure),
}

pub type PeerResult<T> = std::result::Result<T, PeerError>;

impl PeerError {
    pub(super) fn no_answer(peer: Peer, call: CallFailure) -> Self {
        let cause = Cause::NoAnswer(call);
        PeerError { peer, cause }
    }

    /// Whether the peer may have acted although no usable reply arrived.
    pub fn may_have_acted(&self) -> bool {
        matches!(&self.cause, Cause::NoAnswer(call) if call.may_have_acted)
    }

    /// The peer's own answer, if there is one.
    pub fn refusal(&self) -> Option<&Failure> {
        match &self.cause {
            Cause::Refused(failure) => Some(failure),
            Cause::NoAnswer(_) => None,
        }
    }
}

/// The gateway's caller learns this failure. The index answers for the caller's rights, so its
/// error passes through. The store knows no users, so its refusals concern the gateway.
impl From<PeerError> for Failure {
    fn from(error: PeerError) -> Self {
        match (error.peer, error.cause) {
            (Peer::MemoryIndex(_), Cause::Refused(failure)) => failure,
            (Peer::MemoryIndex(_), Cause::NoAnswer(call)) => {
                Failure::temporary(format!("the memory index gave no answer: {}", call.text))
            }
            (Peer::BlobStore(_), Cause::Refused(Failure::Unauthorized)) => Failure::temporary(
                "the blob store refuses this gateway, expected it to be registered",
            ),
            (Peer::BlobStore(_), Cause::Refused(Failure::NotFound)) => {
                Failure::Internal("the blob store doesn't hold this blob".into())
            }
            (Peer::BlobStore(_), Cause::Refused(failure)) => failure,
            (Peer::BlobStore(_), Cause::NoAnswer(call)) => {
                Failure::temporary(format!("the blob store gave no answer: {}", call.text))
            }
        }
    }
}

/// Makes the calls and counts the open ones. A clone counts together with the original.
#[derive(Clone)]
pub struct Peers<R> {
    pub(super) runtime: R,
    open: Rc<RefCell<BTreeMap<Principal, u32>>>,
}

/// Counts one call while it is open. Dropping it ends the count, also when a callback traps.
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

    /// How many calls wait for an answer.
    pub fn open_calls(&self) -> u32 {
        self.open.borrow().values().sum()
    }

    /// Whether another job that makes calls may start.
    pub fn have_room_for_jobs(&self) -> bool {
        let open = self.open_calls();
        let rich = self.runtime.liquid_cycles() >= JOBS_LIQUID;
        open < FEW_JOBS || (open < JOBS.total && rich)
    }

    /// Whether this peer has as many open calls as jobs may make.
    pub fn is_busy_with_jobs(&self, callee: Principal) -> bool {
        let open = self.open.borrow();
        open.get(&callee).is_some_and(|open| *open >= JOBS.per_peer)
    }

    fn enter(&self, callee: Principal, cap: Cap) -> Result<OpenCall, CallFailure> {
        let mut open = self.open.borrow_mut();
        let total: u32 = open.values().sum();
        let to_it = open.get(&callee).copied().unwrap_or(0);
        if to_it >= cap.per_peer || total >= cap.total {
            return Err(CallFailure {
                may_have_acted: false,
                text: format!(
                    "{to_it} calls to it and {total} in total are open, \
                     expected fewer than {} and {}",
                    cap.per_peer, cap.total
                ),
            });
        }
        open.insert(callee, to_it + 1);
        drop(open);
        Ok(OpenCall {
            open: self.open.clone(),
            callee,
        })
    }

    async fn send<T: CandidType + DeserializeOwned>(
        self,
        peer: Peer,
        method: &'static str,
        arg: Vec<u8>,
    ) -> PeerResult<T> {
        let no_answer = |call| PeerError::no_answer(peer, call);
        let open = self.enter(peer.id(), cap_of(method)).map_err(no_answer)?;
        let reply = self.runtime.call(peer.id(), method, arg).await;
        drop(open);
        let reply = reply.map_err(no_answer)?;
        match candid::decode_one::<capsule_shared::Result<T>>(&reply) {
            Ok(answer) => answer.map_err(|error| {
                let cause = Cause::Refused(Failure::of_peer(error));
                PeerError { peer, cause }
            }),
            Err(error) => Err(no_answer(CallFailure {
                may_have_acted: true,
                text: format!("the reply to {method} can't be decoded: {error}"),
            })),
        }
    }

    /// Calls `method` with arguments that are Candid already.
    pub(super) fn call_raw<T: CandidType + DeserializeOwned + 'static>(
        &self,
        peer: Peer,
        method: &'static str,
        arg: Vec<u8>,
    ) -> LocalFuture<PeerResult<T>> {
        Box::pin(self.clone().send(peer, method, arg))
    }

    pub(super) fn call<T: CandidType + DeserializeOwned + 'static>(
        &self,
        peer: Peer,
        method: &'static str,
        args: impl ArgumentEncoder,
    ) -> LocalFuture<PeerResult<T>> {
        let arg = encode_args(args).expect("BUG: Candid can't write the arguments");
        self.call_raw(peer, method, arg)
    }
}
