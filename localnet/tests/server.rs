//! The server as a process: how it announces itself, refuses a port in use, and ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a server may take to end. It only turns a hang into a failure.
const HANG: Duration = Duration::from_secs(300);

fn localnet(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_localnet"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts")
}

/// The one line that the server prints: its URL.
fn announced(server: &mut Child) -> String {
    let mut line = String::new();
    let stdout = server.stdout.as_mut().expect("is piped");
    BufReader::new(stdout).read_line(&mut line).expect("prints");
    line
}

/// Waits for the server's end, keeping its standard input as it is.
fn exit_code(mut server: Child) -> Option<i32> {
    let stdin = server.stdin.take();
    let id = server.id();
    let (send, ended) = mpsc::channel();
    std::thread::spawn(move || send.send(server.wait()));
    let Ok(status) = ended.recv_timeout(HANG) else {
        signal(id, "KILL");
        panic!("the server did not end within {HANG:?}");
    };
    drop(stdin);
    status.expect("is ours").code()
}

fn signal(id: u32, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &id.to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

#[test]
fn announces_its_address_and_ends_on_signals() {
    for (name, code) in [("TERM", 0), ("INT", 130)] {
        let mut server = localnet(&[]);
        let line = announced(&mut server);
        let port = line
            .strip_prefix("http://127.0.0.1:")
            .and_then(|rest| rest.strip_suffix("/\n"));
        let port: u16 = port.and_then(|p| p.parse().ok()).expect(&line);
        if TcpListener::bind("[::1]:0").is_ok() {
            TcpStream::connect(("::1", port)).expect("is open at both addresses");
        }
        signal(server.id(), name);
        assert_eq!(exit_code(server), Some(code), "{name}");
    }
}

#[test]
fn ends_with_standard_input_only_when_asked_to() {
    let mut bound = localnet(&["--exit-with-stdin"]);
    let mut free = localnet(&[]);
    announced(&mut bound);
    let url = announced(&mut free);
    drop(free.stdin.take());
    drop(bound.stdin.take());
    assert_eq!(exit_code(bound), Some(0));

    // the other server has had as long, and still answers
    let address = url.trim_start_matches("http://").trim_end_matches("/\n");
    let mut stream = TcpStream::connect(address).expect("the server still listens");
    write!(
        stream,
        "GET /status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )
    .expect("sends");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("answers");
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    // the signal ends it, not standard input, after which the code is 0
    signal(free.id(), "INT");
    assert_eq!(exit_code(free), Some(130));
}

#[test]
fn a_port_in_use_is_one_clear_sentence() {
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
