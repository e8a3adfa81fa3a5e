//! Authenticates messages: signatures by Ed25519 and by ECDSA on secp256k1 and P-256, and chains of
//! delegations.

use super::date::date;
use crate::server::refusal::Refusal;
use candid::Principal;
use ic_transport_types::{DelegationPermissions, Envelope, EnvelopeContent, SignedDelegation};
use k256::ecdsa::signature::Verifier;
use k256::pkcs8::DecodePublicKey;

/// The longest chain of delegations that the interface specification allows.
const MAX_DELEGATIONS: usize = 20;
/// The most canisters that the interface specification allows a delegation to name.
const MAX_TARGETS: usize = 1_000;

/// Checks that the sender, or a key that the sender delegated to, signed the envelope. `now` is
/// nanoseconds since 1970.
///
/// # Errors
///
/// Says which signature, key or delegation isn't valid: refused with 403, or with 400 if a
/// delegation has expired.
pub fn check(envelope: &Envelope, now: u64) -> Result<(), Refusal> {
    let content = &*envelope.content;
    let sender = *content.sender();
    if sender == Principal::anonymous() {
        if envelope.sender_pubkey.is_some()
            || envelope.sender_sig.is_some()
            || envelope.sender_delegation.is_some()
        {
            return Err(Refusal::forbidden(
                "the message of the anonymous sender is signed, expected no key and no signature",
            ));
        }
        return Ok(());
    }
    let (Some(key), Some(signature)) = (&envelope.sender_pubkey, &envelope.sender_sig) else {
        return Err(Refusal::forbidden(format!(
            "the message of {sender} is not signed, expected a public key and a signature"
        )));
    };
    if Principal::self_authenticating(key) != sender {
        return Err(Refusal::forbidden(format!(
            "the public key is that of {}, not of the sender {sender}",
            Principal::self_authenticating(key)
        )));
    }
    let no_delegations = vec![];
    let chain = envelope.sender_delegation.as_ref();
    let key = follow(key, chain.unwrap_or(&no_delegations), content, now)?;
    verify(key, &content.to_request_id().signable(), signature)
        .map_err(|e| Refusal::forbidden(format!("the signature of {sender} is not valid: {e}")))
}

/// Checks the chain of delegations that begins with `key`, and returns the key at its end.
fn follow<'a>(
    key: &'a [u8],
    chain: &'a [SignedDelegation],
    content: &EnvelopeContent,
    now: u64,
) -> Result<&'a [u8], Refusal> {
    if chain.len() > MAX_DELEGATIONS {
        return Err(Refusal::forbidden(format!(
            "the message has {} delegations, expected at most {MAX_DELEGATIONS}",
            chain.len()
        )));
    }
    let mut key = key;
    let mut seen = vec![key];
    for signed in chain {
        let delegation = &signed.delegation;
        verify(key, &delegation.signable(), &signed.signature).map_err(|e| {
            Refusal::forbidden(format!("the signature of a delegation is not valid: {e}"))
        })?;
        if delegation.expiration < now {
            // frontends ask for a new login when they see these words
            return Err(Refusal::bad_request(format!(
                "Invalid delegation expiry: Specified sender delegation has expired: Provided \
                 expiry: {}, Local replica time: {}",
                date(delegation.expiration),
                date(now)
            )));
        }
        if let Some(targets) = &delegation.targets {
            check_targets(targets, content).map_err(Refusal::forbidden)?;
        }
        if delegation.permissions == Some(DelegationPermissions::Queries)
            && let EnvelopeContent::Call { .. } = content
        {
            return Err(Refusal::forbidden(
                "a delegation permits queries only, but the message is a call",
            ));
        }
        key = &delegation.pubkey;
        if seen.contains(&key) {
            return Err(Refusal::forbidden("the delegations form a circle"));
        }
        seen.push(key);
    }
    Ok(key)
}

fn check_targets(targets: &[Principal], content: &EnvelopeContent) -> Result<(), String> {
    if targets.len() > MAX_TARGETS {
        return Err(format!(
            "a delegation names {} canisters, expected at most {MAX_TARGETS}",
            targets.len()
        ));
    }
    match content {
        EnvelopeContent::Call { canister_id, .. } | EnvelopeContent::Query { canister_id, .. }
            if !targets.contains(canister_id) =>
        {
            Err(format!("a delegation is not for canister {canister_id}"))
        }
        _ => Ok(()),
    }
}

/// Checks a signature by a public key in DER.
fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), String> {
    if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_der(key) {
        let signature = ed25519_dalek::Signature::from_slice(signature);
        let signature = signature.map_err(|_| malformed("Ed25519"))?;
        return key
            .verify(message, &signature)
            .map_err(|_| forged("Ed25519"));
    }
    if let Ok(key) = k256::ecdsa::VerifyingKey::from_public_key_der(key) {
        let signature = k256::ecdsa::Signature::from_slice(signature);
        let signature = signature.map_err(|_| malformed("secp256k1"))?;
        // both values of s are valid, but this library takes only the smaller one
        let signature = signature.normalize_s().unwrap_or(signature);
        return key
            .verify(message, &signature)
            .map_err(|_| forged("secp256k1"));
    }
    if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(key) {
        let signature = p256::ecdsa::Signature::from_slice(signature);
        let signature = signature.map_err(|_| malformed("P-256"))?;
        return key.verify(message, &signature).map_err(|_| forged("P-256"));
    }
    Err(
        "localnet does not support this kind of key, expected Ed25519, secp256k1 or P-256 in DER"
            .into(),
    )
}

fn malformed(kind: &str) -> String {
    format!("it is malformed, expected a {kind} signature of 64 bytes")
}

fn forged(kind: &str) -> String {
    format!("the {kind} key did not make it")
}
