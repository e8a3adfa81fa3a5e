//! Messages between canisters, and what a canister remembers of the calls that are open.

use super::types::{MessageId, Reject};
use crate::wasm::Closure;
use candid::Principal;

/// Who waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Ingress(MessageId, Principal),
    /// A canister and its callback; with the deadline of a bounded wait (nanoseconds since 1970, 0 without).
    Canister {
        id: Principal,
        callback: u64,
        deadline: u64,
    },
    /// The canister itself, by timer or heartbeat: nobody waits.
    Task,
}

impl Origin {
    /// Whom the canister sees as its caller; its own tasks come from the management canister.
    pub fn caller(&self) -> Principal {
        match self {
            Origin::Ingress(_, sender) => *sender,
            Origin::Canister { id, .. } => *id,
            Origin::Task => Principal::management_canister(),
        }
    }

    pub fn deadline(&self) -> u64 {
        match self {
            Origin::Canister { deadline, .. } => *deadline,
            _ => 0,
        }
    }
}

/// A call on its way.
#[derive(Clone, Debug)]
pub struct Request {
    pub origin: Origin,
    pub callee: Principal,
    pub method: String,
    pub arg: Vec<u8>,
    pub cycles: u128,
}

/// An answer on its way back to a callback.
#[derive(Clone, Debug)]
pub struct Response {
    pub callback: u64,
    pub payload: Result<Vec<u8>, Reject>,
    pub refund: u128,
}

/// What waits in a canister's queue.
#[derive(Clone, Debug)]
pub enum Input {
    Request(Request),
    Response(Response),
}

/// A call that the canister has not finished answering.
#[derive(Clone, Debug)]
pub struct CallContext {
    pub origin: Origin,
    pub answered: bool,
    /// Cycles that came with the call and were neither accepted nor given back.
    pub cycles: u128,
    /// Calls of this context whose answers are not here.
    pub outstanding: usize,
    /// Instructions of all executions so far.
    pub instructions: u64,
}

/// A call that the canister made.
#[derive(Clone, Debug)]
pub struct Callback {
    pub context: u64,
    pub callee: Principal,
    pub on_reply: Closure,
    pub on_reject: Closure,
    pub on_cleanup: Option<Closure>,
    /// Nanoseconds since 1970, 0 without bound.
    pub deadline: u64,
    /// The answer is in the queue; what comes later is dropped.
    pub answered: bool,
}
