//! Reads the body of a request by an agent or a browser, within bounds of length and time.

use super::refusal::Refusal;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::timeout;

/// How long a body may take to arrive: it has a few megabytes at most and comes from the same
/// machine.
const BODY_PATIENCE: Duration = Duration::from_secs(15);

/// How many bytes of an oversized body are read: a sender sees no answer before it has sent all of
/// its body.
const MAX_DISCARDED_BYTES: usize = 64 << 20;

/// Reads a whole body of at most `max` bytes.
///
/// # Errors
///
/// Refuses with 413 if the body is longer, with 408 if it doesn't arrive in time, and with 400 if
/// its sender gives up.
pub async fn read_whole(body: Body, max: usize) -> Result<Bytes, Refusal> {
    match timeout(BODY_PATIENCE, collect(body, max)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is too long, expected at most {max} bytes"),
        )),
        Ok(Err(e)) => Err(Refusal::bad_request(format!("cannot read the body: {e}"))),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "the body is incomplete, expected all of it within {} s",
                BODY_PATIENCE.as_secs()
            ),
        )),
    }
}

/// The bytes of a body, or `None` if there are more than `max`.
async fn collect(mut body: Body, max: usize) -> Result<Option<Bytes>, axum::Error> {
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
