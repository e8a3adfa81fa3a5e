//! Queries: run at once on the current state. The node signs the answer.

use super::cbor::{cbor, reject_response};
use super::envelope::{Message, check_effective, open};
use crate::replica::Call;
use crate::server::instances::instance::Instance;
use crate::server::instances::live_network::LiveNetwork;
use crate::server::refusal::Refusal;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use candid::Principal;
use ic_transport_types::{EnvelopeContent, NodeSignature, QueryResponse, ReplyResponse};
use std::sync::Arc;

pub async fn query(
    instance: &Arc<Instance>,
    effective: Principal,
    body: Bytes,
) -> Result<Response, Refusal> {
    let answer = instance.with(move |live| answer(live, effective, &body));
    Ok(cbor(StatusCode::OK, &answer.await?))
}

fn answer(
    live: &mut LiveNetwork,
    effective: Principal,
    body: &[u8],
) -> Result<QueryResponse, Refusal> {
    let network = &mut live.network;
    let Message { content, id } = open(body, network.time())?;
    let EnvelopeContent::Query {
        sender,
        canister_id,
        method_name,
        arg,
        sender_info: None,
        ..
    } = content
    else {
        return Err(Refusal::bad_request(
            "the message is of another kind, expected a query without sender info",
        ));
    };
    check_effective(canister_id, effective, &method_name, &arg)?;
    let answer = network.query(Call {
        sender,
        canister: canister_id,
        method: method_name,
        arg,
        effective: Some(effective),
    });
    let mut response = match answer {
        Ok(arg) => QueryResponse::Replied {
            reply: ReplyResponse { arg },
            signatures: vec![],
        },
        Err(reject) => QueryResponse::Rejected {
            reject: reject_response(reject)?,
            signatures: vec![],
        },
    };
    let timestamp = network.time();
    let signature = network.sign_as_node(&response.signable(id, timestamp));
    let (QueryResponse::Replied { signatures, .. } | QueryResponse::Rejected { signatures, .. }) =
        &mut response;
    signatures.push(NodeSignature {
        timestamp,
        signature,
        identity: network.node_id(),
    });
    Ok(response)
}
