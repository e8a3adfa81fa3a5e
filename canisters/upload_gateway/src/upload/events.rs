//! Counts of what happened since the last install or upgrade, on the heap, for the metrics.

use super::flows::Budget;
use crate::failure::Failure;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Uploads that began. A begin that finds the upload of its key doesn't count.
    pub begins: u64,
    /// Chunks that were stored and confirmed. Repeated chunks don't count.
    pub chunk_writes: u64,
    /// Bytes of those chunks.
    pub chunk_bytes: u64,
    /// Uploads that were committed, by their caller or by the timer.
    pub finishes_ok: u64,
    /// Calls of `uploads_finish` that ended with an error, by [`reason`].
    pub finishes_failed: BTreeMap<&'static str, u64>,
    pub sessions_aborted: u64,
    pub sessions_expired: u64,
    /// Idle sessions that ended so that another one got room.
    pub sessions_evicted: u64,
    /// Sessions that a canister controller ended, by id or by a block, and those of people who lost
    /// their right in the capsule.
    pub sessions_ended: u64,
    /// Chunks that a used-up budget refused, by its name.
    pub budget_refusals: BTreeMap<&'static str, u64>,
}

/// Every reason there is, so that the metrics can start each series at 0.
pub const REASONS: [&str; 9] = [
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

/// A failure as a label of a metric.
fn reason(failure: &Failure) -> &'static str {
    match failure {
        Failure::Temporary(_) => "temporary",
        Failure::ChecksumMismatch { .. } => "checksum_mismatch",
        Failure::InvalidArgument(_) => "invalid_argument",
        Failure::NotFound => "not_found",
        Failure::Unauthorized => "unauthorized",
        Failure::ResourceExhausted => "resource_exhausted",
        Failure::Conflict(_) => "conflict",
        Failure::NotImplemented(_) => "not_implemented",
        Failure::Internal(_) => "internal",
    }
}

impl Events {
    pub fn finish_failed(&mut self, failure: &Failure) {
        *self.finishes_failed.entry(reason(failure)).or_default() += 1;
    }

    pub fn budget_refused(&mut self, budget: Budget) {
        *self.budget_refusals.entry(budget.name()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_reason_that_is_listed() {
        let mut events = Events::default();
        let failures = [
            Failure::temporary("x"),
            Failure::Internal("x".into()),
            Failure::NotFound,
            Failure::Unauthorized,
            Failure::ChecksumMismatch {
                received: vec![1],
                given: vec![2],
            },
            Failure::invalid("x"),
            Failure::ResourceExhausted,
            Failure::NotImplemented("x".into()),
            Failure::conflict("x"),
        ];
        for failure in &failures {
            events.finish_failed(failure);
        }
        let mut reasons: Vec<_> = events.finishes_failed.into_iter().collect();
        let mut expected = REASONS.map(|reason| (reason, 1));
        expected.sort();
        reasons.sort();
        assert_eq!(reasons, expected);
    }
}
