//! What handlers take from a request: the instance it addresses, how long its sender waits, and its JSON body.

use super::Server;
use super::error::Refusal;
use super::instances::Instance;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Names how many milliseconds the client keeps one request open before it prefers to poll.
const TIMEOUT_HEADER: &str = "processing-timeout-ms";

/// How long a request stays open where it does not say so: what the official server takes.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);

/// The longest time a request may stay open.
const MAX_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the body of an agent's or a browser's request may take to arrive: a few megabytes at most, from the same machine.
const BODY_PATIENCE: Duration = Duration::from_secs(15);

/// A body that is too long is still read so far, because who is sending sees no answer before the end; bytes.
const MAX_DISCARDED_BYTES: usize = 64 << 20;

/// The bytes of a body, once they are all there.
///
/// # Errors
///
/// 413 beyond `max` bytes, 408 where they don't arrive in time, 400 where the sender gave up.
pub async fn whole_body(body: axum::body::Body, max: usize) -> Result<Bytes, Refusal> {
    let refusal = |status, message| Refusal { status, message };
    match timeout(BODY_PATIENCE, collect(body, max)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a body has at most {max} bytes"),
        )),
        Ok(Err(e)) => Err(Refusal::bad_request(format!(
            "the body is not readable: {e}"
        ))),
        Err(_) => Err(refusal(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "the body took more than {} s to arrive",
                BODY_PATIENCE.as_secs()
            ),
        )),
    }
}

/// The bytes of a body, or nothing where they are more than `max`.
async fn collect(mut body: axum::body::Body, max: usize) -> Result<Option<Bytes>, axum::Error> {
    let mut bytes = vec![];
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        length += data.len();
        if length <= max {
            bytes.extend_from_slice(&data);
        } else if length > MAX_DISCARDED_BYTES {
            break;
        }
    }
    Ok((length <= max).then(|| bytes.into()))
}

/// A request to one instance.
pub struct Target {
    pub server: Server,
    pub instance: Arc<Instance>,
    /// How long the request stays open.
    pub patience: Duration,
}

impl FromRequestParts<Server> for Target {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Refusal> {
        let patience = patience(parts)?;
        let params = RawPathParams::from_request_parts(parts, server)
            .await
            .map_err(|e| Refusal::bad_request(format!("the path is not readable: {e}")))?;
        let id = params
            .iter()
            .find_map(|(name, value)| (name == "id").then_some(value))
            .expect("BUG: a route of an instance without its id");
        let id = id.parse().map_err(|_| {
            Refusal::bad_request(format!("an instance id is a whole number, not {id:?}"))
        })?;
        Ok(Self {
            server: server.clone(),
            instance: server.instances.get(id)?,
            patience,
        })
    }
}

fn patience(parts: &Parts) -> Result<Duration, Refusal> {
    let Some(value) = parts.headers.get(TIMEOUT_HEADER) else {
        return Ok(DEFAULT_PATIENCE);
    };
    value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .map(|millis| Duration::from_millis(millis).min(MAX_PATIENCE))
        .ok_or_else(|| {
            Refusal::bad_request(format!(
                "the header {TIMEOUT_HEADER} is a number of milliseconds, not {value:?}"
            ))
        })
}

/// A JSON body of the given type.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Server> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, server: &Server) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, server)
            .await
            .map_err(|e| Refusal {
                status: e.status(),
                message: format!("the body is not readable: {}", e.body_text()),
            })?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|e| Refusal::bad_request(format!("the body is not what was expected: {e}")))
    }
}
