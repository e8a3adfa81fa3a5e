//! Finds out which limit a begin has reached. The gateway's error doesn't say it.

use crate::failure::Failure;
use crate::local::source::Source;
use crate::network::error::CallError;
use crate::network::gateway::Gateway;
use crate::network::refused::{InTrash, UploadError};
use capsule_shared::Error as Refusal;
use capsule_shared::asset::of_file;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use capsule_shared::upload::UploadState;
use std::time::Duration;
use tokio::sync::Mutex;

/// The most memories of a capsule, the trash included.
///
/// Source: the limits of the interface.
const MAX_MEMORIES: u64 = 100_000;

/// A capsule that doesn't exist: ids of capsules end with their number.
const NO_CAPSULE: &str = "no-capsule";

/// How the idempotency keys of begins that only ask begin.
const PROBE: &str = "capsule-cli-limit";

/// How long a question about the reason is repeated. The reason only helps.
const PATIENCE: Duration = Duration::from_secs(5);

/// The reason why no upload of `source` into `capsule` begins.
///
/// `trash` is counted once for all files of a command, which ask one after the other: the
/// questions begin uploads, and must not meet those of each other.
pub async fn reason(
    gateway: &Gateway,
    capsule: &str,
    source: &Source,
    trash: &Mutex<Option<InTrash>>,
    error: CallError,
) -> Failure {
    if error.refusal() != Some(&Refusal::ResourceExhausted) {
        return error.into();
    }
    let gateway = gateway.patient_for(PATIENCE);
    let mut trash = trash.lock().await;
    match find(&gateway, capsule, source.bytes, &mut trash).await {
        Ok(reason) => reason.into(),
        // without a reason, the gateway's own word is all there is
        Err(_) => error.into(),
    }
}

async fn find(
    gateway: &Gateway,
    capsule: &str,
    bytes: u64,
    trash: &mut Option<InTrash>,
) -> Result<UploadError, CallError> {
    let mut active = gateway.uploads().await?;
    active.retain(|upload| upload.state != UploadState::Committed);
    // a question whose answer was lost may have left an upload
    for left in active.extract_if(.., |upload| upload.idempotency_key.starts_with(PROBE)) {
        gateway.abort(left.session_id).await?;
    }
    if no_upload_begins(gateway).await? {
        let own = active.len();
        // the metrics only help, too
        let busy = gateway.is_busy().await.unwrap_or(None);
        return Ok(match (own, busy) {
            (0, _) | (_, Some(true)) => UploadError::AllUploads { own },
            (_, Some(false)) => UploadError::OwnUploads { own },
            (_, None) => UploadError::SomeUploads { own },
        });
    }
    let own = active.iter().filter(|upload| upload.capsule_id == capsule);
    let own = own.count();
    let memories = gateway.capsule(capsule).await?.memory_count;
    let trash = match *trash {
        Some(counted) => counted,
        None => *trash.insert(in_trash(gateway, capsule).await?),
    };
    let name = capsule.to_string();
    if memories + trash.memories >= MAX_MEMORIES {
        return Ok(UploadError::Memories {
            capsule: name,
            memories,
            trash,
            most: MAX_MEMORIES,
        });
    }
    let byte_fits = fits(gateway, capsule, 1).await?;
    if !byte_fits {
        return Ok(match own {
            0 => UploadError::Capsule {
                capsule: name,
                trash,
            },
            _ => UploadError::CapsuleUploads {
                capsule: name,
                own,
                trash,
            },
        });
    }
    Ok(match fits(gateway, capsule, bytes).await? {
        // uploads that have ended meanwhile were the reason
        true => UploadError::Passed { capsule: name },
        false => UploadError::Bytes {
            capsule: name,
            bytes,
            trash,
            own,
        },
    })
}

/// Counts the trash. Gateways of release 0.1.0 have none.
async fn in_trash(gateway: &Gateway, capsule: &str) -> Result<InTrash, CallError> {
    let trash = match gateway.all_trash(capsule).await {
        Err(error) if error.is_rejection() => Vec::new(),
        trash => trash?,
    };
    Ok(InTrash {
        memories: trash.len() as u64,
        bytes: trash.iter().map(|entry| entry.memory.size).sum(),
    })
}

/// Whether an upload of so many bytes into the capsule begins. It is given up at once.
async fn fits(gateway: &Gateway, capsule: &str, bytes: u64) -> Result<bool, CallError> {
    let metadata = of_file("limit", "text/plain", bytes);
    let chunks = bytes.div_ceil(MAX_CHUNK_BYTES as u64) as u32;
    let key = format!("{PROBE}-{bytes}");
    match gateway.begin(capsule, &metadata, chunks, &key).await {
        Ok(session) => {
            // if that fails, the next question finds the upload by its key
            let _ = gateway.abort(session).await;
            Ok(true)
        }
        Err(error) if error.refusal() == Some(&Refusal::ResourceExhausted) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the limits of uploads are reached, whatever the capsule.
///
/// The gateway checks them before it looks for the capsule. So a begin into a capsule that doesn't
/// exist tells, and never makes a session.
async fn no_upload_begins(gateway: &Gateway) -> Result<bool, CallError> {
    let metadata = of_file("limit", "text/plain", 1);
    match gateway.begin(NO_CAPSULE, &metadata, 1, PROBE).await {
        Ok(_) => Ok(false),
        Err(error) => match error.refusal() {
            Some(Refusal::ResourceExhausted) => Ok(true),
            Some(_) => Ok(false),
            None => Err(error),
        },
    }
}
