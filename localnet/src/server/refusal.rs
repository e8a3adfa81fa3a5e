//! A refused request: an HTTP status and one message. Each front end writes it in the form that its
//! clients read.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A refused request. It is never the reject of a canister, which is an answer like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub message: String,
}

impl Refusal {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
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

    /// A resource that existed and no longer does.
    pub fn gone(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, message)
    }

    /// The same request may succeed later.
    pub fn temporary(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    pub fn is_temporary(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    /// A fault of localnet itself.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// A part of an interface that localnet leaves out; `part` names it.
    pub fn not_supported(part: &str) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            format!("localnet does not support {part}"),
        )
    }

    /// The refusal as agents and browsers read it: the status and a line of text.
    pub fn into_plain_text(self) -> Response {
        let content_type = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
        let body = self.message + "\n";
        match self.status {
            // Part of the request's body may still be unread, so the connection can't carry another
            // request.
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
                let close = (header::CONNECTION, "close");
                (self.status, [content_type, close], body).into_response()
            }
            status => (status, [content_type], body).into_response(),
        }
    }
}
