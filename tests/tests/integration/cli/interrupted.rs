//! Uploads and downloads that are killed, interrupted or outlast upgrades, each at a known point.

use super::machine::{Machine, text};
use crate::{CHUNK, bytes};
use serde_json::Value;
use tools::deployment::Part;

#[test]
fn an_upload_outlasts_upgrades() {
    let machine = Machine::new();
    let video = machine.file("video.mp4", 8 * CHUNK, 9);
    machine.admit("blob_put_chunk", 2);
    let mut upload = machine.start(&["upload", text(&video)]);
    for (number, part) in Part::ALL.into_iter().enumerate() {
        // The client waits at the gate, so that the upgrade happens in the middle of its upload.
        machine.wait_until_received(&mut upload, 2 * (number + 1) * CHUNK);
        machine.deployment.upgrade(part);
        machine.admit("blob_put_chunk", 2);
    }
    machine.open_gate();
    assert!(upload.wait().unwrap().success());
    let memory = &machine.json(&["ls"])[0]["memory"];
    machine.done(&["verify", memory.as_str().unwrap(), text(&video)]);
}

#[test]
fn a_killed_upload_continues_where_it_stopped() {
    let machine = Machine::new();
    let chunks = 6;
    let video = machine.file("video.mp4", chunks * CHUNK, 3);
    machine.admit("blob_put_chunk", 2);
    let mut upload = machine.start(&["upload", text(&video)]);
    machine.wait_until_received(&mut upload, 2 * CHUNK);
    // SIGKILL
    upload.kill().unwrap();
    upload.wait().unwrap();
    let pending = &machine.json(&["status"])[0];
    assert_eq!(pending["state"], "pending");
    assert_eq!(pending["received_bytes"], 2 * CHUNK);
    assert_eq!(machine.upload_records(), 1);

    machine.open_gate();
    let uploaded = &machine.json(&["upload", text(&video)])[0];
    assert_eq!(uploaded["session"], pending["session"]);
    // A call of the killed client may still arrive after the gate opens.
    let sent = uploaded["sent_chunks"].as_u64().unwrap();
    assert!(sent <= chunks as u64 - 2, "{sent} chunks were sent again");
    let memory = uploaded["memory"].as_str().unwrap();
    machine.done(&["verify", memory, text(&video)]);
    assert_eq!(machine.upload_records(), 0);
}

#[test]
fn a_file_that_changed_between_two_tries_is_refused_until_its_upload_is_given_up() {
    let machine = Machine::new();
    let length = 4 * CHUNK;
    let file = machine.file("album.zip", length, 4);
    machine.admit("blob_put_chunk", 1);
    let mut upload = machine.start(&["upload", text(&file)]);
    let pending = machine.wait_until_received(&mut upload, CHUNK);
    upload.kill().unwrap();
    upload.wait().unwrap();
    assert_eq!(machine.upload_records(), 1);

    std::fs::write(&file, bytes(length, 5)).unwrap();
    let session = pending["session"].to_string();
    let said = machine.fails(1, &["upload", text(&file)]);
    assert!(
        said.contains("has changed since its upload began"),
        "{said}"
    );
    assert!(said.contains(&format!("capsule abort {session}")), "{said}");
    machine.done(&["abort", &session]);
    machine.open_gate();
    let uploaded = &machine.json(&["upload", text(&file)])[0];
    let memory = uploaded["memory"].as_str().unwrap();
    machine.done(&["verify", memory, text(&file)]);
}

#[test]
fn an_interrupted_download_leaves_nothing_behind() {
    let machine = Machine::new();
    let file = machine.file("large.bin", 3 * CHUNK, 10);
    let uploaded = &machine.json(&["upload", text(&file)])[0];
    let memory = uploaded["memory"].as_str().unwrap();
    // The client opens its file, and then waits for the first chunk until it is interrupted.
    machine.admit("blob_read_chunk", 0);
    let mut download = machine.start(&["download", memory, "-o", "back.bin"]);
    crate::waiting::eventually("the file of the download", || {
        assert_eq!(download.try_wait().unwrap(), None, "the client has ended");
        (machine.beginning_with(".capsule-").len() == 1).then_some(())
    });
    let pid = rustix::process::Pid::from_child(&download);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(download.wait().unwrap().code(), Some(130));
    assert_eq!(machine.beginning_with(".capsule-"), Vec::<String>::new());
    assert_eq!(machine.beginning_with("back.bin"), Vec::<String>::new());

    machine.open_gate();
    machine.done(&["download", memory, "-o", "back.bin"]);
    machine.done(&["verify", memory, text(&machine.path("back.bin"))]);
}

#[test]
fn a_download_that_fails_leaves_nothing_behind() {
    let machine = Machine::new();
    let file = machine.file("large.bin", 5_000_000, 6);
    let uploaded = &machine.json(&["upload", text(&file)])[0];
    let memory = uploaded["memory"].as_str().unwrap();
    // A limit of 1 MB for each file has the effect of a full disk.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1000; exec {} download {memory} -o back.bin",
        text(&tools::engine::program("capsule"))
    );
    let output = machine
        .command("bash")
        .args(["-c", &script])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(machine.beginning_with(".capsule-"), Vec::<String>::new());
    assert_eq!(machine.beginning_with("back.bin"), Vec::<String>::new());
}

/// Sends the first chunk of a file that then waits for the next command. Returns its upload.
fn interrupted(machine: &Machine, arguments: &[&str]) -> Value {
    machine.admit("blob_put_chunk", 1);
    let mut upload = machine.start(arguments);
    let pending = machine.wait_until_received(&mut upload, CHUNK);
    upload.kill().unwrap();
    upload.wait().unwrap();
    machine.open_gate();
    pending
}

fn sessions(machine: &Machine, state: &str) -> usize {
    let uploads = machine.json(&["status"]);
    uploads.iter().filter(|one| one["state"] == state).count()
}

#[test]
fn a_pending_upload_with_again_keeps_its_record_when_the_file_is_there() {
    let machine = Machine::new();
    let file = machine.file("film.mp4", 3 * CHUNK, 8);
    machine.done(&["upload", text(&file)]);
    let pending = interrupted(&machine, &["upload", "--again", text(&file)]);
    let there = &machine.json(&["upload", text(&file)])[0];
    assert_eq!(there["already_there"], true);
    assert_eq!(machine.upload_records(), 1);
    let again = &machine.json(&["upload", "--again", text(&file)])[0];
    assert_eq!(again["session"], pending["session"]);
    assert_eq!(
        (sessions(&machine, "pending"), machine.upload_records()),
        (0, 0)
    );
}

#[test]
fn a_pending_upload_goes_on_with_again_and_without() {
    for [first, then] in [
        [&["upload"][..], &["upload", "--again"]],
        [&["upload", "--again"], &["upload"]],
    ] {
        let machine = Machine::new();
        let file = machine.file("film.mp4", 3 * CHUNK, 8);
        let with = |command: &[&'static str]| [command, &[text(&file)]].concat();
        let pending = interrupted(&machine, &with(first));
        let sent = &machine.json(&with(then))[0];
        assert_eq!(sent["session"], pending["session"], "{then:?}");
        assert_eq!(machine.json(&["ls"]).len(), 1);
        assert_eq!(
            (sessions(&machine, "pending"), machine.upload_records()),
            (0, 0)
        );
    }
}

#[test]
fn a_pending_upload_ends_when_the_file_got_there_otherwise() {
    let machine = Machine::new();
    let file = machine.file("film.mp4", 3 * CHUNK, 8);
    interrupted(&machine, &["upload", text(&file)]);
    let copy = machine.file("copy.mp4", 3 * CHUNK, 8);
    machine.done(&["upload", text(&copy)]);
    let there = &machine.json(&["upload", text(&file)])[0];
    assert_eq!(there["already_there"], true);
    assert_eq!(
        (sessions(&machine, "pending"), machine.upload_records()),
        (0, 0)
    );
}
