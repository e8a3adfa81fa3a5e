//! What a run sends out: its answer and its calls.

use candid::Principal;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    Reply(Vec<u8>),
    Reject(String),
}

/// A function of the table and what it is called with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closure {
    pub function: u64,
    pub env: u64,
}

/// A call under construction, and then on its way.
#[derive(Clone, Debug)]
pub struct OutgoingCall {
    pub callee: Principal,
    pub method: String,
    pub arg: Vec<u8>,
    pub cycles: u128,
    pub on_reply: Closure,
    pub on_reject: Closure,
    pub on_cleanup: Option<Closure>,
    /// Seconds, at most 300; `None` waits without bound.
    pub timeout: Option<u32>,
}
