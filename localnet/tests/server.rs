//! The server as a process: how it announces itself, refuses a taken port, and ends.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn localnet(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_localnet"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts")
}

/// The one line that the server prints.
fn address(server: &mut Child) -> String {
    let mut line = String::new();
    let stdout = server.stdout.as_mut().expect("is piped");
    BufReader::new(stdout).read_line(&mut line).expect("prints");
    line
}

fn exit_code(mut server: Child) -> Option<i32> {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(20) {
        if let Some(status) = server.try_wait().expect("is ours") {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    server.kill().expect("is ours");
    panic!("the server did not end");
}

fn signal(server: &Child, name: &str) {
    let id = server.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status();
    assert!(sent.expect("kill runs").success());
}

#[test]
fn announces_its_address_and_ends_on_signals() {
    for (name, code) in [("TERM", 0), ("INT", 130)] {
        let mut server = localnet(&[]);
        let line = address(&mut server);
        let port = line
            .strip_prefix("http://127.0.0.1:")
            .and_then(|rest| rest.strip_suffix("/\n"));
        assert!(port.is_some_and(|p| p.parse::<u16>().is_ok()), "{line:?}");
        signal(&server, name);
        assert_eq!(exit_code(server), Some(code), "{name}");
    }
}

#[test]
fn ends_with_standard_input_only_when_asked_to() {
    let mut bound = localnet(&["--exit-with-stdin"]);
    address(&mut bound);
    drop(bound.stdin.take());
    assert_eq!(exit_code(bound), Some(0));

    let mut free = localnet(&[]);
    address(&mut free);
    drop(free.stdin.take());
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(free.try_wait().expect("is ours"), None);
    signal(&free, "TERM");
    assert_eq!(exit_code(free), Some(0));
}

#[test]
fn a_taken_port_is_one_clear_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = taken.local_addr().expect("is bound").port().to_string();
    let mut server = localnet(&["--port", &port]);
    let mut said = String::new();
    let stderr = server.stderr.as_mut().expect("is piped");
    stderr.read_to_string(&mut said).expect("is text");
    assert!(said.contains(&format!("Port {port}")), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert_eq!(exit_code(server), Some(1));
}
