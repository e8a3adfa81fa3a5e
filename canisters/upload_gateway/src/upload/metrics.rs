//! The gateway's metrics: numbers only. They contain no principals and no names.

use super::events::{Events, REASONS};
use super::service::UploadService;
use super::state::Report;
use crate::runtime::Runtime;
use canister_common::http::Encoder;
use ic_stable_structures::Memory;
use std::io;

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    pub fn encode_metrics(&self, encoder: &mut Encoder) -> io::Result<()> {
        encoder.encode_gauge(
            "upload_gateway_open_calls",
            self.open_calls().into(),
            "Calls to other canisters that wait for an answer.",
        )?;
        self.with(|state| state.report()).encode(encoder)
    }
}

impl Report {
    fn encode(&self, encoder: &mut Encoder) -> io::Result<()> {
        let Report {
            pending,
            finishing,
            committed,
            max_sessions,
            open_uploads,
            digests_asked,
            deletions,
            trashings,
            jobs,
            events,
        } = self;
        encoder
            .gauge_vec("upload_gateway_sessions", "Sessions by state.")?
            .value(&[("state", "pending")], *pending as f64)?
            .value(&[("state", "finishing")], *finishing as f64)?
            .value(&[("state", "committed")], *committed as f64)?;
        encoder.encode_gauge(
            "upload_gateway_sessions_max",
            (*max_sessions).into(),
            "The most active sessions that the settings allow.",
        )?;
        for (name, value, help) in [
            (
                "uploads_open",
                open_uploads,
                "Uploads that are neither committed nor ended.",
            ),
            (
                "digests_asked",
                digests_asked,
                "Uploads whose hash a blob store makes.",
            ),
            (
                "deletions",
                deletions,
                "Memories that are being deleted or were deleted within a day.",
            ),
            (
                "trashings",
                trashings,
                "Memories on their way into the trash.",
            ),
        ] {
            encoder.encode_gauge(&format!("upload_gateway_{name}"), *value as f64, help)?;
        }
        let mut queue = encoder.gauge_vec("upload_gateway_jobs", "Jobs in the queue, by kind.")?;
        for (kind, count) in jobs {
            queue = queue.value(&[("kind", kind)], *count as f64)?;
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
            "Calls of uploads_finish that failed, by reason. Since the last upgrade.",
        )?;
        for reason in REASONS {
            let count = finishes_failed.get(reason).copied().unwrap_or(0);
            failed = failed.value(&[("reason", reason)], count as f64)?;
        }
        Ok(())
    }
}
