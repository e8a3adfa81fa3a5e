//! The gateway's metrics. They name stores, and contain no other principals and no names.

use super::events::{Events, REASONS};
use super::flows::Budget;
use super::service::UploadService;
use super::state::Report;
use crate::runtime::Runtime;
use canister_common::http::Encoder;
use capsule_shared::stores::{StoreEntry, StoreReport};
use ic_stable_structures::Memory;
use std::io;

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    pub fn encode_metrics(&self, encoder: &mut Encoder) -> io::Result<()> {
        encoder.encode_gauge(
            "upload_gateway_open_calls",
            self.open_calls().into(),
            "Calls to other canisters that wait for an answer.",
        )?;
        let now = self.runtime.now();
        let mut by_class = encoder.gauge_vec(
            "upload_gateway_open_calls_by_class",
            "Calls to other canisters that wait for an answer, by class.",
        )?;
        for (class, count) in self.open_calls_by_class() {
            by_class = by_class.value(&[("class", class)], count.into())?;
        }
        let report = self.with(|state| state.report(now));
        encode_stores(&report.stores, now, encoder)?;
        report.encode(encoder)
    }
}

/// A figure of a store for a metric, if there is one now.
type StoreFigure = fn(&StoreEntry, now: u64) -> Option<u64>;

/// The figures of each store: name, help, value.
const STORE_FIGURES: [(&str, &str, StoreFigure); 6] = [
    (
        "store_used_bytes",
        "Bytes that stored chunks take, by the last report of the store.",
        |entry, _| of_report(entry, |report| report.used_bytes),
    ),
    (
        "store_free_bytes",
        "Bytes that a new blob can have, by the last report of the store.",
        |entry, _| of_report(entry, |report| report.free_bytes),
    ),
    (
        "store_capacity_bytes",
        "Bytes that the store may hold: its own bound or the operator's, whichever is less.",
        |entry, _| entry.capacity(),
    ),
    (
        "store_promised_bytes",
        "Bytes that known uploaders announced to this gateway since the last report of the store.",
        |entry, _| Some(entry.promised_bytes),
    ),
    (
        "store_report_age_seconds",
        "Seconds since the last report of the store.",
        |entry, now| {
            let at = of_report(entry, |report| report.at);
            at.map(|at| now.saturating_sub(at) / SECOND_NS)
        },
    ),
    (
        "store_silent_seconds",
        "Seconds since the store gave no usable answer any more; 0 if it answers.",
        |entry, now| {
            let since = entry.silent_since.unwrap_or(now);
            Some(now.saturating_sub(since) / SECOND_NS)
        },
    ),
];

const SECOND_NS: u64 = 1_000_000_000;

fn of_report(entry: &StoreEntry, figure: fn(&StoreReport) -> u64) -> Option<u64> {
    entry.report.as_ref().map(figure)
}

fn encode_stores(stores: &[StoreEntry], now: u64, encoder: &mut Encoder) -> io::Result<()> {
    let mut states =
        encoder.gauge_vec("upload_gateway_store_state", "1 for each store's state.")?;
    for entry in stores {
        let (id, state) = (entry.store.to_text(), entry.state.name());
        states = states.value(&[("store", &id), ("state", state)], 1.0)?;
    }
    for (name, help, figure) in STORE_FIGURES {
        let name = format!("upload_gateway_{name}");
        let mut series = encoder.gauge_vec(&name, help)?;
        for entry in stores {
            if let Some(value) = figure(entry, now) {
                series = series.value(&[("store", &entry.store.to_text())], value as f64)?;
            }
        }
    }
    Ok(())
}

impl Report {
    fn encode(&self, encoder: &mut Encoder) -> io::Result<()> {
        let Report {
            pending,
            finishing,
            committed,
            strangers,
            max_strangers,
            max_sessions,
            out_of_range,
            open_uploads,
            deletions,
            people,
            stores: _,
            used_bytes,
            budgets,
            moves,
            trashings,
            jobs,
            jobs_by_kind,
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
                "sessions_of_strangers",
                strangers,
                "Active sessions of principals that aren't known.",
            ),
            (
                "sessions_of_strangers_max",
                &u64::from(*max_strangers),
                "The most active sessions of all principals that aren't known.",
            ),
            (
                "principals_listed",
                &people.listed,
                "Principals that the operator listed as known.",
            ),
            (
                "principals_blocked",
                &people.blocked,
                "Principals that the operator blocked.",
            ),
            (
                "principals_uploaded",
                &people.uploaded,
                "Principals that ever finished an upload; they are known after 7 days.",
            ),
            (
                "budget_bytes_entries",
                budgets,
                "Budgets of bytes that have an entry, one for each active principal.",
            ),
            (
                "settings_out_of_range",
                out_of_range,
                "Settings whose stored value is out of range; configure_check names them.",
            ),
            (
                "uploads_open",
                open_uploads,
                "Uploads that are neither committed nor ended.",
            ),
            ("jobs_queued", jobs, "Jobs in the queue."),
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
            (
                "blobs_moved",
                moves,
                "Blobs that moved from store to store, or are being moved, until they are deleted.",
            ),
        ] {
            encoder.encode_gauge(&format!("upload_gateway_{name}"), *value as f64, help)?;
        }
        let mut used = encoder.gauge_vec(
            "upload_gateway_budget_bytes",
            "Bytes of a day's budget that are used.",
        )?;
        for (budget, bytes) in used_bytes {
            used = used.value(&[("budget", budget)], *bytes as f64)?;
        }
        if let Some(jobs) = jobs_by_kind {
            let mut queue =
                encoder.gauge_vec("upload_gateway_jobs", "Jobs in the queue, by kind.")?;
            for (kind, count) in jobs {
                queue = queue.value(&[("kind", kind)], *count as f64)?;
            }
        }
        events.encode(encoder)
    }
}

impl Events {
    fn encode(&self, encoder: &mut Encoder) -> io::Result<()> {
        let Events {
            begins,
            chunk_writes,
            chunk_bytes,
            finishes_ok,
            finishes_failed,
            sessions_aborted,
            sessions_expired,
            sessions_evicted,
            sessions_ended,
            budget_refusals,
        } = self;
        for (name, value, help) in [
            ("begins", begins, "Uploads that began."),
            ("chunks", chunk_writes, "Chunks that were stored."),
            ("chunk_bytes", chunk_bytes, "Bytes of the stored chunks."),
            ("finishes", finishes_ok, "Uploads that were committed."),
            ("aborts", sessions_aborted, "Uploads that were aborted."),
            ("expiries", sessions_expired, "Uploads that expired."),
            (
                "evictions",
                sessions_evicted,
                "Idle uploads that ended so that another one got room.",
            ),
            (
                "sessions_ended",
                sessions_ended,
                "Uploads that a canister controller ended, or whose owner lost its right.",
            ),
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
        let mut refused = encoder.counter_vec(
            "upload_gateway_budget_refusals_total",
            "Chunks that a used-up budget refused, by budget. Since the last upgrade.",
        )?;
        for budget in Budget::ALL {
            let name = budget.name();
            let count = budget_refusals.get(name).copied().unwrap_or(0);
            refused = refused.value(&[("budget", name)], count as f64)?;
        }
        Ok(())
    }
}
