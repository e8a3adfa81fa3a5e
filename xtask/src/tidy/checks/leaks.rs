//! Nothing names a private host, a folder of one machine, or the shim that was never built.

use crate::tidy::finding::Finding;
use crate::tidy::read::tree::{File, Language, Tree};

/// Hosts that everybody may know, each with its reason.
const PUBLIC_HOSTS: [(&str, &str); 11] = [
    (
        "github.com",
        "names the registry in Cargo.lock and deny.toml",
    ),
    ("icp-api.io", "the Internet Computer's API"),
    ("internetcomputer.org", "documentation of the platform"),
    ("forum.dfinity.org", "in error texts of the platform"),
    ("keepachangelog.com", "the form of CHANGELOG.md"),
    ("no-color.org", "a convention of terminal programs"),
    (
        "opencollective.com",
        "names who maintains a JavaScript package",
    ),
    ("paulmillr.com", "names who maintains a JavaScript package"),
    ("rustup.rs", "installs Rust"),
    ("semver.org", "the form of version numbers"),
    ("www.apache.org", "the licence"),
];

/// Endings of hosts that stand for others in examples and tests.
const EXAMPLE_ENDINGS: [&str; 6] = [
    ".example",
    ".example.com",
    ".example.org",
    ".invalid",
    ".localhost",
    ".test",
];

/// Folders of people on one machine.
const PRIVATE_FOLDERS: [&str; 3] = [
    concat!("/", "root/"),
    concat!("/", "home/"),
    concat!("/", "Users/"),
];

/// Names of the compatibility layer. Documents may say that it doesn't exist.
const SHIM: [&str; 3] = [
    concat!("Session", "Compat"),
    concat!("UploadSession", "Meta"),
    concat!("with_session", "_compat"),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.files().iter().flat_map(leaks).collect()
}

fn leaks(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    let document = file.language == Language::Markdown;
    for (index, line) in file.text.lines().enumerate() {
        let mut tell = |text: String| found.push(Finding::new(&file.path, index + 1, text));
        for host in hosts(line).filter(|host| !is_public(host)) {
            tell(format!(
                "the line names the host {host}, expected one of the public hosts in the check"
            ));
        }
        for folder in PRIVATE_FOLDERS {
            // The folder may also be a part of another path, such as `/data/home/`.
            let own = line.match_indices(folder).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || "._-}>~".contains(c))
            });
            if own {
                tell(format!(
                    "the line names `{folder}`, expected no folder of one machine"
                ));
            }
        }
        for name in SHIM.into_iter().filter(|_| !document) {
            if line.contains(name) {
                tell(format!(
                    "the code names `{name}`, expected no compatibility layer"
                ));
            }
        }
    }
    found
}

/// The hosts of all addresses in a line.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("://").filter_map(move |(at, _)| {
        let scheme = line[..at].rsplit(|c: char| !c.is_alphanumeric()).next()?;
        let scheme = scheme.trim_start_matches(|c: char| c.is_ascii_digit());
        if !matches!(scheme, "http" | "https" | "ssh" | "git" | "ftp") {
            return None;
        }
        let rest = &line[at + 3..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && !".-@:_{}<>".contains(c));
        let authority = &rest[..end.unwrap_or(rest.len())];
        authority.rsplit('@').next()?.split(':').next()
    })
}

fn is_public(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    // `localhost`, a placeholder, or an address of version 6 in brackets.
    let plain = !host.contains('.') || host.contains(['{', '<']);
    let example = EXAMPLE_ENDINGS
        .iter()
        .any(|ending| host.ends_with(ending) || host == &ending[1..]);
    plain
        || example
        || host.starts_with("127.")
        || PUBLIC_HOSTS.iter().any(|(public, _)| *public == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: &str, text: &str) -> Vec<String> {
        let found = check(&Tree::of(&[(path, text)]));
        found.iter().map(|finding| finding.text.clone()).collect()
    }

    #[test]
    fn public_hosts_and_examples_pass() {
        for address in [
            "http://localhost:4943",
            "http://127.0.0.1:80/",
            "http://[::1]:80",
            "http://{address}/",
            "http://<canister id>.localhost:4943",
            "http://mirror.example/debian",
            "https://internetcomputer.org/docs.",
            "icp://blob/blob_1",
        ] {
            assert_eq!(texts("a.md", address), Vec::<String>::new(), "{address}");
        }
    }

    #[test]
    fn other_hosts_are_told() {
        for address in [
            concat!("https:", "//packages.corp.net/simple"),
            concat!("registry+https:", "//user:x@mirror.corp.net/index"),
        ] {
            assert_eq!(texts("Cargo.lock", address).len(), 1, "{address}");
        }
    }

    #[test]
    fn folders_of_one_machine_are_told() {
        for folder in PRIVATE_FOLDERS {
            assert_eq!(texts("a.sh", &format!("cp {folder}x y")).len(), 1);
            assert_eq!(texts("a.sh", &format!("cp data{folder}x y")).len(), 0);
        }
    }

    #[test]
    fn documents_may_say_that_there_is_no_shim() {
        for name in SHIM {
            assert_eq!(texts("a.rs", name).len(), 1);
            assert_eq!(texts("a.md", name).len(), 0);
        }
    }
}
