//! Opens what an agent sent: the envelope around a message, its expiry, its signature, and the
//! canister in its path.

use super::auth;
use crate::server::refusal::Refusal;
use candid::Principal;
use ic_transport_types::{Envelope, EnvelopeContent, RequestId};

/// How far in the future a message may expire: five minutes, nanoseconds.
const MAX_AHEAD_NS: u64 = 5 * 60_000_000_000;
/// How much the clocks of agent and network may differ, nanoseconds.
const DRIFT_NS: u64 = 60_000_000_000;

/// A message that may be accepted.
pub struct Message {
    pub content: EnvelopeContent,
    pub id: RequestId,
}

/// Opens a message at the time `now` (nanoseconds since 1970).
///
/// # Errors
///
/// Refuses with 400 if the bytes are no envelope or the expiry is out of range. Refuses with 403 if
/// the signature or a delegation isn't valid.
pub fn open(bytes: &[u8], now: u64) -> Result<Message, Refusal> {
    let envelope: Envelope = serde_cbor::from_slice(bytes)
        .map_err(|e| Refusal::bad_request(format!("the body is no CBOR envelope: {e}")))?;
    let expiry = envelope.content.ingress_expiry();
    let read = matches!(&*envelope.content, EnvelopeContent::ReadState { .. });
    let (from, to) = (now, now + MAX_AHEAD_NS + DRIFT_NS);
    // A read may come late by the drift as well, because it executes nothing that could run twice.
    let from = match read {
        true => from.saturating_sub(DRIFT_NS),
        false => from,
    };
    if !(from..=to).contains(&expiry) {
        return Err(Refusal::bad_request(format!(
            "Invalid request expiry: Specified ingress_expiry not within expected range: \
             Minimum allowed expiry: {from}, Maximum allowed expiry: {to}, \
             Provided expiry: {expiry}"
        )));
    }
    auth::check(&envelope, now).map_err(Refusal::forbidden)?;
    let content = envelope.content.into_owned();
    let id = content.to_request_id();
    Ok(Message { content, id })
}

/// Checks that the path names the canister that the message is for. The path of a message to the
/// management canister names the canister that the message is about.
///
/// # Errors
///
/// Refuses with 400 if the path names another canister.
pub fn check_effective(
    canister: Principal,
    effective: Principal,
    method: &str,
    arg: &[u8],
) -> Result<(), Refusal> {
    let expected = match canister == Principal::management_canister() {
        true => crate::replica::management::about(method, arg),
        false => Some(canister),
    };
    match expected {
        Some(expected) if expected != effective => Err(Refusal::bad_request(format!(
            "the path names {effective}, expected {expected}, which the message is for"
        ))),
        _ => Ok(()),
    }
}
