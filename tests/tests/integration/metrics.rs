//! The samples of `/metrics`, read as Prometheus reads them.

use crate::live::live;
use crate::waiting::{in_network_time, jobs_done};
use crate::{begin_and_put, bytes, refused, sha256, upload};
use candid::Principal;
use reqwest::Method;
use reqwest::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use std::collections::BTreeMap;
use std::time::Duration;
use tools::deployment::{Deployment, Part, deploy, person};
use tools::source::UploadSpec;
use tools::{http, metrics};

fn get(deployment: &Deployment, part: Part, url: &str) -> (u16, String) {
    metrics::get(deployment, part, url).unwrap()
}

fn metrics(deployment: &Deployment, part: Part) -> BTreeMap<String, f64> {
    metrics::metrics(deployment, part).unwrap()
}

/// One sample; the first part of its name is the canister.
pub fn sample(deployment: &Deployment, name: &str) -> f64 {
    let part = Part::ALL
        .into_iter()
        .find(|part| name.starts_with(part.name()));
    metrics(deployment, part.expect("a canister's name comes first"))[name]
}

#[test]
fn uploads_aborts_and_expiries_are_counted() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let data = bytes(700, 1);
    let spec = |name: &str| UploadSpec::document(name, 700).in_chunks_of(300, 700);
    upload(&alice, &spec("done"), &data).unwrap();
    let wrong = begin_and_put(&alice, &spec("wrong"), &data, 3);
    refused(alice.finish(wrong, &[0; 32], 700));
    refused(alice.finish(wrong, &sha256(&data), 7));
    begin_and_put(&alice, &spec("open"), &data, 1);
    alice.abort(wrong).unwrap();

    let gateway = || metrics(&deployment, Part::Gateway);
    let of = |samples: &BTreeMap<String, f64>, name: &str| {
        let value = samples.get(&format!("upload_gateway_{name}"));
        *value.unwrap_or_else(|| panic!("no {name} in {samples:#?}"))
    };
    let now = gateway();
    for (name, expected) in [
        ("sessions{state=\"pending\"}", 1.0),
        ("sessions{state=\"finishing\"}", 0.0),
        ("sessions{state=\"committed\"}", 1.0),
        ("uploads_open", 1.0),
        ("begins_total", 3.0),
        ("chunks_total", 7.0),
        ("chunk_bytes_total", 1_700.0),
        ("finishes_total", 1.0),
        ("finishes_failed_total{reason=\"checksum_mismatch\"}", 1.0),
        ("finishes_failed_total{reason=\"invalid_argument\"}", 1.0),
        ("finishes_failed_total{reason=\"internal\"}", 0.0),
        ("aborts_total", 1.0),
        ("expiries_total", 0.0),
        ("open_calls", 0.0),
    ] {
        assert_eq!(of(&now, name), expected, "{name}");
    }
    let balance = deployment.cycles(Part::Gateway) as f64;
    assert!((of(&now, "cycle_balance") - balance).abs() < balance / 1e6);
    assert!(of(&now, "liquid_cycles") < of(&now, "cycle_balance"));
    assert!(of(&now, "stable_memory_bytes") > 65_536.0);
    assert!(of(&now, "heap_bytes") > 65_536.0);

    // The queue deletes the aborted upload, and a day later the expired one.
    let store = |name: &str| sample(&deployment, &format!("blob_store_{name}"));
    for (seconds, open, blobs, held) in [(0, 1.0, 2.0, 1_000.0), (25 * 3_600, 0.0, 1.0, 700.0)] {
        deployment.pic.advance_time(Duration::from_secs(seconds));
        in_network_time(&deployment, &format!("{open} open uploads"), || {
            (of(&gateway(), "uploads_open") == open).then_some(())
        });
        jobs_done(&deployment, "delete_blob");
        assert_eq!((store("blobs"), store("bytes")), (blobs, held));
    }
    let now = gateway();
    assert_eq!(of(&now, "expiries_total"), 1.0);
    assert_eq!(of(&now, "sessions{state=\"pending\"}"), 0.0);
    assert_eq!(of(&now, "jobs{kind=\"delete_blob\"}"), 0.0);
    let index = metrics(&deployment, Part::MemoryIndex);
    assert_eq!(index["memory_index_memories"], 1.0);
    assert_eq!(index["memory_index_capsules"], 1.0);
    // Metrics contain no principals and no capsules.
    for part in Part::ALL {
        let (_, body) = get(&deployment, part, "/metrics");
        assert!(!body.contains(&person("alice").to_text()) && !body.contains("capsule-1"));
    }
}

#[test]
fn only_metrics_are_served() {
    let deployment = deploy();
    for part in Part::ALL {
        assert_eq!(get(&deployment, part, "/").0, 404);
        assert_eq!(get(&deployment, part, "/metrics?x=1").0, 200);
        let broken = deployment.pic.query_call(
            deployment.id(part),
            Principal::anonymous(),
            "http_request",
            b"DIDL".to_vec(),
        );
        let told = String::from_utf8_lossy(&broken.unwrap()).into_owned();
        assert!(told.contains("arguments can't be decoded"), "{told}");
    }
}

#[test]
fn scrapers_may_ask_by_head_and_are_told_the_allowed_methods() {
    let (deployment, url) = live();
    for part in Part::ALL {
        let url = format!("{url}metrics?canisterId={}", deployment.id(part));
        let ask = |method: Method| http::client().request(method, &url).send().unwrap();
        let (got, head) = (ask(Method::GET), ask(Method::HEAD));
        assert_eq!((got.status().as_u16(), head.status().as_u16()), (200, 200));
        assert_eq!(head.headers()[CONTENT_TYPE], got.headers()[CONTENT_TYPE]);
        // The length is that of the body that GET gets. Its figures may differ a little.
        let length = |headers: &HeaderMap| -> usize {
            let text = headers[CONTENT_LENGTH].to_str();
            text.unwrap().parse().unwrap()
        };
        let (of_head, of_get) = (length(head.headers()), length(got.headers()));
        assert!(of_head.abs_diff(of_get) < 200, "{of_head} and {of_get}");
        assert!(head.bytes().unwrap().is_empty());
        for method in [Method::POST, Method::DELETE] {
            let refused = ask(method);
            assert_eq!(refused.status(), 405);
            assert_eq!(refused.headers()[ALLOW], "GET, HEAD");
        }
    }
}
