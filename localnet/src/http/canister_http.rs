//! Serves a canister's `http_request` (and, where it asks for it, `http_request_update`) to browsers and scrapers.
//!
//! What comes is not checked against the canister's certificate: this is the machine that made it.

use super::error::Refusal;
use super::extract::whole_body;
use super::ic::plain;
use super::instances::Instance;
use crate::replica::{Call, IngressStatus, MessageId, Reject};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::Response;
use candid::{CandidType, Principal, Reserved};
use serde::Deserialize;
use serde_bytes::ByteBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The largest body that fits into a message beside its envelope, bytes.
const MAX_BODY_BYTES: usize = 2_000_000;
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(CandidType)]
struct HttpRequest {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: ByteBuf,
    certificate_version: Option<u16>,
}

#[derive(CandidType, Deserialize)]
struct HttpResponse {
    status_code: u16,
    headers: Vec<(String, String)>,
    body: ByteBuf,
    streaming_strategy: Option<Reserved>,
    upgrade: Option<bool>,
}

pub async fn serve(instance: Arc<Instance>, request: Request) -> Response {
    answer(instance, request).await.unwrap_or_else(plain)
}

async fn answer(instance: Arc<Instance>, request: Request) -> Result<Response, Refusal> {
    let canister = canister(&request).ok_or_else(|| {
        Refusal::bad_request(
            "this is an Internet Computer on one machine: agents call /api/v2/..., and a canister is served at http://<canister id>.localhost or with ?canisterId=<canister id>",
        )
    })?;
    let (parts, body) = request.into_parts();
    let body = whole_body(body, MAX_BODY_BYTES).await?;
    let headers = parts.headers.iter();
    let request = HttpRequest {
        method: parts.method.to_string(),
        url: parts.uri.to_string(),
        headers: headers
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (name.to_string(), value.into_owned())
            })
            .collect(),
        body: ByteBuf::from(body.to_vec()),
        certificate_version: Some(2),
    };
    let arg = candid::encode_one(&request).expect("BUG: a request is Candid");
    let call = |method: &str| Call {
        sender: Principal::anonymous(),
        canister,
        method: method.into(),
        arg: arg.clone(),
        effective: None,
    };
    let query = call("http_request");
    let reply = instance.with(move |live| live.network.query(query).map_err(bad_gateway));
    let mut response = decode(&reply.await?)?;
    if response.upgrade == Some(true) {
        response = decode(&update(&instance, call("http_request_update")).await?)?;
    }
    if response.streaming_strategy.is_some() {
        return Err(Refusal::not_built("streamed responses of canisters"));
    }
    let mut built = Response::builder().status(response.status_code);
    for (name, value) in &response.headers {
        // of the whole message, which is sent anew
        if !name.eq_ignore_ascii_case(header::CONTENT_LENGTH.as_str()) {
            built = built.header(name, value);
        }
    }
    built
        .body(Body::from(response.body.into_vec()))
        .map_err(|e| gateway_error(format!("the canister's response is no HTTP: {e}")))
}

/// The canister that the host's first label names, or the parameter `canisterId`.
fn canister(request: &Request) -> Option<Principal> {
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    let label = host.split(['.', ':']).next()?;
    let query = request.uri().query().unwrap_or_default();
    let parameter = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("canisterId="));
    Principal::from_text(label)
        .ok()
        .or_else(|| Principal::from_text(parameter?).ok())
}

async fn update(instance: &Arc<Instance>, call: Call) -> Result<Vec<u8>, Refusal> {
    let mut rounds = instance.rounds.subscribe();
    let id = instance.with(move |live| live.submit(call, None)?.map_err(bad_gateway));
    let id: MessageId = id.await?;
    instance.wake.notify_one();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = id.clone();
        let status = instance.with(move |live| Ok(live.network.status(&asked)));
        if let IngressStatus::Done(answer) = status.await? {
            return answer.map_err(bad_gateway);
        }
        if !matches!(timeout_at(deadline, rounds.changed()).await, Ok(Ok(()))) {
            return Err(Refusal {
                status: StatusCode::GATEWAY_TIMEOUT,
                message: format!(
                    "the canister did not answer within {} s",
                    PATIENCE.as_secs()
                ),
            });
        }
    }
}

fn decode(reply: &[u8]) -> Result<HttpResponse, Refusal> {
    candid::decode_one(reply).map_err(|e| {
        gateway_error(format!(
            "the canister's response is not of the interface: {e}"
        ))
    })
}

fn bad_gateway(reject: Reject) -> Refusal {
    gateway_error(reject.message)
}

fn gateway_error(message: String) -> Refusal {
    Refusal {
        status: StatusCode::BAD_GATEWAY,
        message,
    }
}
