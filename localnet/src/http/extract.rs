//! What handlers take from a request: the instance it addresses, how long its sender waits, and its JSON body.

use super::Server;
use super::error::Refusal;
use super::instances::Instance;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// Names how many milliseconds the client keeps one request open before it prefers to poll.
const TIMEOUT_HEADER: &str = "processing-timeout-ms";

/// How long a request stays open where it does not say so: what the official server takes.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);

/// The longest time a request may stay open.
const MAX_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

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
