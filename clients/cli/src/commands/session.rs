//! The state of a session, as the gateway knows it.

use crate::network::error::CallError;
use crate::network::gateway::Gateway;
use capsule_shared::Error as Refusal;
use capsule_shared::upload::UploadStatus;

/// The state of a session, or `None` if it has ended or is not an upload of this key.
///
/// Sessions are numbered, so that after a restart of a local network a number may belong to another
/// upload.
pub async fn look(
    gateway: &Gateway,
    session: u64,
    key: &str,
) -> Result<Option<UploadStatus>, CallError> {
    let status = state(gateway, session).await?;
    Ok(status.filter(|status| status.idempotency_key == key))
}

/// The state of a session of the caller, or `None` if it has ended.
pub async fn state(gateway: &Gateway, session: u64) -> Result<Option<UploadStatus>, CallError> {
    if let Some(status) = known(gateway.status(session).await)? {
        return Ok(Some(status));
    }
    // A replica that lags behind doesn't know a new session yet. An update's answer is certain.
    known(gateway.status_surely(session).await)
}

fn known(status: Result<UploadStatus, CallError>) -> Result<Option<UploadStatus>, CallError> {
    match status {
        Ok(status) => Ok(Some(status)),
        Err(error) => match error.refusal() {
            Some(Refusal::NotFound | Refusal::Unauthorized) => Ok(None),
            _ => Err(error),
        },
    }
}
