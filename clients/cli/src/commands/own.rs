//! The capsule of a command.

use crate::failure::Outcome;
use crate::network::gateway::Gateway;
use crate::network::refused::UploadError;
use capsule_shared::Error as Refusal;

/// The capsule that the user named, or the user's own.
pub async fn own_or(gateway: &Gateway, capsule: Option<String>) -> Outcome<String> {
    match capsule {
        Some(capsule) => Ok(capsule),
        None => match gateway.own_capsule().await {
            Ok(capsule) => Ok(capsule.id),
            Err(error) if error.refusal() == Some(&Refusal::ResourceExhausted) => {
                Err(UploadError::Capsules.into())
            }
            Err(error) => Err(error.into()),
        },
    }
}
