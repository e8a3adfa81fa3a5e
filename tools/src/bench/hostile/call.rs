//! One call of a stranger: method, situation, arguments, and how it must end.

use super::row::Outcome;
use crate::deployment::Part;
use candid::encode_args;
use candid::utils::ArgumentEncoder;

/// The sender of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// A person, whose messages the canisters inspect.
    Person,
    /// A canister, whose calls nobody inspects.
    Canister,
}

pub(super) struct Call {
    pub sender: Sender,
    pub part: Part,
    pub method: &'static str,
    /// The situation in a few words.
    pub situation: &'static str,
    pub outcome: Outcome,
    pub arg: Vec<u8>,
}

impl Call {
    pub fn name(&self) -> String {
        let part = match self.part {
            Part::Gateway => "",
            Part::BlobStore => "store: ",
            Part::MemoryIndex => "index: ",
        };
        let sender = match self.sender {
            Sender::Person => "",
            Sender::Canister => ", by a canister",
        };
        format!("{part}{}, {}{sender}", self.method, self.situation)
    }
}

/// A call of the gateway.
pub(super) fn call(
    method: &'static str,
    situation: &'static str,
    outcome: Outcome,
    args: impl ArgumentEncoder,
) -> Call {
    Call {
        sender: Sender::Person,
        part: Part::Gateway,
        method,
        situation,
        outcome,
        arg: encode_args(args).expect("BUG: the arguments can be encoded"),
    }
}
