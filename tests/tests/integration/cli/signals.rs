//! Signals end every command alike, unless the user's shell ignores them.

use super::machine::{Machine, text};
use crate::CHUNK;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Stdio};
use tools::engine::program;

fn send(client: &Child, signal: Signal) {
    kill_process(Pid::from_child(client), signal).unwrap();
}

#[test]
fn an_upload_that_a_signal_ends_goes_on_with_the_same_command() {
    let machine = Machine::new();
    let file = machine.file("film.mp4", 5 * CHUNK, 4);
    for (number, (signal, code)) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)]
        .into_iter()
        .enumerate()
    {
        machine.admit("blob_put_chunk", 1);
        let mut upload = machine
            .command(program("capsule"))
            .args(["--retry-for", "600", "upload", text(&file)])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        machine.wait_until_received(&mut upload, (number + 1) * CHUNK);
        send(&upload, signal);
        let output = upload.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("interrupted; repeat the command"), "{said}");
        assert_eq!(machine.upload_records(), 1);
    }
    machine.open_gate();
    let uploaded = &machine.json(&["upload", text(&file)])[0];
    assert_eq!(machine.json(&["status"]).len(), 1);
    machine.done(&["verify", uploaded["memory"].as_str().unwrap(), text(&file)]);
}

/// `nohup` and shells start programs so.
#[test]
fn a_signal_that_is_ignored_from_the_start_ends_nothing() {
    let machine = Machine::new();
    let file = machine.file("film.mp4", 2 * CHUNK, 4);
    machine.admit("blob_put_chunk", 1);
    let script = format!(
        "trap '' HUP INT TERM; exec {} --retry-for 600 upload {}",
        text(&program("capsule")),
        text(&file)
    );
    let mut upload = machine
        .command("bash")
        .args(["-c", &script])
        .spawn()
        .unwrap();
    machine.wait_until_received(&mut upload, CHUNK);
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        send(&upload, signal);
    }
    machine.open_gate();
    assert!(upload.wait().unwrap().success());
}
