//! The real Prometheus watches `capsule-up`, and a store is stopped.

use super::files::{alarms, dashboard, rule_files};
use super::prometheus::Prometheus;
use super::server::Server;
use crate::begin_and_put;
use crate::up::Up;
use crate::waiting::eventually;
use candid::Principal;
use serde_json::Value;
use std::collections::BTreeSet;
use tools::deployment::{Deployment, Part, person};
use tools::source::UploadSpec;

/// The canisters of `capsule-up`, in the hands of those who deployed them.
fn deployed(server: &Server, told: &Value) -> Deployment {
    let id = |part: Part| Principal::from_text(told[part.name()].as_str().unwrap()).unwrap();
    Deployment {
        pic: server.only_instance(),
        controller: person("controller"),
        gateway: id(Part::Gateway),
        blob_store: id(Part::BlobStore),
        memory_index: id(Part::MemoryIndex),
    }
}

#[test]
fn a_stopped_store_is_told_by_alarms() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let (up, told) = Up::on(server.url(), folder.path());
    let deployment = deployed(&server, &told);
    let network = told["url"].as_str().unwrap().trim_start_matches("http://");
    let targets = Part::ALL.map(|part| (part.name(), deployment.id(part).to_text()));
    let prometheus = Prometheus::start(network.trim_end_matches('/'), &targets);
    let store = deployment.blob_store.to_text();

    let wanted: BTreeSet<_> = targets
        .iter()
        .map(|(name, id)| (*name, id.as_str()))
        .collect();
    eventually("the answers of all targets", || {
        let now = prometheus.targets();
        let labels = now.iter().map(|target| {
            let label = |key: &str| target["labels"][key].as_str().unwrap();
            (label("canister"), label("instance"))
        });
        let complete = labels.collect::<BTreeSet<_>>() == wanted;
        let up = now.iter().all(|target| target["health"] == "up");
        (complete && up).then_some(())
    });
    rules_work(&prometheus);
    // The figures go all the way through the rules.
    eventually("the fill of the store", || {
        let found = prometheus.query("store:fill:ratio and store:active == 1");
        found
            .first()
            .map(|sample| assert_eq!(sample["metric"]["store"], store))
    });
    eventually("the cycles of all canisters", || {
        (prometheus.query("canister:liquid_cycles").len() == 3).then_some(())
    });
    for expression in dashboard().expressions() {
        prometheus.query(&expression.replace("$__rate_interval", "1m"));
    }

    let of_store = |alarm: &Value, label: &str| alarm["labels"][label] == store;
    assert!(prometheus.firing("StoreSilent").is_empty());
    deployment.stop(Part::BlobStore);
    let down = eventually("the alarm about a target without an answer", || {
        let firing = prometheus.firing("TargetDown");
        firing.into_iter().find(|alarm| of_store(alarm, "instance"))
    });
    let summary = format!("blob_store {store} doesn't answer /metrics.");
    assert_eq!(down["annotations"]["summary"], summary);
    assert_eq!(down["labels"]["severity"], "critical");
    // The gateway notices a silent store when it needs it.
    let spec = UploadSpec::document("file", 300).in_chunks_of(300, 300);
    let alice = deployment.client(person("alice"));
    let capsule = crate::capsule(&alice);
    alice.begin(&capsule, &spec).unwrap_err();
    eventually("the alarm about a silent store", || {
        let firing = prometheus.firing("StoreSilent");
        firing.into_iter().find(|alarm| of_store(alarm, "store"))
    });

    deployment.start(Part::BlobStore);
    eventually("the end of the alarm", || {
        let firing = prometheus.firing("TargetDown");
        let still = firing.iter().any(|alarm| of_store(alarm, "instance"));
        (!still).then_some(())
    });
    begin_and_put(&alice, &spec, &[7; 300], 1);
    eventually("the end of the silence", || {
        prometheus.firing("StoreSilent").is_empty().then_some(())
    });
    drop(prometheus);
    up.end();
}

/// All rules are loaded, and none has an error when it is evaluated.
fn rules_work(prometheus: &Prometheus) {
    let files = rule_files();
    let expected = files.iter().flat_map(|file| alarms(file));
    let expected: BTreeSet<String> = expected.map(|alarm| alarm.name).collect();
    eventually("the first evaluation of all rules", || {
        let rules = prometheus.rules();
        let alerting = rules.iter().filter(|rule| rule["type"] == "alerting");
        let loaded: BTreeSet<String> = alerting
            .map(|rule| rule["name"].as_str().unwrap().to_string())
            .collect();
        for rule in &rules {
            assert!(rule["lastError"].is_null(), "{rule}");
        }
        let evaluated = rules.iter().all(|rule| rule["health"] == "ok");
        (loaded == expected && evaluated).then_some(())
    });
}
