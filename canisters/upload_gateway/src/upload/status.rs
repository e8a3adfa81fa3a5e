//! The state of sessions: for clients that resume an upload, and for operators.

use super::service::UploadService;
use super::state::State;
use super::types::{SessionId, SessionMeta, SessionStatus};
use crate::failure::Result;
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::upload::{ChunkRange, UploadState, UploadStatus};
use ic_stable_structures::Memory;

/// The most uploads in a list.
const MAX_LISTED: usize = 1_000;

/// About how many bytes the reply of `uploads_list` may have, within the 2 MiB of a message.
const MAX_UPLOADS_BYTES: usize = 3 << 19;

/// The most bytes of one upload in that reply, without its texts and ranges.
const FIXED_BYTES: usize = 128;

/// How many bytes of text `sessions_list` may make. Names can be long, and an oversized reply would
/// trap.
const MAX_SESSIONS_BYTES: usize = 1 << 20;

/// The reply of `debug_session_stats`.
#[cfg(debug_assertions)]
#[derive(candid::CandidType, serde::Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct DebugSessionStats {
    pub total_active: u64,
    pub by_principal: Vec<(Principal, u32)>,
    /// This count and the next two start at each install and upgrade, like `Events`.
    pub total_chunk_writes: u64,
    pub finish_ok_count: u64,
    pub finish_err_count: u64,
    pub open_calls: u32,
    pub queued_jobs: u64,
}

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// Where one upload is: `NotFound`, `Unauthorized`.
    pub fn status(&self, caller: Principal, id: SessionId) -> Result<UploadStatus> {
        self.with(|state| {
            let session = state.sessions().owned(id, caller)?;
            Ok(status(state, session))
        })
    }

    /// The caller's newest uploads, the newest first: as many as fit a reply, at most 1,000.
    pub fn list(&self, caller: Principal) -> Result<Vec<UploadStatus>> {
        self.with(|state| {
            state.config().check_caller(caller)?;
            let mut listed = Vec::new();
            let mut bytes = 0;
            for session in state.sessions().newest(caller, MAX_LISTED) {
                let upload = status(state, session);
                bytes += FIXED_BYTES
                    + upload.capsule_id.len()
                    + upload.name.len()
                    + upload.idempotency_key.len()
                    + upload.missing_chunks.len() * size_of::<ChunkRange>();
                if bytes > MAX_UPLOADS_BYTES {
                    break;
                }
                listed.push(upload);
            }
            Ok(listed)
        })
    }

    /// How many sessions there are. A session that is finishing counts as pending: it isn't
    /// committed yet.
    pub fn sessions_stats(&self) -> String {
        let counters = self.with(|state| state.sessions().counters());
        let pending = counters.pending + counters.finishing;
        format!(
            "Total sessions: {}, Pending: {pending}, Committed: {}",
            pending + counters.committed,
            counters.committed
        )
    }

    /// One line for each session: the caller's own, or all for a canister controller.
    pub fn sessions_list(&self, caller: Principal, is_controller: bool) -> String {
        let owner = (!is_controller).then_some(caller);
        let sessions = self.with(|state| state.sessions().list(owner, MAX_LISTED + 1));
        let mut lines = Vec::new();
        let mut bytes = 0;
        for (listed, session) in sessions.iter().enumerate() {
            let line = line(session);
            bytes += line.len() + 1;
            if listed == MAX_LISTED || bytes > MAX_SESSIONS_BYTES {
                lines.push(format!("and more than these {listed}"));
                break;
            }
            lines.push(line);
        }
        lines.join("\n")
    }

    /// Counts for tests of debug builds.
    #[cfg(debug_assertions)]
    pub fn debug_session_stats(&self) -> DebugSessionStats {
        let open_calls = self.open_calls();
        self.with(|state| {
            let report = state.report(self.runtime.now());
            DebugSessionStats {
                total_active: report.pending + report.finishing,
                by_principal: state.sessions().active_by_owner(),
                total_chunk_writes: report.events.chunk_writes,
                finish_ok_count: report.events.finishes_ok,
                finish_err_count: report.events.finishes_failed.values().sum(),
                open_calls,
                queued_jobs: state.queued_jobs(),
            }
        })
    }
}

fn status<M: Memory>(state: &State<M>, session: SessionMeta) -> UploadStatus {
    let missing = session.received.missing(session.spec.expected_chunks);
    UploadStatus {
        session_id: session.id.0,
        expires_at: state.sessions().ends_at(&session),
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

fn line(session: &SessionMeta) -> String {
    format!(
        "session {}: {}, capsule {}, name {:?}, {} of {} chunks, {} bytes, last seen {}",
        session.id,
        session.status.name(),
        session.spec.scope,
        session.spec.label,
        session.received.count(),
        session.spec.expected_chunks,
        session.bytes_received,
        session.last_seen
    )
}
