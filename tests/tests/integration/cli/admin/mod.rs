//! `capsule admin`: the operator's commands, by the operator and by strangers.

mod gateways;
mod people;
mod stores;

use super::machine::Machine;
use serde_json::Value;

/// The one JSON document of a command that must succeed. A change is agreed to.
#[track_caller]
fn document(machine: &Machine, arguments: &[&str]) -> Value {
    let mut printed = machine.json(&[&["admin", "--yes"], arguments].concat());
    assert_eq!(printed.len(), 1, "{arguments:?}: {printed:?}");
    printed.remove(0)
}

/// The error of a command to which the user agrees, and which must fail with this exit code.
#[track_caller]
fn refused(machine: &Machine, code: i32, arguments: &[&str]) -> String {
    machine.fails(code, &[&["admin", "--yes"], arguments].concat())
}

/// The names that `stores list` shows, with their states.
fn states(machine: &Machine) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let listed = document(machine, &["stores", "list"]);
    let stores = listed["stores"].as_array().unwrap().iter();
    stores
        .map(|store| (text(&store["store"]), text(&store["state"])))
        .collect()
}

#[test]
fn nobody_is_asked_without_a_terminal_so_nothing_changes() {
    let machine = Machine::operated(1);
    let before = states(&machine);
    let store = before[0].0.clone();
    let gateway = machine.deployment.gateway.to_text();
    for arguments in [
        &["stores", "drain", &store][..],
        &["stores", "capacity", &store, "none"],
        &["sessions", "end", "1"],
        &["principals", "block", &store],
        &["gateways", "transfer", "--from", &store, "--to", &gateway],
        &["check", "--repair"],
    ] {
        let said = machine.fails(2, &[&["admin"], arguments].concat());
        assert!(said.contains("expected --yes or a terminal"), "{said}");
        // The command line itself refuses the anonymous principal, before anything is sent.
        let wrong = arguments.iter().map(|text| match *text == store {
            true => "2vxsx-fae",
            false => text,
        });
        let wrong: Vec<&str> = [&["admin", "--yes"][..], &wrong.collect::<Vec<_>>()].concat();
        if arguments.contains(&store.as_str()) {
            assert_eq!(machine.run(&wrong).status.code(), Some(2), "{wrong:?}");
        }
    }
    assert_eq!(states(&machine), before);
}

#[test]
fn a_stranger_learns_which_principal_lacks_which_right() {
    let machine = Machine::operated(1);
    let key = machine.path("stranger.pem");
    let key = key.to_str().unwrap();
    let stranger = machine.done(&["--identity", key, "identity", "--new"]);
    let store = machine.deployment.blob_store.to_text();
    let hint = format!(
        "add this principal as a controller of the canister {}: {}",
        machine.deployment.gateway,
        stranger.trim()
    );
    for arguments in [
        &["status"][..],
        &["stores", "list"],
        &["stores", "drain", &store],
        &["sessions", "list"],
        &["sessions", "end", "1"],
        &["principals", "list"],
        &["principals", "block", &store],
        &["check"],
    ] {
        let said = refused(&machine, 5, &[&["--identity", key], arguments].concat());
        assert!(said.contains(&hint), "{arguments:?}: {said}");
    }
    assert_eq!(states(&machine), [(store, "active".to_string())]);
}
