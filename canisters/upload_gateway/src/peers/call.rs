//! One call to a peer: its place among the open ones, its reply, and the error when there is no
//! usable reply.

use super::shares::{Class, OpenCalls, class_of};
use crate::failure::Failure;
use crate::runtime::{CallFailure, FailureKind, Runtime};
use crate::session::types::LocalFuture;
use candid::utils::{ArgumentEncoder, encode_args};
use candid::{CandidType, Principal};
use canister_common::funds::MIN_WITH_CALLS;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

/// The most open calls of jobs, to one peer and in all. The rest of the share of ending is for the
/// finishes and deletions of users.
const JOBS_TO_ONE: u32 = 200;
const JOBS_IN_ALL: u32 = 400;

/// Spendable cycles below which jobs keep to [`FEW_JOBS`]. Each open call holds back 42 G cycles,
/// and users need [`MIN_WITH_CALLS`] to begin something.
const JOBS_LIQUID: u128 = 2 * MIN_WITH_CALLS;

/// Calls below which jobs start however few cycles there are, so that clean-up goes on.
const FEW_JOBS: u32 = 10;

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

/// A peer's reply.
pub(super) struct Answer<T> {
    pub result: PeerResult<T>,
    /// Whether the index knows this gateway. Stores and indexes of release 0.1.0 don't say it.
    pub known: Option<bool>,
}

impl PeerError {
    pub(super) fn no_answer(peer: Peer, call: CallFailure) -> Self {
        let cause = Cause::NoAnswer(call);
        PeerError { peer, cause }
    }

    /// The peer acted, but its reply isn't Candid of the expected type.
    pub(super) fn undecodable(peer: Peer, method: &str, error: impl Display) -> Self {
        let call = CallFailure {
            may_have_acted: true,
            kind: FailureKind::Rejected,
            text: format!("the reply to {method} can't be decoded: {error}"),
        };
        PeerError::no_answer(peer, call)
    }

    /// The peer answered with an error.
    pub(super) fn refused(peer: Peer, failure: Failure) -> Self {
        let cause = Cause::Refused(failure);
        PeerError { peer, cause }
    }

    /// Whether the peer may have acted although no usable reply arrived.
    pub fn may_have_acted(&self) -> bool {
        matches!(&self.cause, Cause::NoAnswer(call) if call.may_have_acted)
    }

    /// How far the call got, if no usable reply arrived.
    pub fn kind(&self) -> Option<FailureKind> {
        match &self.cause {
            Cause::NoAnswer(call) => Some(call.kind),
            Cause::Refused(_) => None,
        }
    }

    /// Whether the peer has no such method. It did nothing: it is of an older release, or another
    /// canister. Release 0.1.0 is known by this alone.
    pub fn lacks_method(&self) -> bool {
        self.kind() == Some(FailureKind::NoMethod)
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
    open: Rc<RefCell<OpenCalls>>,
}

/// Counts one call while it is open. Dropping it ends the count, also when a callback traps.
struct OpenCall {
    open: Rc<RefCell<OpenCalls>>,
    callee: Principal,
    class: Class,
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.open.borrow_mut().leave(self.callee, self.class);
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
        self.open.borrow().count()
    }

    /// The same by class.
    pub fn open_calls_by_class(&self) -> [(&'static str, u32); 3] {
        let open = self.open.borrow();
        Class::ALL.map(|class| (class.name(), open.of(class)))
    }

    /// Whether another job that makes calls may start.
    pub fn have_room_for_jobs(&self) -> bool {
        let open = self.open.borrow().of(Class::Ending);
        let rich = self.runtime.liquid_cycles() >= JOBS_LIQUID;
        open < FEW_JOBS || (open < JOBS_IN_ALL && rich)
    }

    /// Whether this peer has as many open calls as jobs may make.
    pub fn is_busy_with_jobs(&self, callee: Principal) -> bool {
        self.open.borrow().to(callee, Class::Ending) >= JOBS_TO_ONE
    }

    /// Counts a call of an update or the timer. Calls of queries have no bound here.
    fn enter(&self, callee: Principal, method: &str) -> Result<Option<OpenCall>, CallFailure> {
        if self.runtime.in_query() {
            return Ok(None);
        }
        let class = class_of(method).unwrap_or(Class::Asking);
        let entered = self.open.borrow_mut().enter(callee, class);
        entered.map_err(|text| CallFailure {
            may_have_acted: false,
            kind: FailureKind::HeldBack,
            text,
        })?;
        Ok(Some(OpenCall {
            open: self.open.clone(),
            callee,
            class,
        }))
    }

    /// Sends a call and waits for its reply, which is Candid.
    pub(super) async fn exchange(
        &self,
        peer: Peer,
        method: &'static str,
        arg: Vec<u8>,
    ) -> PeerResult<Vec<u8>> {
        let no_answer = |call| PeerError::no_answer(peer, call);
        let open = self.enter(peer.id(), method).map_err(no_answer)?;
        let reply = self.runtime.call(peer.id(), method, arg).await;
        drop(open);
        reply.map_err(no_answer)
    }

    pub(super) async fn send<T: CandidType + DeserializeOwned>(
        &self,
        peer: Peer,
        method: &'static str,
        arg: Vec<u8>,
    ) -> PeerResult<Answer<T>> {
        let reply = self.exchange(peer, method, arg).await?;
        let decoded = candid::decode_args::<(capsule_shared::Result<T>, Option<bool>)>(&reply);
        let (result, known) =
            decoded.map_err(|error| PeerError::undecodable(peer, method, error))?;
        Ok(Answer {
            result: result.map_err(|error| PeerError::refused(peer, Failure::of_peer(error))),
            known,
        })
    }

    /// Calls `method` with arguments that are Candid already.
    pub(super) fn call_raw<T: CandidType + DeserializeOwned + 'static>(
        &self,
        peer: Peer,
        method: &'static str,
        arg: Vec<u8>,
    ) -> LocalFuture<PeerResult<T>> {
        let peers = self.clone();
        Box::pin(async move {
            match peer {
                Peer::MemoryIndex(index) => peers.ask_index(index, method, arg).await,
                Peer::BlobStore(_) => peers.send(peer, method, arg).await?.result,
            }
        })
    }

    pub(super) fn call<T: CandidType + DeserializeOwned + 'static>(
        &self,
        peer: Peer,
        method: &'static str,
        args: impl ArgumentEncoder,
    ) -> LocalFuture<PeerResult<T>> {
        self.call_raw(peer, method, encoded(args))
    }
}

pub(super) fn encoded(args: impl ArgumentEncoder) -> Vec<u8> {
    encode_args(args).expect("BUG: Candid can't write the arguments")
}
