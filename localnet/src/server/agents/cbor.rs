//! Answers in CBOR, and rejects in the form of this interface.

use crate::replica::Reject;
use crate::server::refusal::Refusal;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ic_transport_types::{RejectCode, RejectResponse};
use serde::Serialize;

/// An answer in CBOR.
pub fn cbor(status: StatusCode, value: &impl Serialize) -> Response {
    let body = crate::replica::cbor(value);
    (status, [(header::CONTENT_TYPE, "application/cbor")], body).into_response()
}

/// A reject as the interface writes it.
///
/// # Errors
///
/// A reject without a known code means that the network did not accept the message: refused with
/// 400.
pub fn reject_response(reject: Reject) -> Result<RejectResponse, Refusal> {
    match RejectCode::try_from(reject.code) {
        Ok(reject_code) => Ok(RejectResponse {
            reject_code,
            reject_message: reject.message,
            error_code: Some(format!("IC{:04}", reject.error_code)),
        }),
        Err(_) => Err(Refusal::bad_request(reject.message)),
    }
}
