//! Files that the client sends: their names, kinds and times, and files that change or are there.

use super::machine::{Machine, text};
use crate::{CHUNK, bytes};
use serde_json::{Value, json};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, UNIX_EPOCH};
use tools::engine::program;

/// 2020-01-01 and a fraction, in nanoseconds since 1970.
const OLD: u64 = 1_577_836_800_123_456_789;

/// Uploads paths of any bytes.
fn upload(machine: &Machine, options: &[&str], files: &[OsString]) -> Output {
    let mut command = machine.command(program("capsule"));
    let output = command.args(options).arg("upload").args(files).output();
    output.unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn names_that_are_not_unicode_go_up_and_stay_apart() {
    let machine = Machine::new();
    let names: Vec<OsString> = [b"caf\xe9.jpg", b"caf\xe8.jpg"]
        .map(|name| OsString::from_vec(name.to_vec()))
        .to_vec();
    for (seed, name) in names.iter().enumerate() {
        let path = machine.path(".").join(name);
        std::fs::write(path, bytes(1_000, seed as u64)).unwrap();
    }
    let output = upload(&machine, &["--json"], &names);
    assert!(output.status.success(), "{output:?}");
    let mut told = lines(&output);
    told.sort_by_key(|line| line["name_hex"].to_string());
    assert_eq!(told.len(), 2, "{told:?}");
    for (line, hex) in told.iter().zip(["636166e82e6a7067", "636166e92e6a7067"]) {
        assert_eq!(line["name"], "caf\u{fffd}.jpg");
        assert_eq!(line["name_hex"], hex);
        let exact = line["file_hex"].as_str().unwrap();
        assert!(exact.ends_with(hex), "{line}");
    }
    assert_ne!(told[0]["memory"], told[1]["memory"]);
    assert_ne!(told[0]["session"], told[1]["session"]);
    assert_eq!(machine.json(&["ls"])[0]["mime_type"], "image/jpeg");

    // As text, and when it fails.
    let output = upload(&machine, &[], &names[..1]);
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("caf\u{fffd}.jpg") && printed.lines().count() == 1);
    let missing = OsString::from_vec(b"gone\xe9".to_vec());
    let output = upload(&machine, &["--json"], &[missing, names[0].clone()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = lines(&output);
    let failed = told
        .iter()
        .find(|line| !line["file"].is_null() && line["error"] == "local");
    let failed = failed.unwrap();
    assert_eq!(
        (&failed["file"], &failed["file_hex"]),
        (&json!("gone\u{fffd}"), &json!("676f6e65e9"))
    );
}

/// Uploads that differ only in such bytes may be interrupted and go on, each by itself.
#[test]
fn names_that_are_not_unicode_have_records_of_their_own() {
    let machine = Machine::new();
    machine.admit("blob_put_chunk", 0);
    let mut clients = Vec::new();
    for (number, name) in [&b"caf\xe9"[..], b"caf\xe8"].iter().enumerate() {
        std::fs::write(machine.path(".").join(OsStr::from_bytes(name)), [7; 100]).unwrap();
        let mut client = machine
            .command(program("capsule"))
            .arg("upload")
            .arg(OsStr::from_bytes(name))
            .spawn()
            .unwrap();
        machine.wait_until_noted(&mut client, number + 1);
        clients.push(client);
    }
    for mut client in clients {
        client.kill().unwrap();
        client.wait().unwrap();
    }
    assert_eq!(machine.upload_records(), 2);
    assert_eq!(machine.json(&["status"]).len(), 2);
}

#[test]
fn a_pipe_is_refused_at_once_and_the_other_files_go_up() {
    let machine = Machine::new();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        machine.path("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let good = machine.file("good.txt", 1_000, 1);
    let said = machine.fails(1, &["upload", "pipe", "/dev/null", text(&good)]);
    for refused in [
        "pipe is not a regular file",
        "/dev/null is not a regular file",
    ] {
        assert!(said.contains(refused), "{said}");
    }
    assert_eq!(machine.json(&["ls"])[0]["name"], "good.txt");
    machine.fails(1, &["upload", "pipe"]);
    let memory = &machine.json(&["ls"])[0]["memory"];
    machine.fails(1, &["verify", memory.as_str().unwrap(), "pipe"]);
    std::fs::create_dir(machine.path("folder")).unwrap();
    let said = machine.fails(1, &["verify", memory.as_str().unwrap(), "folder"]);
    assert!(
        said.contains("folder is a folder, not a regular file"),
        "{said}"
    );
}

#[test]
fn the_type_follows_from_the_name_that_the_user_sees_and_from_the_content() {
    let machine = Machine::new();
    std::fs::create_dir(machine.path("store")).unwrap();
    machine.file("store/9f8e7d", 1_000, 1);
    std::os::unix::fs::symlink("store/9f8e7d", machine.path("photo.jpg")).unwrap();
    std::fs::write(machine.path("app.ts"), "export const a: number = 1;\n").unwrap();
    let mut stream = bytes(188 * 30, 2);
    stream.iter_mut().step_by(188).for_each(|byte| *byte = 0x47);
    std::fs::write(machine.path("tv.ts"), stream).unwrap();
    for (file, mime_type) in [
        ("photo.jpg", "image/jpeg"),
        ("app.ts", "text/plain"),
        ("tv.ts", "video/mp2t"),
    ] {
        let uploaded = &machine.json(&["upload", file])[0];
        assert_eq!(listed(&machine, uploaded), mime_type, "{file}");
    }
    std::fs::write(machine.path("notes"), "# Notes\n").unwrap();
    let uploaded = &machine.json(&["upload", "--type", "Text/Markdown", "notes"])[0];
    assert_eq!(listed(&machine, uploaded), "text/markdown");
    let output = machine.run(&["upload", "--type", "markdown", "notes"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

/// The MIME type of a memory that an upload has made.
fn listed(machine: &Machine, uploaded: &Value) -> String {
    let list = machine.json(&["ls"]);
    let mut entries = list.iter();
    let entry = entries.find(|entry| entry["memory"] == uploaded["memory"]);
    entry.unwrap()["mime_type"].as_str().unwrap().to_string()
}

#[test]
fn all_files_go_up_though_nobody_reads_the_results() {
    let machine = Machine::new();
    let files: Vec<PathBuf> = (0..4)
        .map(|seed| machine.file(&format!("f{seed}"), 1_000, seed))
        .collect();
    for options in [&[][..], &["--json"]] {
        let mut client = machine
            .command(program("capsule"))
            .args(options)
            .args(["upload", "--again"])
            .args(&files)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(client.stdout.take());
        let output = client.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
    assert_eq!(machine.json(&["ls"]).len(), 8);

    // A full disk loses the results, so it is a failure, but all files go up as well.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let output = machine
        .command(program("capsule"))
        .args(["upload", "--again"])
        .args(&files)
        .stdout(full.unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(machine.json(&["ls"]).len(), 12);
}

#[test]
fn a_file_that_grows_while_it_is_sent_is_told() {
    let machine = Machine::new();
    let file = machine.file("log.txt", 3 * CHUNK, 5);
    machine.admit("blob_put_chunk", 1);
    let mut upload = machine
        .command(program("capsule"))
        .args(["--json", "--retry-for", "600", "upload", text(&file)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    machine.wait_until_received(&mut upload, CHUNK);
    let mut grown = bytes(3 * CHUNK, 5);
    grown.extend([b'x'; 17]);
    std::fs::write(&file, grown).unwrap();
    machine.open_gate();
    let output = upload.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    let (then, now) = ((3 * CHUNK).to_string(), (3 * CHUNK + 17).to_string());
    assert!(
        said.contains("warning: ") && said.contains(&then) && said.contains(&now),
        "{said}"
    );
    let told = &lines(&output)[0];
    assert_eq!(
        (&told["bytes"], &told["file_bytes_now"]),
        (&json!(3 * CHUNK), &json!(3 * CHUNK + 17))
    );
}

#[test]
fn the_metadata_has_the_times_of_the_file() {
    let machine = Machine::new();
    let photo = machine.file("p.jpg", 1_000, 1);
    set_modified(&photo, OLD);
    let uploaded = &machine.json(&["upload", text(&photo)])[0];
    let memory = machine.memory(uploaded["memory"].as_str().unwrap());
    let base = memory.metadata.base();
    assert_eq!((base.created_at, base.updated_at), (OLD, OLD));
}

fn set_modified(path: &Path, nanoseconds: u64) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_nanos(nanoseconds))
        .unwrap();
}

#[test]
fn a_file_that_the_capsule_has_is_not_sent_again() {
    let machine = Machine::new();
    let photo = machine.file("photo.jpg", CHUNK + 1, 1);
    let first = &machine.json(&["upload", text(&photo)])[0];
    assert_eq!(
        (&first["sent_chunks"], &first["already_there"]),
        (&json!(2), &json!(false))
    );
    // The record of the session ends after some time. The SHA-256 stays.
    let copy = machine.file("copy.jpg", CHUNK + 1, 1);
    for (path, name) in [(&photo, "photo.jpg"), (&copy, "copy.jpg")] {
        let again = &machine.json(&["upload", text(path)])[0];
        assert_eq!(again["memory"], first["memory"], "{name}");
        assert_eq!(
            (&again["name"], &again["stored_as"]),
            (&json!(name), &json!("photo.jpg"))
        );
        assert_eq!(
            (&again["sent_chunks"], &again["already_there"]),
            (&json!(0), &json!(true))
        );
        assert_eq!(
            (&again["session"], &again["blob"]),
            (&Value::Null, &first["blob"])
        );
    }
    assert!(
        machine
            .done(&["upload", text(&copy)])
            .contains("already there under another name")
    );
    assert_eq!(machine.json(&["ls"]).len(), 1);

    // It is sent when the user says so, each time as a new memory.
    let mut memories = vec![first["memory"].clone()];
    for _ in 0..2 {
        let again = &machine.json(&["upload", "--again", text(&photo)])[0];
        assert_eq!(again["sent_chunks"], 2);
        assert!(!memories.contains(&again["memory"]));
        memories.push(again["memory"].clone());
    }
    assert_eq!(machine.upload_records(), 0);

    // A memory in the trash is not there, and other bytes never are.
    for memory in &memories {
        machine.done(&["rm", memory.as_str().unwrap()]);
    }
    let anew = &machine.json(&["upload", text(&photo)])[0];
    assert_eq!(
        (&anew["sent_chunks"], &anew["already_there"]),
        (&json!(2), &json!(false))
    );
    std::fs::write(&copy, bytes(CHUNK + 1, 2)).unwrap();
    assert_eq!(machine.json(&["upload", text(&copy)])[0]["sent_chunks"], 2);
}

#[test]
fn an_interrupted_upload_of_a_file_that_is_there_goes_on() {
    let machine = Machine::new();
    let file = machine.file("film.mp4", 3 * CHUNK, 8);
    machine.done(&["upload", text(&file)]);
    machine.admit("blob_put_chunk", 1);
    let mut upload = machine.start(&["upload", "--again", text(&file)]);
    let pending = machine.wait_until_received(&mut upload, CHUNK);
    upload.kill().unwrap();
    upload.wait().unwrap();
    machine.open_gate();
    let again = &machine.json(&["upload", "--again", text(&file)])[0];
    assert_eq!(again["session"], pending["session"]);
    assert_eq!(machine.json(&["ls"]).len(), 2);
}
