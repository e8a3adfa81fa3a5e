//! Standard output and standard error: full, closed, and what is told where.

use super::machine::{Machine, text};
use std::fs::File;
use std::process::{Output, Stdio};
use tools::engine::program;

fn full() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

/// A file that is open for reading only.
fn read_only() -> Stdio {
    File::open("/dev/null").unwrap().into()
}

/// A pipe that nobody reads.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn run(machine: &Machine, arguments: &[&str], stdout: Stdio, stderr: Stdio) -> Output {
    let child = machine
        .command(program("capsule"))
        .args(arguments)
        .stdout(stdout)
        .stderr(stderr)
        .spawn();
    child.unwrap().wait_with_output().unwrap()
}

/// Commands that print and need no memory.
const PRINTING: [&[&str]; 11] = [
    &["completions", "bash"],
    &["completions", "zsh"],
    &["man"],
    &["man", "upload"],
    &["--help"],
    &["help", "download"],
    &["--version"],
    &["identity"],
    &["capsules"],
    &["--json", "capsules"],
    &["ls"],
];

fn with_a_memory() -> Machine {
    let machine = Machine::new();
    let file = machine.file("a.txt", 10, 1);
    machine.done(&["upload", text(&file)]);
    machine
}

/// Expects one sentence about standard output, and exit code 1.
#[track_caller]
fn expect_unwritable(arguments: &[&str], output: Output) {
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("error: cannot write to standard output: "),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn an_unwritable_standard_output_is_an_error_with_a_sentence() {
    let machine = with_a_memory();
    for arguments in PRINTING {
        for stdout in [full, read_only] {
            let output = run(&machine, arguments, stdout(), Stdio::piped());
            expect_unwritable(arguments, output);
        }
        let closed = machine
            .command("sh")
            .args(["-c", "exec \"$@\" >&-", "sh"])
            .arg(program("capsule"))
            .args(arguments)
            .output()
            .unwrap();
        expect_unwritable(arguments, closed);
    }
    let bytes = ["download", "mem_1", "-o", "-"];
    let output = run(&machine, &bytes, read_only(), Stdio::piped());
    expect_unwritable(&bytes, output);
    // The work of a command is done all the same.
    let output = run(&machine, &["rm", "mem_1"], read_only(), Stdio::piped());
    expect_unwritable(&["rm"], output);
    assert_eq!(machine.json(&["trash"]).len(), 1);
}

#[test]
fn a_closed_standard_output_ends_a_command_quietly() {
    let machine = with_a_memory();
    for arguments in PRINTING {
        let output = run(&machine, arguments, closed(), Stdio::piped());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn an_unwritable_standard_error_changes_no_exit_code() {
    let machine = with_a_memory();
    for (code, arguments) in [
        (0, &["ls"][..]),
        (0, &["--verbose", "verify", "mem_1"]),
        (1, &["download", "mem_1"]),
        (1, &["upload", "missing", "missing too"]),
        (1, &["upload", "missing"]),
        (2, &["upload"]),
        (2, &["--no-such-option"]),
        (4, &["verify", "mem_99"]),
        (4, &["ls", "--capsule", "capsule-99"]),
    ] {
        for stderr in [full, closed] {
            let output = run(&machine, arguments, Stdio::piped(), stderr());
            assert_eq!(
                output.status.code(),
                Some(code),
                "{arguments:?}: {output:?}"
            );
        }
        // both at once
        let output = run(&machine, arguments, full(), full());
        assert!(matches!(output.status.code(), Some(1..=5)), "{output:?}");
    }
}

#[test]
fn nothing_but_results_errors_and_details_is_told_on_a_pipe() {
    let machine = with_a_memory();
    let quiet = ["verify", "mem_1"];
    for arguments in [&[][..], &["--quiet"], &["--verbose"]] {
        let output = machine.run(&[arguments, &quiet].concat());
        assert!(output.status.success(), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
    let both = machine.run(&["--quiet", "--verbose", "ls"]);
    assert_eq!(both.status.code(), Some(2));

    // Each repeated call is told, with its reason.
    machine.admit("blob_read_chunk", 0);
    let repeated = ["--patience", "1", "verify", "mem_1"];
    let output = machine.run(&repeated);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    let output = machine.run(&[&["--verbose"][..], &repeated].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("chunk 0 of blob_"), "{said}");
    assert!(said.contains("another attempt follows in 0.25 s"), "{said}");
}

#[test]
fn the_manual_and_the_version_are_told_without_a_network() {
    let machine = Machine::new();
    std::fs::remove_dir_all(machine.path("home")).unwrap();
    let page = machine.done(&["man"]);
    assert!(page.contains(".TH capsule 1"), "{page}");
    assert!(page.contains("download"), "{page}");
    let page = machine.done(&["man", "download"]);
    assert!(
        page.contains("\\-\\-force") && page.contains("\\-\\-network"),
        "{page}"
    );
    machine.fails(1, &["man", "nothing"]);
    assert!(!machine.done(&["--help"]).contains("manual"));
    let version = machine.done(&["--version"]);
    let release = concat!("capsule ", env!("CARGO_PKG_VERSION"));
    let commit = version.trim().strip_prefix(release).unwrap();
    if !commit.is_empty() {
        let commit = commit
            .strip_prefix(" (")
            .unwrap()
            .strip_suffix(')')
            .unwrap();
        assert!(commit.len() >= 12 && commit.chars().all(|c| c.is_ascii_hexdigit()));
    }
}
