//! The instance that a request addresses, and how long the request stays open.

use super::state::Server;
use crate::server::instances::instance::Instance;
use crate::server::refusal::Refusal;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use std::sync::Arc;
use std::time::Duration;

/// Says how many milliseconds the client keeps one request open before it prefers to poll.
const TIMEOUT_HEADER: &str = "processing-timeout-ms";

/// How long a request without that header stays open. The official server has the same default.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);

/// The longest time that a request may stay open.
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
            .map_err(|e| Refusal::bad_request(format!("cannot decode the path: {e}")))?;
        let id = params
            .iter()
            .find_map(|(name, value)| (name == "id").then_some(value))
            .expect("BUG: a route of an instance without its id");
        let id = id.parse().map_err(|_| {
            Refusal::bad_request(format!(
                "the instance id is {id:?}, expected a whole number"
            ))
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
                "the header {TIMEOUT_HEADER} is {value:?}, expected a number of milliseconds"
            ))
        })
}
