//! Opens what an agent sent: the envelope around a message, its expiry, its signature, and the
//! canister in its path.

use super::auth;
use super::date::date;
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
/// Refuses with 400 if the bytes are no envelope, the expiry is out of range, or a delegation has
/// expired. Refuses with 403 if the signature or a delegation isn't valid.
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
    if expires(&envelope) && !(from..=to).contains(&expiry) {
        return Err(Refusal::bad_request(format!(
            "Invalid request expiry: Specified ingress_expiry not within expected range: \
             Minimum allowed expiry: {}, Maximum allowed expiry: {}, Provided expiry:        {}",
            date(from),
            date(to),
            date(expiry)
        )));
    }
    auth::check(&envelope, now)?;
    let content = envelope.content.into_owned();
    let id = content.to_request_id();
    Ok(Message { content, id })
}

/// Whether the expiry of a message matters. Nobody can misuse an anonymous read later, and its
/// answer tells an agent whose clock is wrong what time it is.
fn expires(envelope: &Envelope) -> bool {
    let anonymous = *envelope.content.sender() == Principal::anonymous();
    !anonymous || matches!(&*envelope.content, EnvelopeContent::Call { .. })
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

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::pkcs8::EncodePublicKey;
    use ed25519_dalek::{Signer, SigningKey};
    use ic_transport_types::{Delegation, SignedDelegation};
    use std::borrow::Cow;

    const NOW: u64 = 1_900_000_000_000_000_000;

    fn query(sender: Principal, ingress_expiry: u64) -> EnvelopeContent {
        EnvelopeContent::Query {
            ingress_expiry,
            sender,
            canister_id: Principal::management_canister(),
            method_name: "look".into(),
            arg: vec![],
            nonce: None,
            sender_info: None,
        }
    }

    fn call(sender: Principal, ingress_expiry: u64) -> EnvelopeContent {
        EnvelopeContent::Call {
            nonce: None,
            ingress_expiry,
            sender,
            canister_id: Principal::management_canister(),
            method_name: "act".into(),
            arg: vec![],
            sender_info: None,
        }
    }

    fn read(sender: Principal, ingress_expiry: u64) -> EnvelopeContent {
        EnvelopeContent::ReadState {
            ingress_expiry,
            sender,
            paths: vec![vec!["time".into()]],
        }
    }

    fn open_plain(content: EnvelopeContent) -> Result<Message, Refusal> {
        let envelope = Envelope {
            content: Cow::Owned(content),
            sender_pubkey: None,
            sender_sig: None,
            sender_delegation: None,
        };
        open(&serde_cbor::to_vec(&envelope).unwrap(), NOW)
    }

    #[test]
    fn only_anonymous_reads_may_expire_at_any_time() {
        let anonymous = Principal::anonymous();
        for expiry in [0, NOW - 1, NOW + 3_600_000_000_000, u64::MAX] {
            assert!(open_plain(query(anonymous, expiry)).is_ok(), "{expiry}");
            assert!(open_plain(read(anonymous, expiry)).is_ok(), "{expiry}");
            let refused = open_plain(call(anonymous, expiry)).err().unwrap();
            assert_eq!(refused.status, 400);
            let words = "Invalid request expiry: Specified ingress_expiry not within expected \
                         range: Minimum allowed expiry: 2030-03-17 17:46:40 UTC, Maximum allowed \
                         expiry: 2030-03-17 17:52:40 UTC, Provided expiry:        ";
            assert!(refused.message.starts_with(words), "{}", refused.message);
            // the expiry comes before the missing signature
            let alice = Principal::self_authenticating("alice");
            for content in [query(alice, 0), read(alice, 0)] {
                assert_eq!(open_plain(content).err().unwrap().status, 400);
            }
        }
        assert!(open_plain(call(anonymous, NOW + 1)).is_ok());
    }

    #[test]
    fn an_expired_delegation_is_refused_in_words_that_frontends_know() {
        let owner = SigningKey::from_bytes(&[1; 32]);
        let session = SigningKey::from_bytes(&[2; 32]);
        let der = |key: &SigningKey| key.verifying_key().to_public_key_der().unwrap().into_vec();
        let opened = |expiration| {
            let delegation = Delegation {
                pubkey: der(&session),
                expiration,
                targets: None,
                permissions: None,
            };
            let signature = owner.sign(&delegation.signable()).to_vec();
            let sender = Principal::self_authenticating(der(&owner));
            let content = query(sender, NOW + 1);
            let signed = session.sign(&content.to_request_id().signable());
            let envelope = Envelope {
                content: Cow::Owned(content),
                sender_pubkey: Some(der(&owner)),
                sender_sig: Some(signed.to_vec()),
                sender_delegation: Some(vec![SignedDelegation {
                    delegation,
                    signature,
                }]),
            };
            open(&serde_cbor::to_vec(&envelope).unwrap(), NOW)
        };
        assert!(opened(NOW).is_ok());
        let refused = opened(NOW - 1).err().unwrap();
        assert_eq!(refused.status, 400);
        let words = "Invalid delegation expiry: Specified sender delegation has expired";
        assert!(refused.message.starts_with(words), "{}", refused.message);
    }
}
