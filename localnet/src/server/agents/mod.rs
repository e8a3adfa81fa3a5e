//! The IC HTTP interface of one instance: status, calls, queries, and reads of the certified state.
//!
//! `envelope` decides who sent a message and whether it may be accepted. `call`, `query` and
//! `read_state` run it. A message that can't be accepted is refused with an HTTP status and one
//! line of text; a reject of a canister is an answer.
//!
//! This room uses the network and `server::{body, instances, refusal}`.

mod auth;
mod call;
mod cbor;
mod date;
mod envelope;
mod query;
mod read_state;

use super::body::read_whole;
use super::instances::instance::Instance;
use super::refusal::Refusal;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use candid::Principal;
use cbor::cbor;
use serde::Serialize;
use serde_bytes::ByteBuf;
use std::sync::Arc;

/// The largest body in bytes: the limit of official replicas. The message in it has a lower limit.
const MAX_BODY_BYTES: usize = 5 << 20;

/// Answers a request whose path is `api/...`.
pub async fn serve(instance: Arc<Instance>, path: &str, request: Request) -> Response {
    let method = request.method().clone();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let answered = match (&method, segments.as_slice()) {
        (&Method::GET, ["api", "v2", "status"]) => status(&instance).await,
        (
            &Method::POST,
            [
                "api",
                version,
                scope @ ("canister" | "subnet"),
                id,
                operation,
            ],
        ) => match number(version).zip(Principal::from_text(id).ok()) {
            Some((version, id)) => {
                let to = (version, *scope, *operation);
                operate(&instance, to, id, request.into_body()).await
            }
            None => Err(Refusal::bad_request(format!(
                "the path is {path}, expected a version v2 to v4 and a principal"
            ))),
        },
        _ => Err(unknown(&method, path)),
    };
    answered.unwrap_or_else(Refusal::into_plain_text)
}

fn number(version: &str) -> Option<u8> {
    match version {
        "v2" => Some(2),
        "v3" => Some(3),
        "v4" => Some(4),
        _ => None,
    }
}

fn unknown(method: &Method, path: &str) -> Refusal {
    Refusal::not_found(format!("localnet has no endpoint {method} {path}"))
}

async fn operate(
    instance: &Arc<Instance>,
    (version, scope, operation): (u8, &str, &str),
    id: Principal,
    body: Body,
) -> Result<Response, Refusal> {
    let body = read_whole(body, MAX_BODY_BYTES).await?;
    match (scope, operation, version) {
        ("canister", "call", _) | ("subnet", "call", 4) => {
            call::call(instance, version, id, body).await
        }
        ("canister", "query", 2 | 3) | ("subnet", "query", 3) => {
            query::query(instance, id, body).await
        }
        (_, "read_state", 2 | 3) => read_state::read_state(instance, id, body).await,
        _ => Err(unknown(
            &Method::POST,
            &format!("api/v{version}/{scope}/{id}/{operation}"),
        )),
    }
}

#[derive(Serialize)]
struct Status {
    ic_api_version: &'static str,
    impl_version: String,
    replica_health_status: &'static str,
    root_key: ByteBuf,
}

async fn status(instance: &Arc<Instance>) -> Result<Response, Refusal> {
    let root_key = instance.with(|live| Ok(live.network.root_key())).await?;
    Ok(cbor(
        StatusCode::OK,
        &Status {
            ic_api_version: "0.18.0",
            impl_version: format!("localnet {}", env!("CARGO_PKG_VERSION")),
            replica_health_status: "healthy",
            root_key: ByteBuf::from(root_key),
        },
    ))
}
