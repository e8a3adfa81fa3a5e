//! One report on the gateway, the index and all stores.
//!
//! The gateway knows the stores' last reports, so no store is asked, however many there are.

use crate::commands::admin::amounts::{cycles, or_unknown};
use crate::commands::admin::{amounts, entries};
use crate::failure::Outcome;
use crate::network::canister::Canister;
use crate::network::error::CallError;
use crate::network::metrics::Metrics;
use crate::output::Output;
use candid::Principal;
use capsule_shared::stores::StoreEntry;
use futures_util::future::join;
use futures_util::try_join;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the metrics and the module of a canister are asked for. The report does without.
const PATIENCE: Duration = Duration::from_secs(5);

/// The facts that a canister tells everybody.
struct Facts {
    canister: Principal,
    /// The SHA-256 of its module.
    module: Option<String>,
    metrics: Result<Metrics, CallError>,
}

pub async fn run(gateway: &Canister, output: Output) -> Outcome {
    let facts = async { Ok(Facts::of(gateway).await) };
    let index = async {
        let index = gateway.configuration().await?.memory_index;
        Ok(match index {
            Some(index) => Some(Facts::of(&gateway.other(index, "index")).await),
            None => None,
        })
    };
    let (stores, facts, index) = try_join!(gateway.stores(), facts, index)?;
    let mut lines = facts.heading("gateway");
    lines.extend(facts.gateway());
    match &index {
        None => lines.push("index    none is configured".into()),
        Some(index) => {
            lines.extend(index.heading("index"));
            lines.extend(index.index());
        }
    }
    lines.push(summary(&stores));
    lines.extend(entries::table(&stores, amounts::now()));
    let listed: Vec<Value> = stores.iter().map(entries::json).collect();
    output.report(
        &lines,
        json!({
            "gateway": facts.gateway_json(),
            "index": index.as_ref().map(Facts::index_json),
            "stores": listed,
        }),
    );
    Ok(())
}

impl Facts {
    async fn of(canister: &Canister) -> Self {
        let asked = canister.patient_for(PATIENCE);
        let (module, metrics) = join(asked.module(), asked.metrics()).await;
        Self {
            canister: canister.id(),
            module: module.ok().flatten().map(hex::encode),
            metrics,
        }
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.metrics.as_ref().ok()?.number(name)
    }

    fn shown(&self, name: &str) -> String {
        or_unknown(self.number(name), |number| number.to_string())
    }

    /// The id and the module, and why there is nothing more to say if the canister is silent.
    fn heading(&self, kind: &str) -> Vec<String> {
        let module = or_unknown(self.module.as_deref(), |module| module[..16].to_string());
        let mut lines = vec![format!("{kind:<9}{}  module {module}…", self.canister)];
        if let Err(error) = &self.metrics {
            lines.push(format!("  no figures: {error}"));
        }
        lines
    }

    fn cycles(&self, canister: &str) -> String {
        let value = |name: &str| {
            let number = self.number(&format!("{canister}_{name}"));
            or_unknown(number, |number| cycles(number.into()))
        };
        format!(
            "  cycles    {}, {} of them above the freezing threshold",
            value("cycle_balance"),
            value("liquid_cycles")
        )
    }

    fn gateway(&self) -> Vec<String> {
        if self.metrics.is_err() {
            return Vec::new();
        }
        let sessions = |state: &str| self.shown(&sessions(state));
        let mut queue = format!("  jobs      {} queued", self.shown(QUEUED));
        for (kind, count) in self.jobs().iter().filter(|(_, count)| **count > 0) {
            queue.push_str(&format!(", {count} {kind}"));
        }
        vec![
            self.cycles("upload_gateway"),
            format!(
                "  sessions  {} pending, {} finishing, {} committed; at most {} active",
                sessions("pending"),
                sessions("finishing"),
                sessions("committed"),
                self.shown("upload_gateway_sessions_max")
            ),
            queue,
            format!("  calls     {} open", self.shown(OPEN_CALLS)),
        ]
    }

    fn index(&self) -> Vec<String> {
        if self.metrics.is_err() {
            return Vec::new();
        }
        vec![
            self.cycles("memory_index"),
            format!(
                "  memories  {} in {} capsules, {} of them in the trash",
                self.shown("memory_index_memories"),
                self.shown("memory_index_capsules"),
                self.shown("memory_index_memories_trashed")
            ),
        ]
    }

    fn jobs(&self) -> std::collections::BTreeMap<String, u64> {
        let metrics = self.metrics.as_ref().ok();
        metrics.map_or_else(Default::default, |metrics| {
            metrics.by_label("upload_gateway_jobs", "kind")
        })
    }

    /// The part that all canisters have in common.
    fn json(&self, canister: &str) -> Value {
        let number = |name: &str| self.number(&format!("{canister}_{name}"));
        json!({
            "canister": self.canister.to_text(),
            "module_sha256": self.module,
            "error": self.metrics.as_ref().err().map(|error| error.to_string()),
            "cycles": number("cycle_balance"),
            "liquid_cycles": number("liquid_cycles"),
        })
    }

    fn gateway_json(&self) -> Value {
        let mut value = self.json("upload_gateway");
        let state = |state: &str| self.number(&sessions(state));
        value["sessions"] = json!({
            "pending": state("pending"),
            "finishing": state("finishing"),
            "committed": state("committed"),
            "max": self.number("upload_gateway_sessions_max"),
        });
        value["jobs_queued"] = self.number(QUEUED).into();
        value["jobs"] = json!(self.jobs());
        value["open_calls"] = self.number(OPEN_CALLS).into();
        value
    }

    fn index_json(&self) -> Value {
        let mut value = self.json("memory_index");
        for name in ["capsules", "memories", "memories_trashed"] {
            value[name] = self.number(&format!("memory_index_{name}")).into();
        }
        value
    }
}

const QUEUED: &str = "upload_gateway_jobs_queued";
const OPEN_CALLS: &str = "upload_gateway_open_calls";

fn sessions(state: &str) -> String {
    format!("upload_gateway_sessions{{state=\"{state}\"}}")
}

/// All stores together.
fn summary(stores: &[StoreEntry]) -> String {
    let reports = || stores.iter().filter_map(|entry| entry.report.as_ref());
    let used = reports().map(|report| report.used_bytes).sum();
    let capacity: u64 = stores.iter().filter_map(StoreEntry::capacity).sum();
    let all: u128 = reports().map(|report| report.cycles).sum();
    format!(
        "stores   {}, with {} used of {}, and {} cycles",
        stores.len(),
        amounts::bytes(used),
        amounts::bytes(capacity),
        cycles(all)
    )
}
