//! Opens what an agent sent: the envelope around a message, its age, and its signature.

use super::auth;
use crate::http::error::Refusal;
use ic_transport_types::{Envelope, EnvelopeContent, RequestId};

/// How far in the future a message may expire, nanoseconds: five minutes, and what clocks may differ by.
const MAX_AHEAD_NS: u64 = 5 * 60_000_000_000;
const DRIFT_NS: u64 = 60_000_000_000;

/// A message that may be taken.
pub struct Message {
    pub content: EnvelopeContent,
    pub id: RequestId,
}

/// Opens a message at the time `now` (nanoseconds since 1970).
pub fn open(bytes: &[u8], now: u64) -> Result<Message, Refusal> {
    let envelope: Envelope = serde_cbor::from_slice(bytes)
        .map_err(|e| Refusal::bad_request(format!("the body is no CBOR envelope: {e}")))?;
    let expiry = envelope.content.ingress_expiry();
    let read = matches!(&*envelope.content, EnvelopeContent::ReadState { .. });
    let (from, to) = (now, now + MAX_AHEAD_NS + DRIFT_NS);
    // clocks may differ the other way as well, where nothing is executed twice
    let from = match read {
        true => from.saturating_sub(DRIFT_NS),
        false => from,
    };
    if !(from..=to).contains(&expiry) {
        return Err(Refusal::bad_request(format!(
            "Invalid request expiry: Specified ingress_expiry not within expected range: Minimum allowed expiry: {from}, Maximum allowed expiry: {to}, Provided expiry: {expiry}"
        )));
    }
    auth::check(&envelope, now).map_err(Refusal::forbidden)?;
    let content = envelope.content.into_owned();
    let id = content.to_request_id();
    Ok(Message { content, id })
}
