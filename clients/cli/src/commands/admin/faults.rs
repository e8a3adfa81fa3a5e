//! The outcome of checks as a table and as JSON, with the faults that they found.

use crate::commands::admin::table::{Side, Table};
use candid::Principal;
use capsule_shared::blob_store::{CheckStage, CheckStatus, FaultKind, StoreFault};
use serde_json::{Value, json};

/// Faults that nothing mended.
pub fn unmended(status: &CheckStatus) -> u64 {
    status.faults.saturating_sub(status.mended)
}

/// A line for each store, and then one for each fault.
pub fn lines(checks: &[(Principal, CheckStatus)]) -> Vec<String> {
    let mut table = Table::new(&[
        ("store", Side::Left),
        ("check", Side::Left),
        ("blobs", Side::Right),
        ("hashed", Side::Right),
        ("faults", Side::Right),
        ("mended", Side::Right),
    ]);
    let mut faults = Vec::new();
    for (store, status) in checks {
        table.row(vec![
            store.to_text(),
            stage(status.stage).into(),
            status.blobs.to_string(),
            status.hashed_blobs.to_string(),
            status.faults.to_string(),
            status.mended.to_string(),
        ]);
        faults.extend(status.first_faults.iter().map(|fault| line(*store, fault)));
        let told = status.first_faults.len() as u64;
        if status.faults > told {
            faults.push(format!("{store}  and {} more", status.faults - told));
        }
    }
    let mut lines = table.lines();
    lines.extend(faults);
    lines
}

fn line(store: Principal, fault: &StoreFault) -> String {
    let mended = if fault.mended { ", mended" } else { "" };
    let key = fault.key.as_ref();
    let key = key.map_or(String::new(), |key| format!("  blob {}", hex::encode(key)));
    format!("{store}  {}{mended}: {}{key}", kind(fault.kind), fault.text)
}

pub fn json(store: Principal, status: &CheckStatus) -> Value {
    let faults: Vec<Value> = status.first_faults.iter().map(fault_json).collect();
    json!({
        "store": store.to_text(),
        "error": null,
        "check": stage(status.stage),
        "repair": status.options.repair,
        "contents": status.options.contents,
        "begun_at_ns": status.begun_at,
        "blobs": status.blobs,
        "hashed_blobs": status.hashed_blobs,
        "hashed_bytes": status.hashed_bytes,
        "without_sha256": status.without_sha256,
        "faults": status.faults,
        "mended": status.mended,
        "first_faults": faults,
    })
}

fn fault_json(fault: &StoreFault) -> Value {
    json!({
        "kind": kind(fault.kind),
        "mended": fault.mended,
        "key": fault.key.as_ref().map(hex::encode),
        "text": fault.text,
    })
}

fn stage(stage: CheckStage) -> &'static str {
    match stage {
        CheckStage::Space => "space",
        CheckStage::Contents => "contents",
        CheckStage::Done => "done",
        CheckStage::Ended => "ended",
    }
}

fn kind(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Orphan => "orphan",
        FaultKind::Twice => "twice",
        FaultKind::Outside => "outside",
        FaultKind::Run => "run",
        FaultKind::Missing => "missing",
        FaultKind::BlobId => "blob_id",
        FaultKind::Free => "free",
        FaultKind::Total => "total",
        FaultKind::Sha256 => "sha256",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use capsule_shared::blob_store::CheckOptions;

    #[test]
    fn each_fault_has_a_line() {
        let status = CheckStatus {
            options: CheckOptions::default(),
            begun_at: 1,
            stage: CheckStage::Done,
            blobs: 9,
            hashed_blobs: 0,
            hashed_bytes: 0,
            without_sha256: 0,
            faults: 3,
            mended: 1,
            first_faults: vec![
                StoreFault {
                    kind: FaultKind::Total,
                    mended: true,
                    key: None,
                    text: "blobs is 8, expected 9".into(),
                },
                StoreFault {
                    kind: FaultKind::Twice,
                    mended: false,
                    key: Some(vec![1, 2].into()),
                    text: "block 5 belongs to two files".into(),
                },
            ],
        };
        assert_eq!(unmended(&status), 2);
        let store = Principal::management_canister();
        let value = json(store, &status);
        assert_eq!(value["first_faults"][1]["key"], "0102");
        assert_eq!(
            lines(&[(store, status)])[2..],
            [
                "aaaaa-aa  total, mended: blobs is 8, expected 9",
                "aaaaa-aa  twice: block 5 belongs to two files  blob 0102",
                "aaaaa-aa  and 1 more",
            ]
        );
    }
}
