//! The report on all canisters, the list of stores, and checks.

use super::super::machine::{Machine, text};
use super::{document, refused, states};
use candid::Principal;
use capsule_shared::blob_store::BlobStoreArgs;
use serde_json::Value;
use tools::deployment::Part;

fn state_of(machine: &Machine, store: &str) -> Option<String> {
    let found = states(machine).into_iter().find(|(id, _)| id == store);
    found.map(|(_, state)| state)
}

#[test]
fn the_status_tells_of_the_gateway_the_index_and_all_stores() {
    let machine = Machine::operated(3);
    let file = machine.file("photo.jpg", 30_000, 1);
    machine.done(&["upload", text(&file)]);
    let status = document(&machine, &["status"]);
    let deployment = &machine.deployment;
    for (part, kind) in [(Part::Gateway, "gateway"), (Part::MemoryIndex, "index")] {
        let told = &status[kind];
        assert_eq!(told["canister"], deployment.id(part).to_text());
        assert_eq!(told["error"], Value::Null);
        assert_eq!(told["module_sha256"].as_str().unwrap().len(), 64);
        assert!(told["cycles"].as_u64().unwrap() > 1_000_000_000_000);
    }
    assert_eq!(status["gateway"]["sessions"]["committed"], 1);
    assert!(status["gateway"]["jobs_queued"].is_u64(), "{status}");
    assert_eq!(status["index"]["memories"], 1);
    let stores = status["stores"].as_array().unwrap();
    assert_eq!(stores.len(), 3);
    for store in stores {
        assert_eq!(store["state"], "active");
        assert_eq!(store["silent_since_ns"], Value::Null);
        assert!(store["capacity_bytes"].as_u64().unwrap() >= 150 << 30);
    }
    let shown = machine.done(&["admin", "status"]);
    for (store, _) in states(&machine) {
        let row = shown.lines().find(|line| line.starts_with(&store));
        assert!(row.unwrap().contains("active"), "{shown}");
    }
    assert!(shown.contains("1 in 1 capsules"), "{shown}");
}

#[test]
fn a_store_comes_changes_and_goes() {
    let machine = Machine::operated(1);
    let deployment = &machine.deployment;
    let args = |gateways: Vec<Principal>| BlobStoreArgs {
        gateways: Some(gateways),
        ..BlobStoreArgs::default()
    };
    let new = deployment.install_another(Part::BlobStore, &args(vec![deployment.gateway]));
    let new = new.to_text();
    let unknown = refused(&machine, 4, &["stores", "drain", &new]);
    assert!(unknown.contains("is not one of gateway"), "{unknown}");

    let added = document(&machine, &["stores", "add", &new]);
    assert_eq!(
        (&added["state"], &added["changed"]),
        (&"active".into(), &true.into())
    );
    for (command, state) in [
        ("read-only", "read_only"),
        ("drain", "draining"),
        ("offline", "offline"),
        ("activate", "active"),
    ] {
        for changed in [true, false] {
            let now = document(&machine, &["stores", command, &new]);
            assert_eq!(
                (&now["state"], &now["changed"]),
                (&state.into(), &changed.into())
            );
        }
        assert_eq!(state_of(&machine, &new).as_deref(), Some(state));
    }
    let bound = document(&machine, &["stores", "capacity", &new, "104857600"]);
    assert_eq!(bound["capacity_bytes"], 100 << 20);
    let small = refused(&machine, 3, &["stores", "capacity", &new, "5"]);
    assert!(small.contains("expected"), "{small}");
    let free = document(&machine, &["stores", "capacity", &new, "none"]);
    assert_eq!(free["operator_capacity_bytes"], Value::Null);

    let active = refused(&machine, 3, &["stores", "retire", &new]);
    assert!(active.contains("conflict"), "{active}");
    document(&machine, &["stores", "read-only", &new]);
    let retired = document(&machine, &["stores", "retire", &new]);
    assert_eq!(retired["retired"], true);
    assert_eq!(state_of(&machine, &new), None);

    let gateway = deployment.gateway.to_text();
    let wrong = refused(&machine, 3, &["stores", "add", &gateway]);
    assert!(wrong.contains("expected a blob store"), "{wrong}");
    let foreign = deployment.install_another(Part::BlobStore, &args(vec![deployment.memory_index]));
    let foreign = refused(&machine, 3, &["stores", "add", &foreign.to_text()]);
    assert!(foreign.contains("gateways_register"), "{foreign}");
}

#[test]
fn stores_check_themselves_and_the_command_follows() {
    let machine = Machine::operated(2);
    let file = machine.file("photo.jpg", 30_000, 1);
    machine.done(&["upload", text(&file)]);
    for (options, hashed) in [
        (&["check"][..], 0),
        (&["check", "--contents"], 1),
        (&["check", "--repair"], 0),
    ] {
        let checked = document(&machine, options);
        let stores = checked["stores"].as_array().unwrap();
        assert_eq!(stores.len(), 2);
        let sum = |name: &str| {
            stores
                .iter()
                .map(|s| s[name].as_u64().unwrap())
                .sum::<u64>()
        };
        assert!(
            stores.iter().all(|store| store["check"] == "done"),
            "{checked}"
        );
        let repair = options.contains(&"--repair");
        assert!(
            stores.iter().all(|store| store["repair"] == repair),
            "{checked}"
        );
        assert_eq!((sum("blobs"), sum("faults")), (1, 0), "{checked}");
        assert_eq!(sum("hashed_blobs"), hashed);
    }
    let store = machine.deployment.blob_store.to_text();
    document(&machine, &["stores", "offline", &store]);
    let others = document(&machine, &["check"]);
    assert_eq!(others["stores"].as_array().unwrap().len(), 1);
    let ended = document(&machine, &["check", "--end", &store]);
    assert_eq!(ended["stores"][0]["error"], Value::Null);
    let gateway = machine.deployment.gateway.to_text();
    refused(&machine, 4, &["check", &gateway]);
}
