//! The rules of Prometheus and the dashboard of Grafana in `ops/`, by which operators watch.
//!
//! The tests run the real `prometheus` and `promtool`.

mod files;
mod prometheus;
mod promql;
mod server;
mod stopped_store;

use crate::waiting::in_network_time;
use crate::{bytes, upload};
use files::{Alarm, alarms, dashboard, expressions, ops, read, recorded, rule_files, test_files};
use prometheus::{addresses, config_for_the_internet_computer, promtool};
use std::collections::BTreeSet;
use std::slice;
use tools::deployment::{Deployment, Part, deploy, person};
use tools::metrics::metrics;
use tools::source::UploadSpec;

/// Series that Prometheus makes by itself.
const OF_PROMETHEUS: [&str; 2] = ["up", "ALERTS"];

/// Every canister prints these once it has grown, by the same code.
const AFTER_GROWTH: [&str; 2] = ["reserved_cycles", "reserved_cycles_limit"];

/// The names of all metrics that a canister prints, without labels.
fn printed(deployment: &Deployment, part: Part) -> BTreeSet<String> {
    let samples = metrics(deployment, part).unwrap();
    let name = |sample: &String| sample.split('{').next().unwrap_or_default().to_string();
    samples.keys().map(name).collect()
}

/// Names in expressions that nobody knows, with the expression.
fn unknown(known: &BTreeSet<String>, expressions: &[String]) -> Vec<(String, String)> {
    let named = expressions.iter().flat_map(|expression| {
        let names = promql::names(expression).into_iter();
        names.map(move |name| (name, expression.clone()))
    });
    named.filter(|(name, _)| !known.contains(name)).collect()
}

#[test]
fn panels_and_rules_name_only_metrics_that_the_canisters_print() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let data = bytes(700, 1);
    let spec = UploadSpec::document("file", 700).in_chunks_of(300, 700);
    upload(&alice, &spec, &data).unwrap();
    let mut known = in_network_time(&deployment, "a report of the store", || {
        let all: BTreeSet<_> = Part::ALL
            .into_iter()
            .flat_map(|part| printed(&deployment, part))
            .collect();
        let reported = all.contains("upload_gateway_store_free_bytes");
        reported.then_some(all)
    });
    // A report asks for the reserve of the store.
    for name in AFTER_GROWTH {
        assert!(known.contains(&format!("blob_store_{name}")), "{known:?}");
        known.extend(Part::ALL.map(|part| format!("{}_{name}", part.name())));
    }
    known.extend(OF_PROMETHEUS.map(String::from));
    for file in rule_files() {
        known.extend(recorded(&file));
    }
    let mut all = dashboard().expressions();
    all.extend(rule_files().iter().flat_map(|file| expressions(file)));
    assert!(all.len() > 60, "only {} expressions were found", all.len());
    assert_eq!(unknown(&known, &all), []);

    let typo = vec!["rate(upload_gateway_chunk_total[5m])".to_string()];
    assert_eq!(unknown(&known, &typo)[0].0, "upload_gateway_chunk_total");
}

#[test]
fn each_alarm_says_what_to_do_and_has_a_test_in_which_it_fires() {
    let document = read(&ops().join("../docs/operating.md"));
    let anchors = files::anchors(&document);
    let tests: String = test_files().iter().map(|file| read(file)).collect();
    let fires = |name: &str| {
        let begin = format!("- alertname: {name}\n");
        let mut cases = tests.split(&begin).skip(1);
        cases.any(|case| {
            let case = case.split("- alertname: ").next().unwrap_or_default();
            case.contains("- exp_labels:")
        })
    };
    let all: Vec<Alarm> = rule_files().iter().flat_map(|file| alarms(file)).collect();
    assert!(all.len() > 20, "only {} alarms were found", all.len());
    for Alarm { name, fields } in &all {
        let field = |key: &str| {
            let value = fields.get(key);
            value.unwrap_or_else(|| panic!("the alarm {name} has no {key}"))
        };
        let severity = field("severity");
        assert!(
            matches!(severity.as_str(), "warning" | "critical"),
            "{name}: the severity is {severity}, expected warning or critical"
        );
        assert!(!field("summary").is_empty() && !field("action").is_empty());
        let runbook = field("runbook");
        let anchor = runbook.strip_prefix("docs/operating.md#");
        let exists = anchor.is_some_and(|anchor| anchors.contains(anchor));
        assert!(exists, "{name}: {runbook} is no section of that page");
        let told = document.contains(&format!("| `{name}` |"));
        assert!(told, "docs/operating.md has no row for the alarm {name}");
        assert!(fires(name), "no test in ops/ has the alarm {name} fire");
    }
}

#[test]
fn promtool_accepts_all_files_and_their_tests_pass() {
    let config = ops().join("prometheus/prometheus.yml");
    promtool(&["check", "config"], &[config]);
    promtool(&["check", "rules"], &rule_files());
    promtool(&["test", "rules"], &test_files());
}

#[test]
fn the_configuration_leads_to_the_canisters_on_both_networks() {
    let ids = Part::ALL.map(|part| format!("{}_ID", part.name().to_uppercase()));
    let of = |prefix: &str, suffix: &str| {
        let address = |id: &String| (format!("{prefix}{id}{suffix}"), id.clone());
        ids.iter().map(address).collect::<BTreeSet<_>>()
    };
    let local = addresses(&ops().join("prometheus/prometheus.yml"));
    let prefix = "http://localhost:4943/metrics?canisterId=";
    assert_eq!(local, of(prefix, ""));
    // As its comments say how to change it.
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("prometheus.yml");
    std::fs::write(&changed, config_for_the_internet_computer()).unwrap();
    promtool(&["check", "config"], slice::from_ref(&changed));
    assert_eq!(addresses(&changed), of("https://", ".raw.icp0.io/metrics"));
}

#[test]
fn the_dashboard_is_one_that_grafana_can_import() {
    dashboard().check();
}
