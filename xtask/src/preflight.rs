//! Checks the user's input before minutes of building.

use crate::outcome::Result;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Checks that a file to upload exists, is a regular file, is readable and isn't empty.
pub fn check_file(path: &Path) -> Result<()> {
    let shown = path.display();
    let mut file = File::open(path).map_err(|e| match e.kind() {
        ErrorKind::NotFound => format!("{shown} does not exist, expected a file"),
        ErrorKind::PermissionDenied => format!("{shown} cannot be read: permission denied"),
        _ => format!("{shown} cannot be opened: {e}"),
    })?;
    let metadata = file
        .metadata()
        .map_err(|e| format!("{shown} cannot be examined: {e}"))?;
    if metadata.is_dir() {
        return Err(format!("{shown} is a directory, expected a file"));
    }
    if !metadata.is_file() {
        return Err(format!(
            "{shown} is not a regular file, expected one whose length is known"
        ));
    }
    let mut first = [0];
    match file.read(&mut first) {
        Ok(0) => Err(format!("{shown} is empty, expected at least 1 byte")),
        Ok(_) => Ok(()),
        Err(e) => Err(format!("{shown} cannot be read: {e}")),
    }
}

/// Programs that tests run, and what to install for them.
///
/// The official JavaScript agents and deploy tools come by npm. The real Prometheus reads the
/// metrics and the files in `ops/`.
const OF_TESTS: [(&[&str], &str); 2] = [
    (&["node", "npm"], "Node.js 18 or later with npm"),
    (
        &["prometheus", "promtool"],
        "Prometheus 2.42 or later: `apt-get install prometheus`",
    ),
];

/// Checks that the programs are installed that tests run.
pub fn check_test_programs() -> Result<()> {
    for (programs, expected) in OF_TESTS {
        for program in programs {
            check_program(program, expected)?;
        }
    }
    Ok(())
}

fn check_program(program: &str, expected: &str) -> Result<()> {
    let answer = Command::new(program).arg("--version").output();
    answer
        .map(|_| ())
        .map_err(|e| format!("`{program}` cannot be run ({e}), expected {expected}"))
}

/// Checks that a server accepts connections at `http://host:port`.
pub fn check_reachable(url: &str) -> Result<()> {
    let authority = authority(url)?;
    let addresses: Vec<_> = authority
        .to_socket_addrs()
        .map_err(|e| unreachable(url, &e.to_string()))?
        .collect();
    let mut reason = "the name has no address".to_string();
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(_) => return Ok(()),
            Err(e) => reason = e.to_string(),
        }
    }
    Err(unreachable(url, &reason))
}

fn unreachable(url: &str, reason: &str) -> String {
    format!("the network {url} is unreachable ({reason}), expected a server that runs there")
}

/// Returns `host:port` of a URL. PocketIC servers speak plain HTTP.
fn authority(url: &str) -> Result<String> {
    let expected = || format!("the network is {url}, expected http://host:port/");
    let rest = url.strip_prefix("http://").ok_or_else(expected)?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.is_empty() || !path.is_empty() || authority.contains(['@', '?', '#', ' ']) {
        return Err(expected());
    }
    let after_host = authority.rsplit(']').next().unwrap_or(authority);
    match after_host.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => Ok(authority.to_string()),
        Some(_) => Err(expected()),
        None => Ok(format!("{authority}:80")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn files_that_cannot_be_uploaded_are_refused_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty");
        std::fs::write(&empty, []).unwrap();
        let good = dir.path().join("good");
        std::fs::write(&good, [1]).unwrap();

        assert!(
            check_file(&dir.path().join("missing"))
                .unwrap_err()
                .contains("does not exist")
        );
        assert!(check_file(&empty).unwrap_err().contains("is empty"));
        assert!(
            check_file(dir.path())
                .unwrap_err()
                .contains("is a directory")
        );
        assert!(
            check_file(Path::new("/dev/null"))
                .unwrap_err()
                .contains("not a regular file")
        );
        assert_eq!(check_file(&good), Ok(()));
    }

    #[test]
    fn a_missing_program_is_named_with_what_to_install() {
        assert_eq!(check_program("cargo", "Rust"), Ok(()));
        let missing = check_program("no-such-program", "Prometheus").unwrap_err();
        assert!(missing.starts_with("`no-such-program` cannot be run ("));
        assert!(missing.ends_with(", expected Prometheus"), "{missing}");
    }

    #[test]
    fn addresses() {
        assert_eq!(
            authority("http://127.0.0.1:8000/").unwrap(),
            "127.0.0.1:8000"
        );
        assert_eq!(authority("http://localhost").unwrap(), "localhost:80");
        assert_eq!(authority("http://[::1]:8000").unwrap(), "[::1]:8000");
        assert_eq!(authority("http://[::1]").unwrap(), "[::1]:80");
        for bad in [
            "",
            "127.0.0.1:8000",
            "https://host/",
            "http://",
            "http://host:port/",
            "http://host:99999",
            "http://host/instances",
        ] {
            assert!(
                authority(bad).unwrap_err().contains("expected http://"),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_closed_port_is_unreachable() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        assert_eq!(check_reachable(&url), Ok(()));
        // Nothing listens on the lowest port. One that was just closed may be another test's soon.
        let closed = check_reachable("http://127.0.0.1:1/");
        assert!(closed.unwrap_err().contains("unreachable"));
    }
}
