//! The answer and the calls of a run.

use candid::Principal;

/// The answer of a canister to its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    Reply(Vec<u8>),
    Reject(String),
}

/// A function of the table and its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closure {
    pub function: u64,
    pub env: u64,
}

/// A call to another canister.
#[derive(Clone, Debug)]
pub struct OutgoingCall {
    pub callee: Principal,
    pub method: String,
    pub arg: Vec<u8>,
    pub cycles: u128,
    pub on_reply: Closure,
    pub on_reject: Closure,
    pub on_cleanup: Option<Closure>,
    /// In seconds, at most 300; `None` waits without bound.
    pub timeout: Option<u32>,
}
