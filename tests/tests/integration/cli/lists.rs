//! `capsule ls`: pages, order, filters, and names of others.

use super::machine::{Machine, text};
use candid::{Encode, Principal, decode_one};
use capsule_shared::Error;
use capsule_shared::asset::of_file;
use capsule_shared::keys::{pmid_session_hash32, pmid_stem};
use capsule_shared::memory_index::{BlobPlace, Memory, MemoryCommit};

/// Commits memories into the index as the gateway does, without their bytes.
fn committed(machine: &Machine, names: impl Iterator<Item = String>) {
    let identity = machine.done(&["identity"]);
    let who = Principal::from_text(identity.trim()).unwrap();
    let capsule_id = machine.json(&["capsules"])[0]["capsule"].clone();
    let capsule_id = capsule_id.as_str().unwrap();
    let deployment = &machine.deployment;
    let calls: Vec<_> = names
        .enumerate()
        .map(|(number, name)| {
            let session_id = 1_000_000 + number as u64;
            let key = pmid_session_hash32(&pmid_stem(capsule_id, &name), session_id);
            let size = 1 + number as u64 * 7_919 % 1_000;
            let commit = MemoryCommit {
                who,
                capsule_id: capsule_id.into(),
                session_id,
                metadata: of_file(&name, "text/plain", size),
                place: BlobPlace {
                    store: deployment.blob_store,
                    blob_id: key.blob_id(),
                    key,
                    size,
                    chunk_count: 1,
                },
                sha256: vec![number as u8; 32].into(),
            };
            let arg = Encode!(&commit).unwrap();
            deployment
                .pic
                .submit_call(
                    deployment.memory_index,
                    deployment.gateway,
                    "memory_commit",
                    arg,
                )
                .unwrap()
        })
        .collect();
    for call in calls {
        let reply = deployment.pic.await_call(call).unwrap();
        decode_one::<Result<Memory, Error>>(&reply)
            .unwrap()
            .unwrap();
    }
}

fn names(machine: &Machine, arguments: &[&str]) -> Vec<String> {
    machine
        .json(&[&["ls"], arguments].concat())
        .iter()
        .map(|memory| memory["name"].as_str().unwrap().to_string())
        .collect()
}

#[test]
fn all_pages_are_listed_in_each_order() {
    let machine = Machine::new();
    machine.done(&["ls"]);
    // three pages, the last of them not full
    let expected: Vec<String> = (0..250).map(|i| format!("f{:03}", i * 7 % 250)).collect();
    committed(&machine, expected.iter().cloned());
    assert_eq!(names(&machine, &[]), expected);
    let mut sorted = expected.clone();
    sorted.sort();
    assert_eq!(names(&machine, &["--sort", "name"]), sorted);
    sorted.reverse();
    assert_eq!(names(&machine, &["--sort", "name", "--reverse"]), sorted);
    let listed = machine.json(&["ls", "--sort", "size"]);
    assert_eq!(listed.len(), 250);
    let sizes: Vec<u64> = listed
        .iter()
        .map(|m| m["bytes"].as_u64().unwrap())
        .collect();
    assert!(sizes.is_sorted(), "{sizes:?}");
    let newest: Vec<String> = expected.iter().rev().cloned().collect();
    assert_eq!(names(&machine, &["--sort", "date", "--reverse"]), newest);

    assert_eq!(names(&machine, &["--name", "f00?"]).len(), 10);
    let day = &machine.done(&["ls", "--long", "--name", "f007"]);
    let mut columns = day.split_whitespace().skip(2);
    let (date, minute) = (columns.next().unwrap(), columns.next().unwrap());
    assert_eq!(minute.len(), 5, "{day}");
    assert_eq!(names(&machine, &["--since", "2100-01-01"]).len(), 0);
    assert_eq!(names(&machine, &["--until", "2100-01-01"]).len(), 250);
    assert!(names(&machine, &["--since", date]).contains(&"f007".to_string()));
    assert!(names(&machine, &["--until", date]).contains(&"f007".to_string()));
    let wrong = machine.run(&["ls", "--since", "yesterday"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn names_of_others_forge_no_lines_and_no_codes() {
    let machine = Machine::new();
    let name = "a\nmem_9  1  b\r\u{1b}[2J\u{7}\u{9b}31m\u{202e}";
    let file = machine.file(name, 10, 1);
    let path = text(&file);
    let uploaded = machine.done(&["upload", path]);
    let memory = machine.json(&["ls"])[0]["memory"].clone();
    let memory = memory.as_str().unwrap();
    let shown = r"a\nmem_9  1  b\r\u{1b}[2J\u{7}\u{9b}31m\u{202e}";
    let error = machine.run(&["download", memory]);
    for printed in [
        uploaded,
        machine.done(&["ls"]),
        machine.done(&["ls", "--long"]),
        machine.done(&["status"]),
        machine.done(&["verify", memory]),
        machine.done(&["verify", memory, path]),
        String::from_utf8(machine.run(&["download", memory, "-o", path]).stderr).unwrap(),
        {
            machine.done(&["rm", memory]);
            machine.done(&["trash"])
        },
        {
            machine.done(&["restore", memory]);
            std::fs::remove_file(path).unwrap();
            machine.done(&["download", memory, "-o", path])
        },
    ] {
        let line = printed.strip_suffix('\n').unwrap();
        assert!(line.contains(shown), "{line:?}");
        assert!(
            !line.contains(|c: char| c.is_control() || c == '\u{202e}'),
            "{line:?}"
        );
    }
    // its own name as a file is a safe one, so nothing is replaced
    assert!(error.status.success(), "{error:?}");
    assert_eq!(names(&machine, &[]), [name]);
    let raw = machine.done(&["--json", "ls"]);
    let line = raw.strip_suffix('\n').unwrap();
    assert!(
        !line.contains(|c: char| c.is_control() || c == '\u{202e}'),
        "{line:?}"
    );
    let error = machine.fails(1, &["verify", memory, "no\u{1b}\nfile"]);
    assert!(error.contains(r"no\u{1b}\nfile"), "{error:?}");
    // Even a name in the arguments comes back escaped.
    let error = machine.fails(4, &["verify", "mem\u{1b}_1"]);
    assert!(!error.contains('\u{1b}'), "{error:?}");
}
