//! Arguments and answers of the management canister.

use crate::prices;
use crate::replica::network::Network;
use crate::replica::types::{Answer, EMPTY_REPLY, Reject};
use crate::wasm::help;
use candid::utils::{ArgumentDecoder, decode_args_with_config};
use candid::{CandidType, DecoderConfig, Principal};

/// A reply with one value.
pub fn reply<T: CandidType>(value: &T) -> Answer {
    Ok(candid::encode_one(value).expect("BUG: a reply that can't be encoded"))
}

/// A reply without a value.
pub fn done() -> Answer {
    Ok(EMPTY_REPLY.to_vec())
}

/// The reject for an argument that cannot be decoded.
pub fn bad_payload(what: impl std::fmt::Display) -> Reject {
    Reject::new(408, format!("Error decoding candid: {what}"))
}

/// Decodes an argument. Fails with [`bad_payload`].
pub fn decode<T>(arg: &[u8]) -> Result<T, Reject>
where
    (T,): for<'a> ArgumentDecoder<'a>,
{
    // without a quota, since modules are large and the caller has paid for their bytes
    let config = DecoderConfig::new();
    decode_args_with_config::<(T,)>(arg, &config)
        .map(|(value,)| value)
        .map_err(|e| bad_payload(e.to_string().lines().next().unwrap_or("")))
}

/// A reject of the management canister itself, with reject code 4.
pub fn refuse(message: impl Into<String>) -> Reject {
    Reject::new(406, message)
}

/// A text with the advice of an official server on a line of its own.
pub fn with_help(text: String, suggestion: &str, section: &str) -> String {
    format!("{text}\n{}", help(suggestion, section))
}

/// The reject for a memory allocation that is smaller than the canister.
pub fn allocation_too_small(bytes: u64, used: u64) -> Reject {
    Reject::new(
        402,
        with_help(
            format!(
                "Canister was given {} memory allocation but at least {used} of memory is needed.",
                prices::memory(bytes)
            ),
            "Try increasing the canister's memory allocation.",
            "not-enough-memory-allocation-given",
        ),
    )
}

/// The reject for a sender who is not among the canister controllers.
pub fn not_controller(network: &Network, canister: Principal, sender: Principal) -> Reject {
    let controllers = network.controllers(canister).unwrap_or_default();
    let names: Vec<String> = controllers.iter().map(Principal::to_text).collect();
    Reject::new(
        512,
        with_help(
            format!(
                "Only the controllers of the canister {canister} can control it.\nCanister's \
                 controllers: {}\nSender's ID: {sender}",
                names.join(" ")
            ),
            "Execute this call from a controller of the target canister or add the current caller \
             as a controller.",
            "invalid-controller",
        ),
    )
}
