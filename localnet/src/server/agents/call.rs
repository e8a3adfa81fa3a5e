//! Calls: submitted for the next round, then answered with a certificate, or left for the agent to
//! poll.

use super::cbor::{cbor, reject_response};
use super::envelope::{Message, check_effective, open};
use crate::replica::{Call, IngressStatus, MessageId, Network, Reject};
use crate::server::instances::instance::Instance;
use crate::server::instances::live_network::LiveNetwork;
use crate::server::refusal::Refusal;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use candid::Principal;
use ic_transport_types::{EnvelopeContent, TransportCallResponse};
use std::sync::Arc;
use std::time::Duration;

/// How long a call stays open. After that its agent polls for the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Version 2 answers as soon as the call is submitted. Later versions wait for the call's answer.
pub async fn call(
    instance: &Arc<Instance>,
    version: u8,
    effective: Principal,
    body: Bytes,
) -> Result<Response, Refusal> {
    let submitted = instance.with(move |live| submit(live, effective, &body));
    let id = match submitted.await? {
        Ok(id) => id,
        Err(reject) => {
            let rejected = TransportCallResponse::NonReplicatedRejection(reject_response(reject)?);
            return Ok(cbor(StatusCode::OK, &rejected));
        }
    };
    if version == 2 {
        instance.wake();
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    let certificate = instance.wait_for(PATIENCE, move |live| {
        certified(&live.network, effective, &id)
    });
    Ok(match certificate.await? {
        Some(certificate) => {
            let replied = TransportCallResponse::Replied { certificate };
            cbor(StatusCode::OK, &replied)
        }
        None => cbor(StatusCode::ACCEPTED, &TransportCallResponse::Accepted),
    })
}

/// Submits a message. A message that was submitted before only returns its id.
fn submit(
    live: &mut LiveNetwork,
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
            "the message is of another kind, expected a call without sender info",
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
