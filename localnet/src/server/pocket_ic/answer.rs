//! Answers in JSON, as PocketIC's clients read them.

use crate::server::refusal::Refusal;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use pocket_ic::common::rest::ApiResponse;
use serde::Serialize;

/// A serialised answer, so that it can be kept until its client polls for it.
#[derive(Clone)]
pub struct Answer {
    status: StatusCode,
    body: Bytes,
}

impl Answer {
    pub fn success<T: Serialize>(value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self {
                status: StatusCode::OK,
                body: body.into(),
            },
            Err(e) => Refusal::internal(format!("cannot write the answer as JSON: {e}")).into(),
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let body = ApiResponse::<()>::Error {
            message: refusal.message,
        };
        Self {
            status: refusal.status,
            body: serde_json::to_vec(&body)
                .expect("BUG: a message is always JSON")
                .into(),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let content_type = [(header::CONTENT_TYPE, "application/json")];
        (self.status, content_type, self.body).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        Answer::from(self).into_response()
    }
}
