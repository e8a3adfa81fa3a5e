//! Where downloads go: files, folders, pipes and standard output, and what is never replaced.

use super::machine::{Machine, text};
use crate::{CHUNK, bytes};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, SystemTime};

/// Uploads a file of this length; returns the id of its memory.
fn uploaded(machine: &Machine, name: &str, length: usize, seed: u64) -> String {
    let file = machine.file(name, length, seed);
    let uploaded = &machine.json(&["upload", text(&file)])[0];
    let memory = uploaded["memory"].as_str().unwrap().to_string();
    std::fs::remove_file(file).unwrap();
    memory
}

/// Runs a line of bash, with the client as `capsule`.
fn bash(machine: &Machine, line: &str) -> Output {
    let client = tools::engine::program("capsule");
    let script = format!("capsule() {{ {} \"$@\"; }}; {line}", text(&client));
    machine
        .command("bash")
        .args(["-c", &script])
        .output()
        .unwrap()
}

fn said(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn standard_output_gets_the_bytes_and_standard_error_the_result() {
    let machine = Machine::new();
    let memory = uploaded(&machine, "a.bin", 2_000_000, 1);
    for name in ["-", "/dev/stdout"] {
        let output = machine.run(&["download", &memory, "-o", name]);
        assert!(output.status.success(), "{output:?}");
        assert!(output.stdout == bytes(2_000_000, 1));
        let result = said(&output.stderr);
        assert!(
            result.starts_with(&format!("{memory}  a.bin  2000000 bytes")),
            "{result}"
        );
    }
    let output = machine.run(&["--json", "download", &memory, "-o", "-"]);
    assert!(output.stdout == bytes(2_000_000, 1));
    let last = said(&output.stderr).lines().last().unwrap();
    let result: Value = serde_json::from_str(last).unwrap();
    assert_eq!(result["bytes"], 2_000_000);
    assert_eq!(machine.beginning_with("-"), Vec::<String>::new());

    // Failures go there, too.
    let output = machine.run(&["--json", "download", "mem_99", "-o", "-"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(output.stdout.is_empty());
    assert!(said(&output.stderr).contains("\"error\":\"not_found\""));

    let full = bash(
        &machine,
        &format!("capsule download {memory} -o - > /dev/full"),
    );
    assert_eq!(full.status.code(), Some(1));
    assert!(
        said(&full.stderr).contains("cannot write to standard output"),
        "{full:?}"
    );
    let line = format!("set -o pipefail; capsule download {memory} -o - | head -c 1");
    let closed = bash(&machine, &line);
    assert_eq!(closed.stdout, bytes(1, 1));
    assert!(!said(&closed.stderr).contains("error"), "{closed:?}");
}

#[test]
fn a_pipe_gets_the_bytes_and_stays_a_pipe() {
    let machine = Machine::new();
    let memory = uploaded(&machine, "a.bin", 100_000, 2);
    let made = machine.command("mkfifo").arg("p").status().unwrap();
    assert!(made.success());
    for force in [&[][..], &["--force"]] {
        let reader = machine
            .command("cat")
            .arg("p")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        machine.done(&[&["download", &memory, "-o", "p"], force].concat());
        let got = reader.wait_with_output().unwrap().stdout;
        assert!(got == bytes(100_000, 2));
        let kept = std::fs::symlink_metadata(machine.path("p")).unwrap();
        assert!(kept.file_type().is_fifo());
    }
    machine.done(&["download", &memory, "-o", "/dev/null", "--force"]);
    let null = std::fs::metadata("/dev/null").unwrap();
    assert!(null.file_type().is_char_device());
    assert_eq!(machine.beginning_with(".capsule"), Vec::<String>::new());
}

#[test]
fn a_link_keeps_and_its_file_is_replaced_only_by_force() {
    let machine = Machine::new();
    let memory = uploaded(&machine, "a.bin", 1_000, 3);
    std::fs::create_dir(machine.path("store")).unwrap();
    std::fs::write(machine.path("store/file"), "old").unwrap();
    std::os::unix::fs::symlink("store/file", machine.path("link")).unwrap();
    machine.fails(1, &["download", &memory, "-o", "link"]);
    assert_eq!(std::fs::read(machine.path("store/file")).unwrap(), b"old");
    machine.done(&["download", &memory, "-o", "link", "--force"]);
    assert!(std::fs::read(machine.path("store/file")).unwrap() == bytes(1_000, 3));
    let link = std::fs::symlink_metadata(machine.path("link")).unwrap();
    assert!(link.is_symlink());
}

/// The gate is closed for chunks, so a client that reads one before its refusal would hang.
#[test]
fn an_impossible_place_is_refused_before_the_first_chunk() {
    let machine = Machine::new();
    let long = "n".repeat(255);
    let memory = uploaded(&machine, &long, 1_000, 4);
    machine.file("file", 3, 5);
    machine.admit("blob_read_chunk", 0);
    let longer = "n".repeat(256);
    for place in [
        "new/",
        "new/.",
        "new/..",
        "new/a.jpg",
        "file/",
        "file/a.jpg",
        "file",
        ".",
        &longer,
    ] {
        // a folder of the name that the memory has
        std::fs::create_dir_all(machine.path(&long)).unwrap();
        let error = machine.fails(1, &["download", &memory, "-o", place]);
        assert!(error.contains(place), "{error}");
    }
    let error = machine.fails(1, &["download", &memory, "-o", "/proc/a.jpg"]);
    assert!(error.contains("/proc/a.jpg"), "{error}");
    assert_eq!(std::fs::read(machine.path("file")).unwrap(), bytes(3, 5));
    assert_eq!(machine.beginning_with(".capsule"), Vec::<String>::new());
}

#[test]
fn the_longest_name_goes_up_and_comes_back() {
    let machine = Machine::new();
    for length in [253, 255] {
        let name = "n".repeat(length);
        let memory = uploaded(&machine, &name, length, 6);
        machine.done(&["download", &memory]);
        assert!(std::fs::read(machine.path(&name)).unwrap() == bytes(length, 6));
    }
}

#[test]
fn a_name_of_a_stranger_is_made_safe() {
    let machine = Machine::new();
    for (number, (name, safe)) in [
        ("a\nb\u{1b}[2J", "a_b_[2J"),
        ("back\\slash\\..", ""),
        ("NUL.txt", "_NUL.txt"),
    ]
    .into_iter()
    .enumerate()
    {
        let memory = uploaded(&machine, name, 1_000, 7 + number as u64);
        match safe {
            "" => {
                let error = machine.fails(1, &["download", &memory]);
                assert!(error.contains("is not a file name"), "{error}");
            }
            safe => {
                machine.done(&["download", &memory]);
                assert!(machine.path(safe).is_file(), "{safe}");
            }
        }
    }
}

#[test]
fn a_name_that_is_not_unicode_is_a_place_too() {
    let machine = Machine::new();
    let memory = uploaded(&machine, "a.bin", 1_000, 11);
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    let output = machine
        .command(tools::engine::program("capsule"))
        .args(["--json", "download", &memory, "-o"])
        .arg(name)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["file"], "caf\u{fffd}");
    assert_eq!(result["file_hex"], "636166e9");
    assert!(std::fs::read(machine.path(".").join(name)).unwrap() == bytes(1_000, 11));
}

/// Starts a download and waits until it waits at the closed gate, behind its first look.
fn waiting(machine: &Machine, arguments: &[&str], parts: usize) -> Child {
    let mut client = machine.start(&[&["download"], arguments].concat());
    crate::waiting::eventually("the part of the download", || {
        assert_eq!(client.try_wait().unwrap(), None, "the client has ended");
        (machine.beginning_with(".capsule-").len() == parts).then_some(())
    });
    client
}

#[test]
fn the_second_of_two_downloads_of_one_name_fails() {
    let machine = Machine::new();
    let first = uploaded(&machine, "photo.jpg", 1_000, 12);
    let second = uploaded(&machine, "photo.jpg", 1_000, 13);
    let other = uploaded(&machine, "other.jpg", 1_000, 14);
    machine.admit("blob_read_chunk", 0);
    // All have looked, and found no file of that name.
    let mut clients = [
        waiting(&machine, &[&first], 1),
        waiting(&machine, &[&second], 2),
        waiting(&machine, &[&second], 3),
        waiting(&machine, &[&other, "-o", "photo.jpg"], 4),
    ];
    machine.open_gate();
    let codes: Vec<i32> = clients
        .iter_mut()
        .map(|client| client.wait().unwrap().code().unwrap())
        .collect();
    assert_eq!(
        codes.iter().filter(|code| **code == 0).count(),
        1,
        "{codes:?}"
    );
    assert_eq!(
        codes.iter().filter(|code| **code == 1).count(),
        3,
        "{codes:?}"
    );
    let kept = std::fs::read(machine.path("photo.jpg")).unwrap();
    let winner = codes.iter().position(|code| *code == 0).unwrap();
    assert!(kept == bytes(1_000, [12, 13, 13, 14][winner]));
    assert_eq!(machine.beginning_with(".capsule"), Vec::<String>::new());
    let error = machine.fails(1, &["download", &second]);
    assert!(error.contains("photo.jpg exists already"), "{error}");
}

#[test]
fn each_signal_that_ends_a_download_leaves_nothing_behind() {
    let machine = Machine::new();
    let memory = uploaded(&machine, "b.bin", 3 * CHUNK, 15);
    machine.admit("blob_read_chunk", 0);
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut client = waiting(&machine, &[&memory], 1);
        kill_process(Pid::from_child(&client), signal).unwrap();
        assert_eq!(client.wait().unwrap().code(), Some(code), "{signal:?}");
        assert_eq!(machine.beginning_with(".capsule"), Vec::<String>::new());
        assert_eq!(machine.beginning_with("b.bin"), Vec::<String>::new());
    }
}

/// A killed client leaves this much of the memory in its part.
fn killed(machine: &Machine, memory: &str, left: &[u8]) {
    machine.admit("blob_read_chunk", 0);
    let mut client = waiting(machine, &[memory], 1);
    client.kill().unwrap();
    client.wait().unwrap();
    let part = machine.path(&machine.beginning_with(".capsule-")[0]);
    std::fs::write(part, left).unwrap();
    machine.open_gate();
}

#[test]
fn the_part_of_a_killed_download_is_used_again_if_its_bytes_are_right() {
    let machine = Machine::new();
    let content = bytes(4 * CHUNK + 5, 16);
    let memory = uploaded(&machine, "b.bin", content.len(), 16);
    let mut wrong = content.clone();
    wrong[CHUNK + 7] ^= 1;
    let mut other = content.clone();
    other[7] ^= 1;
    for (left, received) in [
        // the first chunk is read to compare it, and what is missing
        (&content[..2 * CHUNK], 1 + 3),
        (&content[..2 * CHUNK + 9], 1 + 3),
        (&content[..], 1 + 1),
        (&content[..9], 1 + 5),
        (&[], 5),
        // found at the beginning, and at the end
        (&other[..2 * CHUNK], 1 + 5),
        (&wrong[..2 * CHUNK], 1 + 3 + 5),
        (&[&content[..], &content[..]].concat()[..], 1 + 1),
    ] {
        killed(&machine, &memory, left);
        let result = &machine.json(&["download", &memory])[0];
        assert_eq!(result["received_chunks"], received, "{} bytes", left.len());
        assert!(std::fs::read(machine.path("b.bin")).unwrap() == content);
        std::fs::remove_file(machine.path("b.bin")).unwrap();
        assert_eq!(machine.beginning_with(".capsule"), Vec::<String>::new());
    }
}

#[test]
fn a_download_restores_the_time_of_the_file() {
    let machine = Machine::new();
    let since = |seconds| SystemTime::UNIX_EPOCH + Duration::new(seconds, 123_456_789);
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(86_400);
    let times = [since(1_577_836_800), since(1_798), since(86_400), before];
    for (then, seed) in times.into_iter().zip(17..) {
        let path = machine.file("p.jpg", 1_000, seed);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(then)
            .unwrap();
        let memory = machine.json(&["upload", text(&path)])[0]["memory"].clone();
        let memory = memory.as_str().unwrap();
        machine.done(&["download", memory, "-o", "new.jpg", "--force"]);
        machine.done(&["download", memory, "--force"]);
        for name in ["new.jpg", "p.jpg"] {
            let modified = std::fs::metadata(machine.path(name)).unwrap().modified();
            assert_eq!(modified.unwrap(), then, "{name}");
        }
    }
}
