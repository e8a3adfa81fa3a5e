//! Folders: they go up whole, come back whole, and only what is missing is sent.

use super::machine::{Machine, text};
use crate::waiting::eventually;
use crate::{CHUNK, bytes};
use candid::Principal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tools::source::UploadSpec;

/// Writes a file in a folder of the machine.
fn write(machine: &Machine, path: impl AsRef<Path>, content: &[u8]) -> PathBuf {
    let path = machine.path(".").join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path
}

/// Every file below a folder with its bytes.
fn tree(machine: &Machine, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let root = machine.path(folder);
    let mut files = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let relative = path.strip_prefix(&root).unwrap().to_path_buf();
                    files.insert(relative, std::fs::read(&path).unwrap());
                }
            }
        }
    }
    files
}

/// The last line of a command, which sums up.
fn sum(lines: &[Value], names: [&str; 3]) -> [u64; 3] {
    let last = lines.last().unwrap();
    names.map(|name| {
        last[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {last}"))
    })
}

fn sent(lines: &[Value]) -> [u64; 3] {
    sum(lines, ["uploaded", "already_there", "failed"])
}

fn received(lines: &[Value]) -> [u64; 3] {
    sum(lines, ["downloaded", "already_there", "failed"])
}

fn paths(machine: &Machine) -> Vec<String> {
    let listed = machine.json(&["ls"]);
    let path = |memory: &Value| memory["path"].as_str().unwrap_or("none").to_string();
    let mut paths: Vec<String> = listed.iter().map(path).collect();
    paths.sort();
    paths
}

#[test]
fn a_folder_goes_up_and_comes_back_whole() {
    let machine = Machine::new();
    let names: [&[u8]; 8] = [
        b"a.txt",
        b"sub/a.txt",
        b"sub/deep/er/b c.jpg",
        "größe/100%.txt".as_bytes(),
        b"caf\xe9",
        b"caf\xe8",
        "caf\u{fffd}E9".as_bytes(),
        b"back\\slash",
    ];
    for (seed, name) in names.iter().enumerate() {
        // the first two have the same bytes, and are two files all the same
        write(
            &machine,
            Path::new("photos").join(OsStr::from_bytes(name)),
            &bytes(2_000, seed as u64 / 2),
        );
    }
    let large = bytes(4_000_000, 77);
    write(&machine, "photos/sub/large.bin", &large);

    let lines = machine.json(&["upload", "photos"]);
    assert_eq!(sent(&lines), [9, 0, 0]);
    assert_eq!(lines.len(), 10);
    let keys = paths(&machine);
    assert!(
        keys.contains(&"sub/deep/er/b c.jpg".to_string()),
        "{keys:?}"
    );
    assert!(keys.contains(&"caf\u{fffd}E9".to_string()), "{keys:?}");
    assert_eq!(machine.upload_records(), 0);

    // A second run sends nothing, nor does a sync, nor a folder that came from a download.
    assert_eq!(sent(&machine.json(&["upload", "photos"])), [0, 9, 0]);
    assert_eq!(sent(&machine.json(&["sync", "photos"])), [0, 9, 0]);
    assert_eq!(
        received(&machine.json(&["download", "--all", "back"])),
        [9, 0, 0]
    );
    assert!(tree(&machine, "back") == tree(&machine, "photos"));
    assert_eq!(
        received(&machine.json(&["download", "--all", "back"])),
        [0, 9, 0]
    );
    assert_eq!(sent(&machine.json(&["sync", "back"])), [0, 9, 0]);
    assert_eq!(machine.json(&["ls"]).len(), 9);

    // The time of a file travels, too.
    let modified = |path: &str| machine.path(path).metadata().unwrap().modified().unwrap();
    assert_eq!(modified("back/a.txt"), modified("photos/a.txt"));

    // As text there is one line, which sums up.
    let said = machine.done(&["upload", "photos"]);
    assert!(
        said.starts_with("0 uploaded, 9 already there, 0 failed"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn hidden_and_excluded_files_stay_and_others_that_are_no_files_are_named() {
    let machine = Machine::new();
    for name in ["a.txt", ".hidden/b.txt", "c.tmp", "cache/d.txt", "e/.f"] {
        write(&machine, Path::new("folder").join(name), name.as_bytes());
    }
    write(&machine, "folder/empty", b"");
    write(&machine, "other/x.txt", b"x");
    let folder = machine.path("folder");
    symlink("../other", folder.join("link")).unwrap();
    symlink(&folder, folder.join("loop")).unwrap();
    let pipe = std::process::Command::new("mkfifo")
        .arg(folder.join("pipe"))
        .status();
    assert!(pipe.unwrap().success());

    let exclude = ["--exclude", "*.tmp", "--exclude", "cache/"];
    let said = machine.fails(1, &[&["upload", "folder"], &exclude[..]].concat());
    for named in [
        "folder/pipe is a pipe, expected a regular file",
        "folder/link is a symbolic link, expected --follow",
        "folder/loop is a symbolic link",
        "folder/empty is empty",
        "4 of 5 files are not uploaded",
    ] {
        assert!(said.contains(named), "{named}: {said}");
    }
    assert_eq!(paths(&machine), ["a.txt"]);

    let said = machine.fails(
        1,
        &[&["upload", "folder", "--follow"], &exclude[..]].concat(),
    );
    assert!(said.contains("folder/loop leads back to"), "{said}");
    assert_eq!(paths(&machine), ["a.txt", "link/x.txt"]);

    // A file that is left out is no failure.
    let all = [
        "--all",
        "--exclude",
        "pipe",
        "--exclude",
        "l*",
        "--exclude",
        "empty",
    ];
    let lines = machine.json(&[&["upload", "folder"], &all[..]].concat());
    assert_eq!(sent(&lines), [4, 1, 0]);
    // A wrong pattern is a wrong argument, which needs no network.
    std::fs::remove_dir_all(machine.path("home")).unwrap();
    for command in ["upload", "sync"] {
        let wrong = machine.fails(2, &[command, "folder", "--exclude", "["]);
        assert!(wrong.contains("invalid value '['"), "{wrong}");
        assert!(wrong.contains("expected a pattern like"), "{wrong}");
    }
}

#[test]
fn one_file_at_several_paths_is_a_memory_for_each() {
    let machine = Machine::new();
    write(&machine, "photos/sub/a", &bytes(2_000, 1));
    symlink("sub", machine.path("photos/link")).unwrap();
    // Both are on their way at the same time, from one place on the disk.
    let lines = machine.json(&["upload", "photos", "--follow"]);
    assert_eq!(sent(&lines), [2, 0, 0]);
    assert_eq!(paths(&machine), ["link/a", "sub/a"]);
    // Below another folder it has another path. The same path again is the same file.
    let lines = machine.json(&["upload", "photos/sub", "photos", "./photos", "--follow"]);
    assert_eq!(sent(&lines), [1, 2, 0]);
    assert_eq!(paths(&machine), ["a", "link/a", "sub/a"]);
}

#[test]
fn an_interrupted_upload_of_a_file_goes_on_under_its_own_path_only() {
    let machine = Machine::new();
    let file = write(&machine, "photos/sub/a", &bytes(2_000, 1));
    machine.admit("blob_put_chunk", 0);
    let mut client = machine.start(&["upload", "photos"]);
    machine.wait_until_noted(&mut client, 1);
    client.kill().unwrap();
    client.wait().unwrap();
    machine.open_gate();
    assert_eq!(sent(&machine.json(&["upload", "photos/sub"])), [1, 0, 0]);
    machine.done(&["upload", "--again", text(&file)]);
    assert_eq!(paths(&machine), ["a", "none"]);
    assert_eq!(sent(&machine.json(&["upload", "photos"])), [1, 0, 0]);
    assert_eq!(paths(&machine), ["a", "none", "sub/a"]);
}

/// The names of the fields of a result.
fn fields(line: &Value) -> Vec<&str> {
    line.as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn all_results_of_a_file_have_the_same_fields() {
    let machine = Machine::new();
    let name = OsStr::from_bytes(b"caf\xe9");
    write(
        &machine,
        Path::new("folder").join(name),
        &bytes(CHUNK + 1, 1),
    );
    let mut would = machine.json(&["sync", "folder", "--dry-run"])[0].clone();
    let would = would.as_object_mut().unwrap();
    assert_eq!(would.remove("would_upload"), Some(true.into()));
    let would = Value::from(would.clone());
    let sent = machine.json(&["sync", "folder"])[0].clone();
    let there = machine.json(&["sync", "folder"])[0].clone();
    assert_eq!(fields(&would), fields(&sent));
    assert_eq!(fields(&there), fields(&sent));
    let same = [
        "file", "file_hex", "name", "name_hex", "path", "bytes", "chunks",
    ];
    for field in same {
        assert_eq!(would[field], sent[field], "{field}");
    }
    for field in same.into_iter().chain(["memory", "blob", "sha256"]) {
        assert_eq!(there[field], sent[field], "{field}");
    }
    assert_eq!(there["stored_as"], sent["name"]);
    assert!(Path::new(sent["file"].as_str().unwrap()).is_absolute());

    let received = machine.json(&["download", "--all", "back"])[0].clone();
    let there = machine.json(&["download", "--all", "back"])[0].clone();
    assert_eq!(fields(&there), fields(&received));
    assert_eq!(there["file_hex"], received["file_hex"]);
}

#[test]
fn a_sync_sends_what_changed_and_deletes_nothing() {
    let machine = Machine::new();
    for name in ["a", "b", "sub/c"] {
        write(&machine, Path::new("folder").join(name), name.as_bytes());
    }
    let would = machine.json(&["sync", "folder", "--dry-run"]);
    assert_eq!(
        sum(&would, ["to_upload", "already_there", "failed"]),
        [3, 0, 0]
    );
    // Nothing changed, not even a capsule was made.
    assert!(machine.json(&["capsules"]).is_empty());
    assert_eq!(sent(&machine.json(&["sync", "folder"])), [3, 0, 0]);

    write(&machine, "folder/a", b"changed");
    std::fs::remove_file(machine.path("folder/b")).unwrap();
    std::fs::rename(machine.path("folder/sub/c"), machine.path("folder/sub/d")).unwrap();
    let would = machine.json(&["sync", "folder", "--dry-run"]);
    let named: Vec<&str> = would
        .iter()
        .filter_map(|line| line["path"].as_str())
        .collect();
    assert_eq!(named, ["a", "sub/d"]);
    assert_eq!(sent(&machine.json(&["sync", "folder"])), [2, 0, 0]);
    assert_eq!(paths(&machine), ["a", "a", "b", "sub/c", "sub/d"]);

    // The newest file of a path has its name.
    assert_eq!(
        received(&machine.json(&["download", "--all", "back"])),
        [5, 0, 0]
    );
    assert_eq!(std::fs::read(machine.path("back/a")).unwrap(), b"changed");
    assert_eq!(sent(&machine.json(&["sync", "back"])), [0, 5, 0]);

    let said = machine.fails(1, &["sync", "folder/a"]);
    assert!(said.contains("folder/a is not a folder"), "{said}");
    let said = machine.fails(1, &["sync", "nowhere"]);
    assert!(said.contains("cannot read nowhere"), "{said}");
}

#[test]
fn files_that_are_there_stay_and_others_come_beside_them() {
    let machine = Machine::new();
    for name in ["a", "b"] {
        write(&machine, Path::new("folder").join(name), name.as_bytes());
    }
    machine.done(&["upload", "folder"]);
    write(&machine, "back/a", b"precious");
    let said = machine.fails(1, &["download", "--all", "back"]);
    assert!(said.contains("back/a exists already"), "{said}");
    assert!(
        said.contains("1 of 2 memories are not downloaded"),
        "{said}"
    );
    assert_eq!(std::fs::read(machine.path("back/a")).unwrap(), b"precious");
    assert_eq!(std::fs::read(machine.path("back/b")).unwrap(), b"b");
    assert_eq!(
        received(&machine.json(&["download", "--all", "back", "--force"])),
        [1, 1, 0]
    );
    assert!(tree(&machine, "back") == tree(&machine, "folder"));
}

/// A link stands for a disk that ignores the case of names: both places are one file there.
#[test]
fn two_memories_never_replace_one_file() {
    let machine = Machine::new();
    // one after the other, so that the ids have the order of the names
    for name in ["a", "b", "c"] {
        write(&machine, Path::new("folder").join(name), name.as_bytes());
        machine.done(&["upload", "folder"]);
    }
    let inside = |name: &str| machine.path("back").join(name);
    let link = |from: &str, to: &str| std::fs::hard_link(inside(from), inside(to)).unwrap();
    write(&machine, "back/a", b"old");
    link("a", "b");
    let force = ["download", "--all", "back", "--force"];
    let said = machine.fails(1, &force);
    assert!(
        said.contains("back/b and back/a are one file here"),
        "{said}"
    );
    assert!(said.contains("which mem_1 gets"), "{said}");
    assert_eq!(std::fs::read(inside("a")).unwrap(), b"a");

    // The memory whose bytes are there keeps the file, whatever the order is.
    std::fs::remove_file(inside("a")).unwrap();
    link("c", "a");
    let said = machine.fails(1, &force);
    assert!(
        said.contains("back/a and back/c are one file here"),
        "{said}"
    );
    assert_eq!(std::fs::read(inside("c")).unwrap(), b"c");
    std::fs::remove_file(inside("a")).unwrap();
    assert_eq!(received(&machine.json(&force)), [1, 2, 0]);
    assert!(tree(&machine, "back") == tree(&machine, "folder"));
}

/// Strangers with the right to write choose names and paths as they like.
#[test]
fn no_memory_leaves_the_folder() {
    let machine = Machine::new();
    let who = Principal::from_text(machine.done(&["identity"]).trim()).unwrap();
    let client = machine.deployment.client(who);
    let capsule = client.capsules_create(None).unwrap().id;
    let hostile = [
        Some("/etc/passwd"),
        Some("../../up"),
        Some("a/../../b"),
        Some("..\\..\\c"),
        Some("C:\\d"),
        Some("new\nline"),
        Some("CON"),
        Some("link/e"),
        Some("same"),
        Some("./same"),
        Some("same/f"),
        Some(""),
        None,
    ];
    for (seed, path) in hostile.iter().enumerate() {
        let data = bytes(100, seed as u64);
        let mut spec = UploadSpec::document("../name", 100);
        spec.idempotency_key = seed.to_string();
        spec.metadata.base_mut().storage_key = path.map(str::to_string);
        client.upload(&capsule, &spec, &data[..], |_| ()).unwrap();
    }
    let outside = machine.path("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::create_dir(machine.path("in")).unwrap();
    symlink(&outside, machine.path("in/link")).unwrap();

    let said = machine.fails(1, &["download", "--all", "in"]);
    assert!(
        said.contains("link is a symbolic link, expected a folder"),
        "{said}"
    );
    assert!(
        said.contains("1 of 13 memories are not downloaded"),
        "{said}"
    );
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(machine.beginning_with("up"), Vec::<String>::new());
    std::fs::remove_file(machine.path("in/link")).unwrap();
    let written: Vec<String> = tree(&machine, "in")
        .into_keys()
        .map(|path| path.into_os_string().into_string().unwrap())
        .collect();
    let expected = [
        "C:/d",
        "_CON",
        "a/b",
        "c",
        "etc/passwd",
        "name",
        "name (mem_12)",
        "new_line",
        "same/f",
        "same (mem_10)",
        "same (mem_9)",
        "up",
    ];
    assert_eq!(written, expected);
}

#[test]
fn an_interrupted_folder_goes_on_where_it_stopped() {
    let machine = Machine::new();
    for number in 0..40 {
        let name = format!("folder/{number:02}");
        write(&machine, &name, &bytes(500, number));
    }
    machine.admit("blob_put_chunk", 10);
    let mut client = machine.start(&["upload", "folder"]);
    eventually("ten memories", || {
        assert_eq!(client.try_wait().unwrap(), None, "the client has ended");
        (machine.json(&["ls"]).len() == 10).then_some(())
    });
    client.kill().unwrap();
    client.wait().unwrap();
    machine.open_gate();
    assert_eq!(sent(&machine.json(&["upload", "folder"])), [30, 10, 0]);
    assert_eq!(paths(&machine).len(), 40);
    assert_eq!(
        received(&machine.json(&["download", "--all", "back"])),
        [40, 0, 0]
    );
    assert!(tree(&machine, "back") == tree(&machine, "folder"));
    assert!(
        machine
            .json(&["status"])
            .iter()
            .all(|upload| upload["state"] == "committed")
    );
}

/// A named file beside a folder goes up as ever: what the capsule has isn't sent.
#[test]
fn files_and_folders_go_up_together() {
    let machine = Machine::new();
    write(&machine, "folder/a", b"a");
    let file = machine.file("b", 10, 3);
    let lines = machine.json(&["upload", "folder", text(&file)]);
    assert_eq!(sent(&lines), [2, 0, 0]);
    assert_eq!(paths(&machine), ["a", "none"]);
    assert_eq!(
        sent(&machine.json(&["upload", "folder", "--again"])),
        [1, 0, 0]
    );
    assert_eq!(paths(&machine), ["a", "a", "none"]);
}

#[test]
fn a_gateway_of_release_0_1_0_takes_folders_and_lists_no_paths() {
    let machine = Machine::of_release_0_1_0();
    write(&machine, "folder/a/x", b"x");
    write(&machine, "folder/b/y", b"y");
    assert_eq!(sent(&machine.json(&["upload", "folder"])), [2, 0, 0]);
    // The same uploads are found by their keys.
    machine.json(&["upload", "folder"]);
    assert_eq!(paths(&machine), ["none", "none"]);
    let lines = machine.json(&["download", "--all", "back"]);
    assert_eq!(received(&lines), [2, 0, 0]);
    let names: Vec<PathBuf> = tree(&machine, "back").into_keys().collect();
    assert_eq!(names, [Path::new("x"), Path::new("y")]);
}
