//! Serves the HTTP of canisters to browsers and scrapers, by `http_request` and, on request,
//! `http_request_update`.
//!
//! It doesn't verify certificates: the same process runs the canister.

use crate::replica::{Call, IngressStatus, MessageId, Reject};
use crate::server::body::read_whole;
use crate::server::instances::instance::Instance;
use crate::server::refusal::Refusal;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use candid::{CandidType, Principal, Reserved};
use serde::Deserialize;
use serde_bytes::ByteBuf;
use std::sync::Arc;
use std::time::Duration;

/// The largest body in bytes. It fits into a message together with its envelope.
const MAX_BODY_BYTES: usize = 2_000_000;
/// How long a canister may take to answer an update.
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
    answer(instance, request)
        .await
        .unwrap_or_else(Refusal::into_plain_text)
}

async fn answer(instance: Arc<Instance>, request: Request) -> Result<Response, Refusal> {
    let canister = canister(&request).ok_or_else(|| {
        Refusal::bad_request(
            "no canister is named, expected http://<canister id>.localhost \
             or ?canisterId=<canister id>; agents call /api/v2/...",
        )
    })?;
    let (parts, body) = request.into_parts();
    let is_head = parts.method == Method::HEAD;
    let body = read_whole(body, MAX_BODY_BYTES).await?;
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
        return Err(Refusal::not_supported("streamed responses of canisters"));
    }
    let mut built = Response::builder().status(response.status_code);
    for (name, value) in &response.headers {
        // the server computes the length of what it sends; an answer to HEAD has no body, and
        // names the length that GET would send
        if is_head || !name.eq_ignore_ascii_case(header::CONTENT_LENGTH.as_str()) {
            built = built.header(name, value);
        }
    }
    built
        .body(Body::from(response.body.into_vec()))
        .map_err(|e| gateway_error(format!("the canister's response is not valid HTTP: {e}")))
}

/// The canister that the first label of the host or the parameter `canisterId` names.
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

async fn update(instance: &Instance, call: Call) -> Result<Vec<u8>, Refusal> {
    let id = instance.with(move |live| live.submit(call, None)?.map_err(bad_gateway));
    let id: MessageId = id.await?;
    let answer = instance.wait_for(PATIENCE, move |live| match live.network.status(&id) {
        IngressStatus::Done(answer) => Some(answer),
        _ => None,
    });
    match answer.await? {
        Some(answer) => answer.map_err(bad_gateway),
        None => Err(Refusal::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!(
                "the canister did not answer, expected an answer within {} s",
                PATIENCE.as_secs()
            ),
        )),
    }
}

fn decode(reply: &[u8]) -> Result<HttpResponse, Refusal> {
    candid::decode_one(reply).map_err(|e| {
        gateway_error(format!(
            "cannot decode the canister's response, expected an HttpResponse: {e}"
        ))
    })
}

fn bad_gateway(reject: Reject) -> Refusal {
    gateway_error(reject.message)
}

fn gateway_error(message: String) -> Refusal {
    Refusal::new(StatusCode::BAD_GATEWAY, message)
}
