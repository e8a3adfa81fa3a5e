//! Only localnet and the tests that drive it use interfaces of Linux, and the client builds on
//! Windows too.
//!
//! An item with a matching `#[cfg(…)]` is left out, and so is a file that begins with one.

use crate::tidy::finding::Finding;
use crate::tidy::read::items::{without, without_tests};
use crate::tidy::read::lexer::{Kind, Token, code};
use crate::tidy::read::manifest::manifest;
use crate::tidy::read::tree::{File, Language, Tree};

/// Where Linux is required: localnet, and tests that run it.
const LINUX: [&str; 2] = ["localnet/", "tests/tests/"];

/// The client, which builds on Windows.
const EVERYWHERE: &str = "clients/";

/// Crates for interfaces of Linux.
const LINUX_CRATES: [&str; 5] = ["inotify", "io_uring", "memfd", "procfs", "rustix"];

/// Crates for interfaces that Windows doesn't have.
const UNIX_CRATES: [&str; 3] = ["libc", "nix", "signal_hook"];

/// Folders of files that only Linux has.
const LINUX_FILES: [&str; 2] = [concat!("/", "proc"), concat!("/", "sys")];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let free = |file: &&File| !LINUX.iter().any(|folder| file.path.starts_with(folder));
    let files = tree.files().iter().filter(free);
    files
        .flat_map(|file| match file.language {
            Language::Rust => uses(file),
            Language::Toml if file.path.ends_with("Cargo.toml") => dependencies(file),
            _ => Vec::new(),
        })
        .collect()
}

fn uses(file: &File) -> Vec<Finding> {
    let tokens = without(&code(&file.text), |attribute| {
        holds_only_on(attribute, "linux")
    });
    let mut found = linux_names(file, &tokens);
    found.extend(linux_files(file, &without_tests(&tokens)));
    if file.path.starts_with(EVERYWHERE) {
        let tokens = without(&tokens, |attribute| holds_only_on(attribute, "unix"));
        found.extend(unix_names(file, &tokens));
    }
    found
}

/// Whether an attribute restricts an item to `system`.
fn holds_only_on(attribute: &[Token<'_>], system: &str) -> bool {
    let has = |word: &str| attribute.iter().any(|token| token.text == word);
    has("cfg") && has(system) && !has("not") && !has("any")
}

fn linux_names(file: &File, tokens: &[Token<'_>]) -> Vec<Finding> {
    let module = named(tokens, "linux");
    let crates = tokens.iter().filter(|token| is_crate(token, &LINUX_CRATES));
    module
        .chain(crates)
        .map(|token| {
            let text = format!(
                "`{}` is an interface of Linux, expected what macOS has too, or \
                 #[cfg(target_os = \"linux\")]",
                token.text
            );
            Finding::new(&file.path, token.line, text)
        })
        .collect()
}

fn unix_names(file: &File, tokens: &[Token<'_>]) -> Vec<Finding> {
    let module = named(tokens, "unix");
    let crates = tokens.iter().filter(|token| is_crate(token, &UNIX_CRATES));
    module
        .chain(crates)
        .map(|token| {
            let text = format!(
                "Windows has no `{}`, expected what it has too, or #[cfg(unix)]",
                token.text
            );
            Finding::new(&file.path, token.line, text)
        })
        .collect()
}

/// The places of `os::name` and `signal::name`.
fn named<'t, 'a>(
    tokens: &'t [Token<'a>],
    name: &'static str,
) -> impl Iterator<Item = &'t Token<'a>> {
    tokens.windows(4).filter_map(move |part| {
        let parent = part[0].is("os") || part[0].is("signal");
        let path = parent && part[1].is(":") && part[2].is(":");
        (path && part[3].is(name)).then_some(&part[3])
    })
}

fn is_crate(token: &Token<'_>, names: &[&str]) -> bool {
    token.kind == Kind::Word && names.contains(&token.text)
}

fn linux_files(file: &File, tokens: &[Token<'_>]) -> Vec<Finding> {
    let below = |text: &str, folder: &str| {
        let rest = text.strip_prefix(folder);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let texts = tokens.iter().filter(|token| token.kind == Kind::Text);
    texts
        .filter(|token| LINUX_FILES.iter().any(|folder| below(token.text, folder)))
        .map(|token| {
            let text = format!(
                "only Linux has `{}`, expected a file of any system",
                token.text
            );
            Finding::new(&file.path, token.line, text)
        })
        .collect()
}

fn dependencies(file: &File) -> Vec<Finding> {
    let manifest = manifest(&file.text);
    let wanted = manifest.dependencies.iter().filter(|dependency| {
        let name = dependency.name.replace('-', "_");
        manifest.package.as_deref() != Some("integration-tests")
            && LINUX_CRATES.contains(&name.as_str())
    });
    wanted
        .map(|dependency| {
            let text = format!(
                "`{}` is for interfaces of Linux, expected only localnet to use it",
                dependency.name
            );
            Finding::new(&file.path, dependency.line, text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: &str, text: &str) -> Vec<String> {
        let found = check(&Tree::of(&[(path, text)]));
        found.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn interfaces_of_linux_are_told_outside_localnet() {
        for line in [
            "use std::os::linux::fs::MetadataExt;",
            "use rustix::process::Pid;",
            "fn f() { procfs::process::Process::myself() }",
            "fn f() { read(\"/proc/self/status\") }",
            "fn f() { read_dir(\"/sys\") }",
            "fn f() { let path = format!(\"/proc/{pid}/status\"); }",
        ] {
            assert_eq!(texts("tools/src/a.rs", line).len(), 1, "{line}");
            assert_eq!(texts("localnet/src/a.rs", line).len(), 0, "{line}");
        }
        let first = &texts("xtask/src/a.rs", "\nuse rustix::fs;")[0];
        assert!(
            first.starts_with("xtask/src/a.rs:2: `rustix` is an interface"),
            "{first}"
        );
    }

    #[test]
    fn comments_other_words_and_items_for_linux_alone_pass() {
        for text in [
            "// rustix reads /proc",
            "use std::os::unix::process::CommandExt;",
            "fn f(linux: bool) { read(\"/process\") }",
            "#[cfg(target_os = \"linux\")]\nuse rustix::fs;",
            "#[cfg(test)]\nmod tests { const EXAMPLE: &str = \"/proc/self\"; }",
        ] {
            assert_eq!(texts("tools/src/a.rs", text), Vec::<String>::new());
        }
        let others = "#[cfg(not(target_os = \"linux\"))]\nuse rustix::fs;";
        assert_eq!(texts("tools/src/a.rs", others).len(), 1);
    }

    #[test]
    fn the_client_uses_what_windows_has() {
        for line in [
            "use std::os::unix::fs::FileExt;",
            "use tokio::signal::unix::signal;",
            "fn f() { nix::unistd::getpid() }",
            "#[cfg(not(unix))]\nuse std::os::unix::fs::FileExt;",
        ] {
            assert_eq!(texts("clients/cli/src/a.rs", line).len(), 1, "{line}");
            assert_eq!(texts("xtask/src/a.rs", line).len(), 0, "{line}");
        }
        for text in [
            "#[cfg(unix)]\nuse std::os::unix::fs::FileExt;",
            "fn f() { #[cfg(unix)]\n{ std::os::unix::fs::chown(a) } }",
            "#![cfg(unix)]\nuse std::os::unix::fs::FileExt;",
            "fn unix() {}",
        ] {
            assert_eq!(texts("clients/cli/src/a.rs", text), Vec::<String>::new());
        }
    }

    #[test]
    fn manifests_are_read_too() {
        let manifest = |name: &str| {
            format!("[package]\nname = \"{name}\"\n[dependencies]\nrustix.workspace = true\n")
        };
        let told = texts("tools/Cargo.toml", &manifest("tools"));
        assert!(
            told[0].starts_with("tools/Cargo.toml:4: `rustix` is for"),
            "{told:?}"
        );
        assert!(texts("localnet/Cargo.toml", &manifest("localnet")).is_empty());
        assert!(texts("tests/Cargo.toml", &manifest("integration-tests")).is_empty());
    }
}
