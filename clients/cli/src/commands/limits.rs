//! Finds out which limit a begin has reached. The gateway's error doesn't say it.

use crate::failure::Failure;
use crate::local::source::Source;
use crate::network::error::CallError;
use crate::network::gateway::Gateway;
use crate::network::refused::UploadError;
use capsule_shared::Error as Refusal;
use capsule_shared::asset::of_file;
use capsule_shared::upload::UploadState;
use std::time::Duration;

/// The most memories of a capsule, the trash included.
///
/// Source: the limits of the interface.
const MAX_MEMORIES: u64 = 100_000;

/// A capsule that doesn't exist: ids of capsules end with their number.
const NO_CAPSULE: &str = "no-capsule";

/// How long a question about the reason is repeated. The reason only helps.
const PATIENCE: Duration = Duration::from_secs(5);

/// The reason why no upload of `source` into `capsule` begins.
pub async fn reason(
    gateway: &Gateway,
    capsule: &str,
    source: &Source,
    error: CallError,
) -> Failure {
    if error.refusal() != Some(&Refusal::ResourceExhausted) {
        return error.into();
    }
    let gateway = gateway.patient_for(PATIENCE);
    match find(&gateway, capsule, source.bytes).await {
        Ok(reason) => reason.into(),
        // without a reason, the gateway's own word is all there is
        Err(_) => error.into(),
    }
}

async fn find(gateway: &Gateway, capsule: &str, bytes: u64) -> Result<UploadError, CallError> {
    let mut active = gateway.uploads().await?;
    active.retain(|upload| upload.state != UploadState::Committed);
    if no_upload_begins(gateway).await? {
        return Ok(match active.len() {
            0 => UploadError::AllUploads,
            own => UploadError::OwnUploads { own },
        });
    }
    let capsule = capsule.to_string();
    let memories = gateway.capsule(&capsule).await?.memory_count;
    if memories >= MAX_MEMORIES {
        return Ok(UploadError::Memories { capsule, memories });
    }
    let in_capsule = active.iter().filter(|upload| upload.capsule_id == capsule);
    let own = in_capsule.count();
    Ok(UploadError::Capsule {
        capsule,
        bytes,
        own,
    })
}

/// Whether the limits of uploads are reached, whatever the capsule.
///
/// The gateway checks them before it looks for the capsule. So a begin into a capsule that doesn't
/// exist tells, and never makes a session.
async fn no_upload_begins(gateway: &Gateway) -> Result<bool, CallError> {
    let metadata = of_file("limit", "text/plain", 1);
    match gateway
        .begin(NO_CAPSULE, &metadata, 1, "capsule-cli-limit")
        .await
    {
        Ok(_) => Ok(false),
        Err(error) => match error.refusal() {
            Some(Refusal::ResourceExhausted) => Ok(true),
            Some(_) => Ok(false),
            None => Err(error),
        },
    }
}
