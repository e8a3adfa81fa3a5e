//! Calls: taken into the next block, answered with a certificate once they are executed, or left to be asked for.

use super::cbor;
use super::envelope::{Message, open};
use crate::http::error::Refusal;
use crate::http::instances::Instance;
use crate::http::live::Live;
use crate::replica::{Call, IngressStatus, MessageId, Network, Reject};
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use candid::Principal;
use ic_transport_types::{EnvelopeContent, RejectCode, RejectResponse, TransportCallResponse};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long a call waits for its answer before its sender is told to ask.
const PATIENCE: Duration = Duration::from_secs(10);

/// Version 2 answers as soon as the call is taken; later versions wait for its answer.
pub async fn call(
    instance: &Arc<Instance>,
    version: u8,
    effective: Principal,
    body: Bytes,
) -> Result<Response, Refusal> {
    let mut rounds = instance.rounds.subscribe();
    let taken = instance.with(move |live| submit(live, effective, &body));
    let id = match taken.await? {
        Ok(id) => id,
        Err(reject) => {
            let rejected = TransportCallResponse::NonReplicatedRejection(reject_response(reject)?);
            return Ok(cbor(StatusCode::OK, &rejected));
        }
    };
    instance.wake.notify_one();
    if version == 2 {
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = id.clone();
        let certificate =
            instance.with(move |live| Ok(certified(&live.network, effective, &asked)));
        if let Some(certificate) = certificate.await? {
            let replied = TransportCallResponse::Replied { certificate };
            return Ok(cbor(StatusCode::OK, &replied));
        }
        // the sender of rounds lives as long as the instance
        if !matches!(timeout_at(deadline, rounds.changed()).await, Ok(Ok(()))) {
            return Ok(cbor(StatusCode::ACCEPTED, &TransportCallResponse::Accepted));
        }
    }
}

/// The same message twice is taken once.
fn submit(
    live: &mut Live,
    effective: Principal,
    body: &[u8],
) -> Result<Result<MessageId, Reject>, Refusal> {
    let Message { content, id } = open(body, live.network.time())?;
    let EnvelopeContent::Call {
        sender,
        canister_id,
        method_name,
        arg,
        ingress_expiry,
        sender_info: None,
        ..
    } = content
    else {
        return Err(Refusal::bad_request(
            "the message is no call without sender info",
        ));
    };
    let id = MessageId(*id);
    check_effective(canister_id, effective, &method_name, &arg)?;
    if !matches!(live.network.status(&id), IngressStatus::Unknown) {
        return Ok(Ok(id));
    }
    let call = Call {
        sender,
        canister: canister_id,
        method: method_name,
        arg,
        effective: Some(effective),
    };
    live.submit(call, Some((id, ingress_expiry)))
}

/// A message goes to the canister that it is for; one to the management canister to the one that it is about.
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
            "the message is for {expected}, but the path names {effective}"
        ))),
        _ => Ok(()),
    }
}

/// The certificate of an answer, if there is one.
fn certified(network: &Network, about: Principal, id: &MessageId) -> Option<Vec<u8>> {
    match network.status(id) {
        IngressStatus::Done(_) => {
            let path = vec![b"request_status".to_vec(), id.0.to_vec()];
            Some(network.read_state(about, &[path]))
        }
        _ => None,
    }
}

/// A reject as the interface writes it; one without a code is a message that can't be taken at all.
pub fn reject_response(reject: Reject) -> Result<RejectResponse, Refusal> {
    match RejectCode::try_from(reject.code) {
        Ok(reject_code) => Ok(RejectResponse {
            reject_code,
            reject_message: reject.message,
            error_code: Some(format!("IC{:04}", reject.error_code)),
        }),
        Err(_) => Err(Refusal::bad_request(reject.message)),
    }
}
