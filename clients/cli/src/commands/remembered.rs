//! The record of an upload on this machine, also one that an earlier client wrote.

use crate::local::record::RecordFile;
use crate::local::source::Source;
use crate::network::gateway::Gateway;
use capsule_shared::Error as Refusal;

/// The record of the upload of `source` into a capsule, in the name of the caller. `None` without a
/// folder of settings: then nothing is remembered.
pub async fn record_of(gateway: &Gateway, capsule: &str, source: &Source) -> Option<RecordFile> {
    let id = gateway.id().to_text();
    let sender = gateway.sender().ok()?.to_text();
    let record = RecordFile::of(source, &id, capsule, Some(&sender)).ok()?;
    let old = RecordFile::of(source, &id, capsule, None).ok()?;
    take_over(gateway, &old, &record).await;
    Some(record)
}

/// Takes over the record `old` of an earlier client, unless it is somebody else's. It doesn't say
/// whose upload it is.
async fn take_over(gateway: &Gateway, old: &RecordFile, record: &RecordFile) {
    let Some(known) = old.read().filter(|_| record.read().is_none()) else {
        return;
    };
    let theirs = match known.session {
        None => false,
        Some(session) => match gateway.status(session).await {
            Ok(_) => false,
            // a session that has ended is nobody's
            Err(error) => error.refusal() != Some(&Refusal::NotFound),
        },
    };
    if !theirs {
        old.move_to(record);
    }
}
