//! How a request is refused: an HTTP status and one message in the form that the client reads.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pocket_ic::common::rest::ApiResponse;

/// A refused request: never a reject of a canister, which is an answer like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub message: String,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// Something that existed and no longer does.
    pub fn gone(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, message)
    }

    /// A fault of localnet itself.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// A part of the protocol that localnet does not have; `what` names it.
    pub fn not_built(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            format!("localnet has not built {what}"),
        )
    }

    /// The message as the official server words a message or call that it did not take.
    pub fn bad_ingress(reason: &str) -> Self {
        Self::bad_request(format!("BadIngressMessage({reason:?})"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = ApiResponse::<()>::Error {
            message: self.message,
        };
        (self.status, Json(body)).into_response()
    }
}
