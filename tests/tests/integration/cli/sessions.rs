//! Uploads that end elsewhere, are given up, meet a limit, or belong to somebody else.

use super::machine::{Machine, text};
use crate::waiting::eventually;
use crate::{CHUNK, bytes, sha256};
use candid::Principal;
use capsule_shared::gateway::GatewayArgs;
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Stdio};
use tools::engine::program;
use tools::source::UploadSpec;

fn start(machine: &Machine, file: &Path) -> Child {
    machine
        .command(program("capsule"))
        .args(["--retry-for", "600", "upload", text(file)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn kill(mut client: Child) {
    client.kill().unwrap();
    client.wait().unwrap();
}

/// Begins an upload whose client is then killed, and of which no chunk arrives while the gate is
/// closed. Returns its session.
fn pending(machine: &Machine, name: &str, seed: u64) -> String {
    let file = machine.file(name, 1_000, seed);
    let noted = machine.json(&["status"]).len();
    let mut client = start(machine, &file);
    machine.wait_until_noted(&mut client, noted + 1);
    kill(client);
    machine.json(&["status"])[0]["session"].to_string()
}

fn states(machine: &Machine) -> Vec<String> {
    let listed = machine.json(&["status"]);
    let mut states: Vec<String> = listed
        .iter()
        .map(|upload| format!("{} {}", upload["name"], upload["state"]).replace('"', ""))
        .collect();
    states.sort();
    states
}

#[test]
fn uploads_are_given_up_by_number_or_all_at_once() {
    let machine = Machine::new();
    let said = machine.fails(4, &["abort", "999999"]);
    assert!(said.contains("error: session 999999: not found"), "{said}");
    assert!(
        machine
            .done(&["abort", "--all"])
            .contains("no upload is pending")
    );

    let done = machine.file("done", 1_000, 1);
    let done = machine.json(&["upload", text(&done)])[0]["session"].to_string();
    assert!(machine.fails(3, &["abort", &done]).contains("is committed"));

    machine.admit("blob_put_chunk", 0);
    let sessions: Vec<String> = ["a", "b", "c", "d"]
        .iter()
        .zip(2..)
        .map(|(name, seed)| pending(&machine, name, seed))
        .collect();
    // One that fails stops no other.
    let output = machine.run(&["--json", "abort", &sessions[0], "999999", &sessions[1]]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let told: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let given_up: Vec<String> = told
        .iter()
        .filter(|line| line["aborted"] == true)
        .map(|line| line["session"].to_string())
        .collect();
    assert_eq!(given_up, sessions[..2]);
    assert!(printed.contains("session 999999: not found"), "{printed}");
    machine.fails(4, &["abort", &sessions[0]]);

    let all = machine.json(&["abort", "--all"]);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(states(&machine), ["done committed"]);
}

/// A client that is killed after its begin, and before it learns the session, leaves a record
/// without one.
#[test]
fn a_begin_without_an_answer_is_found_again() {
    for received in [false, true] {
        let machine = Machine::new();
        let file = machine.file("album.zip", 3 * CHUNK, 4);
        machine.admit("blob_put_chunk", u64::from(received));
        let mut client = start(&machine, &file);
        machine.wait_until_noted(&mut client, 1);
        if received {
            machine.wait_until_received(&mut client, CHUNK);
        }
        kill(client);
        let session = machine.json(&["status"])[0]["session"].to_string();
        machine.change_record(|record| record["session"] = Value::Null);
        std::fs::write(&file, bytes(3 * CHUNK, 5)).unwrap();
        if received {
            // Something was sent, so the user decides.
            let said = machine.fails(1, &["upload", text(&file)]);
            assert!(said.contains(&format!("capsule abort {session}")), "{said}");
            assert_eq!(states(&machine), ["album.zip pending"]);
            machine.done(&["abort", &session]);
            machine.open_gate();
            machine.done(&["upload", text(&file)]);
        } else {
            // A call of the killed client may still be on its way. It finds its session gone.
            let mut client = start(&machine, &file);
            let next = machine.wait_for_session_after(&mut client, session.parse().unwrap());
            assert_eq!(next["state"], "pending");
            machine.open_gate();
            let output = client.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        assert_eq!(states(&machine), ["album.zip committed"]);
        assert_eq!(machine.upload_records(), 0);
        let memory = &machine.json(&["ls"])[0]["memory"];
        machine.done(&["verify", memory.as_str().unwrap(), text(&file)]);
    }
}

#[test]
fn a_begin_that_never_came_leaves_nothing() {
    let machine = Machine::new();
    let file = machine.file("album.zip", 1_000, 4);
    machine.admit("blob_put_chunk", 0);
    let session = pending(&machine, "album.zip", 4);
    machine.done(&["abort", &session]);
    machine.change_record(|record| record["session"] = Value::Null);
    machine.open_gate();
    std::fs::write(&file, bytes(1_000, 5)).unwrap();
    machine.done(&["upload", text(&file)]);
    assert_eq!(states(&machine), ["album.zip committed"]);
}

#[test]
fn a_begin_that_is_refused_leaves_no_record() {
    let machine = Machine::new();
    let file = machine.file("a", 1_000, 4);
    machine.fails(4, &["upload", "--capsule", "capsule-77", text(&file)]);
    assert_eq!(machine.upload_records(), 0);
}

#[test]
fn a_record_whose_number_belongs_to_another_upload_harms_nobody() {
    let machine = Machine::new();
    machine.admit("blob_put_chunk", 0);
    let own = pending(&machine, "own", 1);
    machine.done(&["abort", &own]);
    machine.change_record(|record| record["session"] = (own.parse::<u64>().unwrap() + 1).into());
    let other = pending(&machine, "other", 2);
    assert_eq!(
        other.parse::<u64>().unwrap(),
        own.parse::<u64>().unwrap() + 1
    );
    // The file has changed, and the number in its record is that of the other upload.
    let file = machine.file("own", 1_000, 3);
    machine.open_gate();
    machine.done(&["upload", text(&file)]);
    assert_eq!(states(&machine), ["other pending", "own committed"]);
}

#[test]
fn a_record_of_release_0_1_0_still_helps() {
    let machine = Machine::new();
    let file = machine.file("a", 3 * CHUNK, 4);
    machine.admit("blob_put_chunk", 1);
    let mut client = start(&machine, &file);
    let session = machine.wait_until_received(&mut client, CHUNK)["session"].to_string();
    kill(client);
    machine.change_record(|record| {
        let fields = record.as_object_mut().unwrap();
        fields.retain(|name, _| name == "session" || name == "sha256");
    });
    machine.open_gate();
    std::fs::write(&file, bytes(3 * CHUNK, 5)).unwrap();
    let said = machine.fails(1, &["upload", text(&file)]);
    assert!(said.contains(&format!("capsule abort {session}")), "{said}");
}

/// The name of the record of a file, as clients had it that kept no identities apart.
fn old_name(machine: &Machine, capsule: &str, file: &Path) -> String {
    let gateway = machine.deployment.gateway.to_text();
    let file = file.canonicalize().unwrap();
    let mut bytes = Vec::new();
    for part in [gateway.as_str(), capsule, text(&file)] {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    let digits = sha256(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    format!("{digits}.json")
}

#[test]
fn two_identities_have_records_of_their_own() {
    let machine = Machine::new();
    let pem = machine.path("other.pem");
    machine.done(&["--identity", text(&pem), "identity", "--new"]);
    let principal = |arguments: &[&str]| {
        let told = machine.done(&[arguments, &["identity"]].concat());
        Principal::from_text(told.trim()).unwrap()
    };
    let (first, other) = (principal(&[]), principal(&["--identity", text(&pem)]));
    let client = machine.deployment.client(first);
    let capsule = client.capsules_create(None).unwrap().id;
    client.add_controller(&capsule, other).unwrap();

    machine.admit("blob_put_chunk", 0);
    let file = machine.file("a", 1_000, 1);
    let session = pending(&machine, "a", 1);
    // A record of an earlier client is left to its owner, too.
    let [name] = &machine.record_names()[..] else {
        panic!("there is not one record");
    };
    let records = machine.path("home/uploads");
    let old = records.join(old_name(&machine, &capsule, &file));
    std::fs::rename(records.join(name), &old).unwrap();
    let another_uploads = || {
        let (pem, file) = (text(&pem), text(&file));
        machine.done(&["--identity", pem, "upload", "--capsule", &capsule, file]);
    };
    machine.open_gate();
    std::fs::write(&file, bytes(1_000, 2)).unwrap();
    another_uploads();
    assert!(old.exists());
    std::fs::write(&file, bytes(1_000, 3)).unwrap();
    let said = machine.fails(1, &["upload", text(&file)]);
    assert!(said.contains(&format!("capsule abort {session}")), "{said}");
    assert!(!old.exists());
    assert_eq!(machine.record_names(), &[name.as_str()][..]);

    // The same with a record of today.
    another_uploads();
    assert_eq!(machine.record_names(), &[name.as_str()][..]);
    std::fs::write(&file, bytes(1_000, 1)).unwrap();
    machine.done(&["upload", text(&file)]);
    assert_eq!(machine.upload_records(), 0);
}

#[test]
fn a_limit_is_named_with_what_helps() {
    let machine = Machine::new();
    machine.admit("blob_put_chunk", 0);
    machine.configure(GatewayArgs {
        max_sessions_per_principal: Some(2),
        ..GatewayArgs::default()
    });
    pending(&machine, "a", 1);
    pending(&machine, "b", 2);
    let file = machine.file("c", 1_000, 3);
    let said = machine.fails(3, &["upload", text(&file)]);
    let reason = "your limit of unfinished uploads is reached: you have 2;";
    assert!(said.contains(reason), "{said}");
    assert!(said.contains("capsule abort --all"), "{said}");

    machine.configure(GatewayArgs {
        max_sessions_per_principal: Some(100),
        max_sessions_per_capsule: Some(2),
        ..GatewayArgs::default()
    });
    let said = machine.fails(3, &["upload", text(&file)]);
    let reason = "the limit of unfinished uploads into capsule-1 is reached";
    assert!(said.contains(reason), "{said}");
    assert!(said.contains("2 of them are yours"), "{said}");
    assert!(said.contains("capsule abort --all"), "{said}");

    // The reason is found without a trace, and the advice helps.
    assert_eq!(states(&machine), ["a pending", "b pending"]);

    // A client that was killed while it asked has left an upload, which the next question gives up.
    let who = Principal::from_text(machine.done(&["identity"]).trim()).unwrap();
    let mut left = UploadSpec::document("limit", 1);
    left.idempotency_key = "capsule-cli-limit-1".into();
    let limit = |most| {
        machine.configure(GatewayArgs {
            max_sessions_per_capsule: Some(most),
            ..GatewayArgs::default()
        });
    };
    limit(3);
    let client = machine.deployment.client(who);
    client.begin("capsule-1", &left).unwrap();
    limit(2);
    let said = machine.fails(3, &["upload", text(&file)]);
    assert!(said.contains("2 of them are yours"), "{said}");
    assert_eq!(states(&machine), ["a pending", "b pending"]);
    machine.done(&["abort", "--all"]);
    machine.open_gate();
    machine.done(&["upload", text(&file)]);

    // The trash counts, and to purge it helps.
    machine.configure(GatewayArgs {
        max_bytes_per_capsule: Some(CHUNK as u64),
        ..GatewayArgs::default()
    });
    let large = machine.file("d", CHUNK, 4);
    let memory = machine.json(&["ls"])[0]["memory"].clone();
    let memory = memory.as_str().unwrap();
    let said = machine.fails(3, &["upload", text(&large)]);
    assert!(said.contains("no room for 1800000 bytes"), "{said}");
    assert!(
        said.contains("0 bytes of 0 memories in its trash"),
        "{said}"
    );
    machine.done(&["rm", memory]);
    let said = machine.fails(3, &["upload", text(&large)]);
    let reason = "1000 bytes of 1 memories in its trash";
    assert!(said.contains(reason), "{said}");
    assert!(said.contains("--capsule"), "{said}");
    let advice = "purge --all --capsule capsule-1";
    assert!(said.contains(&format!("`capsule {advice}`")), "{said}");
    assert!(
        states(&machine)
            .iter()
            .all(|state| state.ends_with("committed"))
    );
    let purged = machine.json(&advice.split(' ').collect::<Vec<_>>());
    assert_eq!(purged[0]["memory"], memory);
    assert!(machine.json(&["trash"]).is_empty());
    eventually("the deletion of the bytes", || {
        let output = machine.run(&["upload", text(&large)]);
        output.status.success().then_some(())
    });

    machine.configure(GatewayArgs {
        max_bytes_per_capsule: Some(10 * CHUNK as u64),
        max_sessions: Some(1),
        ..GatewayArgs::default()
    });
    machine.admit("blob_put_chunk", 0);
    pending(&machine, "e", 5);
    let pem = machine.path("other.pem");
    machine.done(&["--identity", text(&pem), "identity", "--new"]);
    let said = machine.fails(3, &["--identity", text(&pem), "upload", text(&large)]);
    assert!(
        said.contains("of all users is reached, and 0 of them"),
        "{said}"
    );
    // The limit of all is named, too, if the user's own uploads reach it.
    let said = machine.fails(3, &["upload", text(&file)]);
    assert!(
        said.contains("of all users is reached, and 1 of them"),
        "{said}"
    );
    assert!(said.contains("capsule abort --all"), "{said}");
}

#[test]
fn an_upload_that_is_given_up_elsewhere_ends_with_one_sentence() {
    // Chunks of all lengths: the gateway turns large ones away before they run.
    for length in [4 * CHUNK, CHUNK + 9, 2_000] {
        let machine = Machine::new();
        let file = machine.file("film.mp4", length, 4);
        machine.admit("blob_put_chunk", 0);
        let mut client = start(&machine, &file);
        machine.wait_until_noted(&mut client, 1);
        let session = machine.json(&["status"])[0]["session"].to_string();
        machine.done(&["abort", &session]);
        let output = client.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains(&format!("film.mp4: session {session} is gone")),
            "{said}"
        );
        assert!(said.contains("the same command begins anew"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(machine.upload_records(), 0);

        machine.open_gate();
        let uploaded = &machine.json(&["upload", text(&file)])[0];
        assert_ne!(uploaded["session"].to_string(), session);
    }
}

#[test]
fn two_clients_may_send_the_same_file_at_once() {
    let machine = Machine::new();
    let file = machine.file("film.mp4", 4 * CHUNK, 4);
    machine.admit("blob_put_chunk", 1);
    let mut first = start(&machine, &file);
    machine.wait_until_received(&mut first, CHUNK);
    let second = start(&machine, &file);
    machine.open_gate();
    for client in [first, second] {
        let output = client.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(machine.json(&["ls"]).len(), 1);
}
