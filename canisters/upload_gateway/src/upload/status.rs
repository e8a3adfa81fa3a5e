//! Resuming: what a client that lost everything but its identity, or its idempotency key, needs to go on.

use super::service::{State, UploadService};
use super::types::{SessionId, SessionMeta, SessionStatus};
use crate::failure::Result;
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::upload::{ChunkRange, UploadState, UploadStatus};
use ic_stable_structures::Memory;

/// Uploads that `uploads_list` names, and about how many bytes its reply may have: less than the 2 MiB of a message.
const MAX_LISTED: usize = 1_000;
const MAX_LIST_BYTES: usize = 3 << 19;

/// Bytes of one upload in the reply beside its texts and ranges, at most.
const FIXED_BYTES: usize = 128;

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// Where one upload stands: `NotFound`, `Unauthorized`.
    pub fn status(&self, caller: Principal, id: SessionId) -> Result<UploadStatus> {
        self.with(|state| {
            let session = state.sessions.owned(id, caller)?;
            Ok(status(state, session))
        })
    }

    /// The caller's uploads, the newest first: as many as a reply has room for, at most 1,000.
    pub fn list(&self, caller: Principal) -> Result<Vec<UploadStatus>> {
        self.with(|state| {
            state.config.get().check_caller(caller)?;
            let mut listed = Vec::new();
            let mut bytes = 0;
            for session in state.sessions.newest(caller, MAX_LISTED) {
                let upload = status(state, session);
                bytes += FIXED_BYTES
                    + upload.capsule_id.len()
                    + upload.name.len()
                    + upload.idempotency_key.len()
                    + upload.missing_chunks.len() * size_of::<ChunkRange>();
                if bytes > MAX_LIST_BYTES {
                    break;
                }
                listed.push(upload);
            }
            Ok(listed)
        })
    }
}

fn status<M: Memory>(state: &State<M>, session: SessionMeta) -> UploadStatus {
    let missing = session.received.missing(session.spec.expected_chunks);
    UploadStatus {
        session_id: session.id.0,
        expires_at: state.sessions.ends_at(&session),
        state: match session.status {
            SessionStatus::Pending => UploadState::Pending,
            SessionStatus::Finishing => UploadState::Finishing,
            SessionStatus::Committed { .. } => UploadState::Committed,
            SessionStatus::Aborted | SessionStatus::Expired => {
                unreachable!("BUG: an ended session is never stored")
            }
        },
        declared_bytes: session.spec.bytes_expected,
        received_bytes: session.bytes_received,
        chunk_size: session.chunk_size,
        expected_chunks: session.spec.expected_chunks,
        missing_chunks: missing
            .into_iter()
            .map(|(first, last)| ChunkRange { first, last })
            .collect(),
        created_at: session.created_at,
        last_activity_at: session.last_seen,
        capsule_id: session.spec.scope,
        name: session.spec.label,
        idempotency_key: session.spec.idem,
    }
}
