//! Stores of the gateway's registry as a table and as JSON.

use crate::commands::admin::amounts::{age, bytes, cycles, exact, or_unknown, percent};
use crate::commands::admin::table::{Side, Table};
use capsule_shared::stores::{StoreEntry, StoreReport};
use serde_json::{Value, json};

/// Bytes that uploads have announced, before the last report and since.
fn promised(entry: &StoreEntry) -> u64 {
    let report = entry.report.as_ref();
    let before = report.map_or(0, |report| report.promised_bytes);
    before.saturating_add(entry.promised_bytes)
}

fn fill(entry: &StoreEntry) -> Option<f64> {
    let used = entry.report.as_ref()?.used_bytes;
    percent(used, entry.capacity()?)
}

/// The stores, one a line, and their figures at the time `now`.
pub fn table(entries: &[StoreEntry], now: u64) -> Vec<String> {
    let mut table = Table::new(&[
        ("store", Side::Left),
        ("state", Side::Left),
        ("full", Side::Right),
        ("used", Side::Right),
        ("free", Side::Right),
        ("capacity", Side::Right),
        ("promised", Side::Right),
        ("blobs", Side::Right),
        ("cycles", Side::Right),
        ("schema", Side::Right),
        ("report", Side::Right),
        ("silent", Side::Right),
    ]);
    for entry in entries {
        let of_report = |form: fn(&StoreReport) -> String| or_unknown(entry.report.as_ref(), form);
        table.row(vec![
            entry.store.to_text(),
            entry.state.name().to_string(),
            or_unknown(fill(entry), |percent| format!("{percent:.1}%")),
            of_report(|report| bytes(report.used_bytes)),
            of_report(|report| bytes(report.free_bytes)),
            or_unknown(entry.capacity(), bytes),
            bytes(promised(entry)),
            of_report(|report| report.blobs.to_string()),
            of_report(|report| cycles(report.cycles)),
            of_report(|report| report.schema.to_string()),
            or_unknown(entry.report.as_ref(), |report| age(report.at, now)),
            or_unknown(entry.silent_since, |since| age(since, now)),
        ]);
    }
    table.lines()
}

pub fn json(entry: &StoreEntry) -> Value {
    let report = entry.report.as_ref();
    let reserve = report.and_then(|report| report.reserve.as_ref());
    json!({
        "store": entry.store.to_text(),
        "state": entry.state.name(),
        "full_percent": fill(entry),
        "used_bytes": report.map(|report| report.used_bytes),
        "free_bytes": report.map(|report| report.free_bytes),
        "capacity_bytes": entry.capacity(),
        "operator_capacity_bytes": entry.capacity_bytes,
        "promised_bytes": promised(entry),
        "blobs": report.map(|report| report.blobs),
        "cycles": report.map(|report| exact(report.cycles)),
        "reserved_cycles": reserve.map(|reserve| exact(reserve.cycles)),
        "reserved_cycles_limit": reserve.map(|reserve| exact(reserve.limit_cycles)),
        "schema": report.map(|report| report.schema),
        "report_at_ns": report.map(|report| report.at),
        "silent_since_ns": entry.silent_since,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Principal;
    use capsule_shared::stores::StoreState;

    const MINUTE: u64 = 60_000_000_000;

    fn entry(report: Option<StoreReport>) -> StoreEntry {
        StoreEntry {
            store: Principal::from_slice(&[1; 10]),
            state: StoreState::ReadOnly,
            capacity_bytes: Some(100 << 20),
            report,
            promised_bytes: 1 << 20,
            silent_since: Some(7 * MINUTE),
        }
    }

    fn report() -> StoreReport {
        StoreReport {
            at: 5 * MINUTE,
            schema: 2,
            blobs: 3,
            used_bytes: 25 << 20,
            promised_bytes: 2 << 20,
            free_bytes: 73 << 20,
            capacity_bytes: 150 << 30,
            cycles: 2_500_000_000_000,
            reserve: None,
        }
    }

    #[test]
    fn a_row_has_the_figures_of_the_last_report() {
        let lines = table(&[entry(Some(report()))], 10 * MINUTE);
        let cells: Vec<&str> = lines[1].split("  ").map(str::trim).collect();
        let cells: Vec<&str> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
        let figures = [
            "read_only",
            "25.0%",
            "25.00 MiB",
            "73.00 MiB",
            "100.00 MiB",
            "3.00 MiB",
            "3",
            "2.5 T",
            "2",
            "5 min",
            "3 min",
        ];
        assert_eq!(cells[1..], figures);
        let value = json(&entry(Some(report())));
        assert_eq!(value["full_percent"], 25.0);
        assert_eq!(value["promised_bytes"], 3 << 20);
        assert_eq!(value["capacity_bytes"], 100 << 20);
        assert_eq!(value["cycles"], 2_500_000_000_000u64);
    }

    #[test]
    fn a_store_without_a_report_has_no_figures() {
        let lines = table(&[entry(None)], 10 * MINUTE);
        assert!(lines[1].contains("read_only     -     -"), "{lines:?}");
        let value = json(&entry(None));
        assert_eq!(value["used_bytes"], Value::Null);
        assert_eq!(value["full_percent"], Value::Null);
        assert_eq!(value["capacity_bytes"], 100 << 20);
    }
}
