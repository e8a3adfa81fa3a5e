//! The lines that the gateway prints, and the methods that the modules export.
//!
//! The gateway prints three checkpoints of a finish and the end of a session. Modules export the
//! methods of their descriptions. The debug build of the gateway exports one more.

use crate::waiting::{in_network_time, jobs_done};
use crate::{begin_and_put, bytes, capsule, invalid, read_back, sha256};
use std::collections::BTreeSet;
use std::io::Read;
use std::time::Duration;
use tools::deployment::{Deployment, Part, deploy, person, wasm};
use tools::source::UploadSpec;

fn log(deployment: &Deployment, part: Part) -> Vec<String> {
    let records = deployment
        .pic
        .fetch_canister_logs(deployment.id(part), deployment.controller)
        .unwrap();
    let line = |content: Vec<u8>| String::from_utf8(content).unwrap();
    records.into_iter().map(|r| line(r.content)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn a_finish_prints_three_lines_and_nothing_else_is_printed() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let data = bytes(700, 1);
    let spec = UploadSpec::document("file", 700).in_chunks_of(300, 700);
    let session = begin_and_put(&alice, &spec, &data, 3);
    // Chunks leave no line, not even repeated, bad or foreign ones.
    alice.put_chunk(session, 0, &data[..300]).unwrap();
    alice.put_chunk(session, 0, &data[1..301]).unwrap_err();
    alice.put_chunk(99, 0, &data[..300]).unwrap_err();
    deployment
        .client(person("mallory"))
        .finish(session, &sha256(&data), 700)
        .unwrap_err();
    assert_eq!(log(&deployment, Part::Gateway), [""; 0]);

    let start = format!("FINISH_START sid={session}");
    invalid(alice.finish(session, &[7; 32], 700));
    assert_eq!(log(&deployment, Part::Gateway), [start.as_str()]);

    let result = alice.finish(session, &sha256(&data), 700).unwrap();
    let hashed = format!("FINISH_HASH_OK sid={session} hash={}", hex(&sha256(&data)));
    let committed = format!(
        "FINISH_INDEX_COMMITTED sid={session} mid={}",
        result.memory_id
    );
    let all = [start.clone(), start, hashed, committed];
    assert_eq!(log(&deployment, Part::Gateway), all);

    // The same finish again finds its result. Reading and deleting print nothing.
    assert_eq!(
        alice.finish(session, &sha256(&data), 700),
        Ok(result.clone())
    );
    assert!(read_back(&alice, &result.blob_id) == data);
    alice.memories_delete(&result.memory_id).unwrap();
    jobs_done(&deployment, "delete_blob");
    assert_eq!(log(&deployment, Part::Gateway), all);
    assert_eq!(log(&deployment, Part::BlobStore), [""; 0]);
    assert_eq!(log(&deployment, Part::MemoryIndex), [""; 0]);
}

/// Waits until the gateway has printed a line.
fn expired(deployment: &Deployment) {
    in_network_time(deployment, "an expired session", || {
        (!log(deployment, Part::Gateway).is_empty()).then_some(())
    });
}

#[test]
fn an_expired_session_is_named_once() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let spec = UploadSpec::document("file", 0).in_chunks_of(300, 700);
    let session = alice.begin(&capsule(&alice), &spec).unwrap();
    deployment.pic.advance_time(Duration::from_secs(25 * 3600));
    expired(&deployment);
    jobs_done(&deployment, "delete_blob");
    let line = format!("SESSION_EXPIRED sid={session}");
    assert_eq!(log(&deployment, Part::Gateway), [line]);
}

#[test]
fn a_session_expires_although_the_canister_was_stopped_when_its_time_came() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let spec = UploadSpec::document("file", 0).in_chunks_of(300, 700);
    let session = alice.begin(&capsule(&alice), &spec).unwrap();
    deployment.stop(Part::Gateway);
    deployment.pic.advance_time(Duration::from_secs(25 * 3600));
    (0..3).for_each(|_| deployment.pic.tick());
    deployment.start(Part::Gateway);
    // The timer wakes it, without a message.
    expired(&deployment);
    let line = format!("SESSION_EXPIRED sid={session}");
    assert_eq!(log(&deployment, Part::Gateway), [line]);
}

/// The names of the methods that a module exports.
fn methods(module: &str) -> BTreeSet<String> {
    let packed = wasm(module);
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_end(&mut bytes)
        .unwrap();
    let mut names = BTreeSet::new();
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        if let wasmparser::Payload::ExportSection(exports) = payload.unwrap() {
            for export in exports {
                let name = export.unwrap().name;
                let method = [
                    "canister_update ",
                    "canister_query ",
                    "canister_composite_query ",
                ]
                .iter()
                .find_map(|kind| name.strip_prefix(kind));
                names.extend(method.map(str::to_string));
            }
        }
    }
    names
}

/// The names of the methods in a committed description.
fn described(part: Part) -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../canisters");
    let name = part.name();
    let text = std::fs::read_to_string(format!("{folder}/{name}/{name}.did")).unwrap();
    let ast: candid_parser::IDLProg = text.parse().unwrap();
    let mut env = candid::TypeEnv::new();
    let actor = candid_parser::check_prog(&mut env, &ast).unwrap().unwrap();
    let service = env.as_service(&actor).unwrap();
    service.iter().map(|(name, _)| name.clone()).collect()
}

#[test]
fn release_modules_export_the_methods_of_their_descriptions() {
    for part in Part::ALL {
        let mut expected = described(part);
        // Only the canister itself may call it.
        expected.insert("grow_stable_memory".into());
        if part != Part::Gateway {
            // `ic-cdk-timers` has it called for each turn of background work.
            expected.insert("<ic-cdk internal> timer_executor".into());
            expected.insert("grow_stable_memory_ahead".into());
        }
        assert_eq!(methods(part.name()), expected, "{}", part.name());
    }
}

#[test]
fn only_the_debug_build_exports_the_probe() {
    let release = methods("upload_gateway");
    let debug = methods("upload_gateway.debug");
    let added: Vec<&String> = debug.difference(&release).collect();
    assert_eq!(added, ["debug_session_stats"]);
    assert!(release.is_subset(&debug));
}
