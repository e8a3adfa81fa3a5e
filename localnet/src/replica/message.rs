//! Messages between canisters, and the records of open calls.

use super::types::{MessageId, Reject};
use crate::wasm::Closure;
use candid::Principal;

/// The origin of a request, which waits for the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Ingress(MessageId, Principal),
    /// A canister and its callback. `deadline` ends a bounded wait, in nanoseconds since 1970; 0 is
    /// none.
    Canister {
        id: Principal,
        callback: u64,
        deadline: u64,
    },
    /// A task of the canister itself; nobody waits.
    Task,
}

impl Origin {
    /// The caller that the canister sees. Its own tasks come from the management canister.
    pub fn caller(&self) -> Principal {
        match self {
            Origin::Ingress(_, sender) => *sender,
            Origin::Canister { id, .. } => *id,
            Origin::Task => Principal::management_canister(),
        }
    }

    /// In nanoseconds since 1970; 0 without a deadline.
    pub fn deadline(&self) -> u64 {
        match self {
            Origin::Canister { deadline, .. } => *deadline,
            _ => 0,
        }
    }
}

/// A call in flight.
#[derive(Clone, Debug)]
pub struct Request {
    pub origin: Origin,
    pub callee: Principal,
    pub method: String,
    pub arg: Vec<u8>,
    pub cycles: u128,
}

/// An answer in flight to a callback.
#[derive(Clone, Debug)]
pub struct Response {
    pub callback: u64,
    pub payload: Result<Vec<u8>, Reject>,
    pub refund: u128,
}

/// An entry in a canister's queue.
#[derive(Clone, Debug)]
pub enum Input {
    Request(Request),
    Response(Response),
}

/// A call that a canister received and still works on.
#[derive(Clone, Debug)]
pub struct CallContext {
    pub origin: Origin,
    pub answered: bool,
    /// The cycles of the call that were neither accepted nor refunded.
    pub cycles: u128,
    /// The calls of this context that wait for an answer.
    pub outstanding: usize,
    /// The instructions of all executions so far.
    pub instructions: u64,
}

/// A call that a canister made.
#[derive(Clone, Debug)]
pub struct Callback {
    pub context: u64,
    pub callee: Principal,
    pub on_reply: Closure,
    pub on_reject: Closure,
    pub on_cleanup: Option<Closure>,
    /// In nanoseconds since 1970; 0 without a bound.
    pub deadline: u64,
    /// Whether an answer is in the queue. Later answers are dropped.
    pub answered: bool,
}
