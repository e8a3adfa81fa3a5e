//! What the gateway tells whoever watches it: numbers, never principals or names.

use super::service::{State, UploadService};
use crate::failure::Failure;
use crate::runtime::Runtime;
use canister_common::http::Encoder;
use ic_stable_structures::Memory;
use std::collections::BTreeMap;
use std::io;

/// What has happened since the canister was last installed or upgraded: on the heap, for whoever watches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Chunks that were stored and confirmed, and their bytes; repeated ones don't count.
    pub chunk_writes: u64,
    pub chunk_bytes: u64,
    /// Uploads that were committed, by their caller or by the timer.
    pub finishes_ok: u64,
    /// Calls of finish that ended with an error, by [`reason`].
    pub finishes_failed: BTreeMap<&'static str, u64>,
    pub sessions_aborted: u64,
    pub sessions_expired: u64,
}

/// Every reason there is, so that each series begins at 0.
const REASONS: [&str; 9] = [
    "temporary",
    "checksum_mismatch",
    "invalid_argument",
    "not_found",
    "unauthorized",
    "resource_exhausted",
    "conflict",
    "not_implemented",
    "internal",
];

/// A failure as a label.
fn reason(failure: &Failure) -> &'static str {
    match failure {
        Failure::Temporary(_) => "temporary",
        Failure::ChecksumMismatch { .. } => "checksum_mismatch",
        Failure::Internal(_) => "internal",
        Failure::NotFound => "not_found",
        Failure::Unauthorized => "unauthorized",
        Failure::InvalidArgument(_) => "invalid_argument",
        Failure::ResourceExhausted => "resource_exhausted",
        Failure::NotImplemented(_) => "not_implemented",
        Failure::Conflict(_) => "conflict",
    }
}

impl Events {
    pub fn finish_failed(&mut self, error: &Failure) {
        *self.finishes_failed.entry(reason(error)).or_default() += 1;
    }
}

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    pub fn encode_metrics(&self, encoder: &mut Encoder) -> io::Result<()> {
        let open_calls = self.open_calls();
        encoder.encode_gauge(
            "upload_gateway_open_calls",
            open_calls.into(),
            "Calls to other canisters that wait for an answer.",
        )?;
        self.with(|state| state.encode_metrics(encoder))
    }
}

impl<M: Memory> State<M> {
    fn encode_metrics(&self, encoder: &mut Encoder) -> io::Result<()> {
        // Taken apart, so that whoever adds a field decides what to tell of it.
        let State {
            config,
            sessions,
            metas,
            hashes: _,
            finishes: _,
            jobs,
            deletions,
            digesting,
            events,
        } = self;
        let counters = sessions.counters();
        encoder
            .gauge_vec("upload_gateway_sessions", "Sessions by state.")?
            .value(&[("state", "pending")], counters.pending as f64)?
            .value(&[("state", "finishing")], counters.finishing as f64)?
            .value(&[("state", "committed")], counters.committed as f64)?;
        encoder.encode_gauge(
            "upload_gateway_sessions_max",
            config.get().0.max_sessions.into(),
            "Active sessions that are allowed in all.",
        )?;
        for (name, value, help) in [
            (
                "uploads_open",
                metas.len(),
                "Uploads that are neither committed nor ended.",
            ),
            (
                "digests_asked",
                digesting.len() as u64,
                "Uploads whose hash a blob store makes.",
            ),
            (
                "deletions",
                deletions.len(),
                "Memories that are being deleted or were within a day.",
            ),
        ] {
            encoder.encode_gauge(&format!("upload_gateway_{name}"), value as f64, help)?;
        }
        let mut queue = encoder.gauge_vec("upload_gateway_jobs", "Jobs in the queue, by kind.")?;
        for (kind, count) in jobs.by_kind() {
            queue = queue.value(&[("kind", kind)], count as f64)?;
        }
        events.encode(encoder)
    }
}

impl Events {
    fn encode(&self, encoder: &mut Encoder) -> io::Result<()> {
        let Events {
            chunk_writes,
            chunk_bytes,
            finishes_ok,
            finishes_failed,
            sessions_aborted,
            sessions_expired,
        } = self;
        for (name, value, help) in [
            ("chunks", chunk_writes, "Chunks that were stored."),
            ("chunk_bytes", chunk_bytes, "Bytes of the stored chunks."),
            ("finishes", finishes_ok, "Uploads that were committed."),
            ("aborts", sessions_aborted, "Uploads that were aborted."),
            ("expiries", sessions_expired, "Uploads that expired."),
        ] {
            let help = format!("{help} Since the last upgrade.");
            let name = format!("upload_gateway_{name}_total");
            encoder.encode_counter(&name, *value as f64, &help)?;
        }
        let mut failed = encoder.counter_vec(
            "upload_gateway_finishes_failed_total",
            "Calls of finish that ended with an error, by reason. Since the last upgrade.",
        )?;
        for reason in REASONS {
            let count = finishes_failed.get(reason).copied().unwrap_or(0);
            failed = failed.value(&[("reason", reason)], count as f64)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_reason_that_is_listed() {
        let mut events = Events::default();
        let errors = [
            Failure::temporary("x"),
            Failure::Internal("x".into()),
            Failure::NotFound,
            Failure::Unauthorized,
            crate::upload::types::checksum_mismatch(&[1], &[2]),
            Failure::invalid("x"),
            Failure::ResourceExhausted,
            Failure::NotImplemented("x".into()),
            Failure::conflict("x"),
        ];
        errors.iter().for_each(|error| events.finish_failed(error));
        let mut reasons: Vec<_> = events.finishes_failed.into_iter().collect();
        let mut expected = REASONS.map(|reason| (reason, 1));
        expected.sort();
        reasons.sort();
        assert_eq!(reasons, expected);
    }
}
