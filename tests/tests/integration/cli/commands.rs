//! The commands of the client, as a person or a script runs them.

use super::machine::{Machine, text};
use crate::bytes;
use serde_json::{Value, json};
use std::path::PathBuf;

#[test]
fn a_file_goes_up_is_listed_comes_back_and_is_deleted() {
    let machine = Machine::new();
    let photo = machine.file("photo.jpg", 4_000_000, 1);
    let uploaded = &machine.json(&["upload", text(&photo)])[0];
    assert_eq!(uploaded["bytes"], 4_000_000);
    assert_eq!(uploaded["sent_chunks"], 3);
    let memory = uploaded["memory"].as_str().unwrap();

    let listed = &machine.json(&["ls"])[0];
    assert_eq!(listed["memory"], memory);
    assert_eq!(listed["name"], "photo.jpg");
    assert_eq!(listed["mime_type"], "image/jpeg");
    assert_eq!(listed["sha256"], uploaded["sha256"]);
    assert_eq!(machine.json(&["capsules"])[0]["memories"], 1);
    assert_eq!(machine.json(&["status"])[0]["state"], "committed");

    // The same upload again sends nothing, and gives the same memory.
    let again = &machine.json(&["upload", text(&photo)])[0];
    assert_eq!(
        (&again["memory"], &again["sent_chunks"]),
        (&uploaded["memory"], &json!(0))
    );

    // A file of that name exists.
    machine.fails(1, &["download", memory]);
    std::fs::remove_file(&photo).unwrap();
    machine.done(&["download", memory]);
    assert!(std::fs::read(&photo).unwrap() == bytes(4_000_000, 1));
    machine.done(&["verify", memory, text(&photo)]);
    let other = machine.file("other.jpg", 4_000_000, 2);
    assert!(
        machine
            .fails(7, &["verify", memory, text(&other)])
            .contains("differs")
    );

    // A slip is mended: what is deleted goes into the trash.
    let said = machine.done(&["rm", memory]);
    assert!(said.contains("is in the trash until 20"), "{said}");
    assert!(machine.json(&["ls"]).is_empty());
    let trashed = &machine.json(&["trash"])[0];
    assert_eq!(
        (&trashed["memory"], &trashed["name"]),
        (&listed["memory"], &listed["name"])
    );
    assert!(machine.done(&["trash"]).contains("photo.jpg"));
    machine.done(&["restore", memory]);
    assert!(machine.json(&["trash"]).is_empty());
    assert_eq!(&machine.json(&["ls"])[0], listed);
    let removed = &machine.json(&["rm", memory])[0];
    assert!(removed["purge_at_ns"].as_u64() >= trashed["purge_at_ns"].as_u64());
    assert_eq!(removed["already_in_trash"], false);
    // It is there already, and keeps its time.
    let again = &machine.json(&["rm", memory])[0];
    assert_eq!(again["already_in_trash"], true);
    assert_eq!(again["purge_at_ns"], removed["purge_at_ns"]);
    let said = machine.done(&["rm", memory]);
    assert!(said.contains("is in the trash already, until 20"), "{said}");
    assert!(machine.json(&["ls"]).is_empty());
    assert!(
        machine
            .fails(4, &["download", memory])
            .contains("not found")
    );

    // Only what is in the trash can go for good, and one that fails stops no other.
    let other = machine.json(&["upload", text(&other)])[0]["memory"].clone();
    let other = other.as_str().unwrap();
    let said = machine.fails(3, &["purge", other, memory]);
    assert!(said.contains("1 of 2 memories"), "{said}");
    assert!(machine.json(&["trash"]).is_empty());
    assert!(machine.done(&["purge", "--all"]).contains("is empty"));
    machine.fails(4, &["restore", memory]);
    assert_eq!(machine.json(&["ls"])[0]["memory"], other);
    machine.done(&["rm", other]);

    // A deleted file can be uploaded again, as a new memory.
    let anew = &machine.json(&["upload", text(&photo)])[0];
    assert_eq!(anew["sent_chunks"], 3);
    assert_ne!(anew["memory"], memory);
    assert_eq!(machine.json(&["ls"])[0]["memory"], anew["memory"]);
    machine.done(&["verify", anew["memory"].as_str().unwrap(), text(&photo)]);
}

#[test]
fn several_files_go_up_at_once_and_a_failing_one_stops_no_other() {
    let machine = Machine::new();
    let good: Vec<PathBuf> = (0..3)
        .map(|i| machine.file(&format!("f{i}"), 2_000_000 + i as usize, i))
        .collect();
    let empty = machine.file("empty", 0, 0);
    let all: Vec<&str> = ["upload"]
        .into_iter()
        .chain(good.iter().map(|path| text(path)))
        .chain([text(&empty), "missing"])
        .collect();
    let said = machine.fails(1, &all);
    assert!(
        said.contains("empty has 0 bytes") && said.contains("cannot read missing: "),
        "{said}"
    );
    let mut names: Vec<String> = machine
        .json(&["ls"])
        .iter()
        .map(|memory| memory["name"].as_str().unwrap().to_string())
        .collect();
    names.sort();
    assert_eq!(names, ["f0", "f1", "f2"]);
}

#[test]
fn strangers_and_missing_identities_get_clear_errors() {
    let machine = Machine::new();
    let file = machine.file("mine.txt", 10, 7);
    let uploaded = &machine.json(&["upload", text(&file)])[0];
    let memory = uploaded["memory"].as_str().unwrap();
    let session = uploaded["session"].to_string();
    let pem = machine.path("stranger.pem");
    machine.done(&["--identity", text(&pem), "identity", "--new"]);
    let stranger = |code, arguments: &[&str]| {
        machine.fails(code, &[&["--identity", text(&pem)], arguments].concat());
    };
    // A stranger doesn't learn which memories exist.
    stranger(4, &["download", memory, "-o", "stolen"]);
    stranger(4, &["rm", memory]);
    stranger(4, &["restore", memory]);
    stranger(5, &["status", &session]);
    stranger(5, &["ls", "--capsule", "capsule-1"]);
    stranger(5, &["trash", "--capsule", "capsule-1"]);
    assert!(!machine.path("stolen").exists());
    machine.done(&["verify", memory, text(&file)]);

    // The client never replaces an identity, and reports a file that is none.
    machine.fails(1, &["identity", "--new"]);
    let bad = machine.file("bad.pem", 100, 8);
    let said = machine.fails(1, &["--identity", text(&bad), "ls"]);
    assert!(said.contains("is no identity"), "{said}");
    let said = machine.fails(1, &["--identity", "nothing.pem", "ls"]);
    assert!(said.contains("cannot read the identity"), "{said}");
    std::fs::remove_file(machine.path("home/identity.pem")).unwrap();
    assert!(machine.fails(1, &["ls"]).contains("capsule identity --new"));
}

#[test]
fn an_unexpected_network_is_noticed() {
    let machine = Machine::new();
    let told = std::fs::read_to_string(machine.path("home/local.json")).unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    // This network has another key than the Internet Computer.
    let ic = "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100814c0e6e\
        c71fab583b08bd81373c255c3c371b2e84863c98a4f1e08b74235d14fb5d9c0cd546d9685f913a0c0b2cc534\
        1583bf4b4392e467db96d65b9bb4cb717112f8472e0d5a4d14505ffd7484b01291091c5f87b98883463f9809\
        1a0baaae";
    machine.fails(7, &["--root-key", ic, "ls"]);
    let url = told["url"].as_str().unwrap();
    machine.fails(1, &["--network", url, "ls"]);
    let gateway = told["upload_gateway"].as_str().unwrap();
    machine.done(&["--network", url, "--gateway", gateway, "ls"]);
    // Nobody can listen at port 0.
    let nobody = "http://127.0.0.1:0";
    machine.fails(
        6,
        &[
            "--network",
            nobody,
            "--gateway",
            gateway,
            "--retry-for",
            "1",
            "ls",
        ],
    );
    std::fs::remove_file(machine.path("home/local.json")).unwrap();
    assert!(machine.fails(1, &["ls"]).contains("cargo xtask up"));
}

#[test]
fn completions_and_help_need_no_network() {
    let machine = Machine::new();
    std::fs::remove_dir_all(machine.path("home")).unwrap();
    assert!(machine.done(&["completions", "bash"]).contains("_capsule"));
    assert!(machine.done(&["--help"]).contains("Exit codes"));
    assert_eq!(machine.run(&["upload"]).status.code(), Some(2));
}
