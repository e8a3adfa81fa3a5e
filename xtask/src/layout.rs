//! Where things are: the workspace, cargo's output, the finished canisters.

use crate::outcome::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's folder.
pub fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest
        .parent()
        .expect("BUG: xtask is a folder of the workspace")
        .to_path_buf()
}

/// `target/debug`: this program is there, and cargo puts the others beside it.
fn profile_dir() -> PathBuf {
    let exe = std::env::current_exe().expect("BUG: a running program has a path");
    let dir = exe.parent().expect("BUG: a program lies in a folder");
    // Test programs lie one deeper.
    let dir = if dir.ends_with("deps") {
        dir.parent().expect("BUG: deps is in a profile's folder")
    } else {
        dir
    };
    dir.to_path_buf()
}

/// Cargo's target folder, wherever the user put it.
pub fn target_dir() -> PathBuf {
    profile_dir()
        .parent()
        .expect("BUG: a profile's folder is in the target folder")
        .to_path_buf()
}

/// A program of this workspace that `cargo build` made.
pub fn host_program(name: &str) -> PathBuf {
    profile_dir().join(name)
}

/// The folder of the finished canisters.
pub fn canisters_dir() -> PathBuf {
    target_dir().join("canisters")
}

/// The settings of the command-line client: `CAPSULE_HOME`, or `capsule` in the user's
/// configuration folder.
pub fn settings() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let below = |name, rest: &str| set(name).map(|folder| PathBuf::from(folder).join(rest));
    set("CAPSULE_HOME")
        .map(PathBuf::from)
        .or_else(|| below("XDG_CONFIG_HOME", "capsule"))
        .or_else(|| below("HOME", ".config/capsule"))
        .ok_or_else(|| "HOME is not set, expected CAPSULE_HOME to name a folder of settings".into())
}

/// The folder where cargo keeps what it downloads.
pub fn cargo_home() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("CARGO_HOME")
        .map(|home| root().join(home))
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".cargo")))
        .ok_or_else(|| "HOME and CARGO_HOME are not set, expected one of them".into())
}

/// The folders with the source of dependencies, one for each registry or mirror in use.
pub fn registries() -> Result<Vec<PathBuf>> {
    let all = cargo_home()?.join("registry/src");
    // The folder appears with the first download.
    let entries = std::fs::read_dir(all).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    Ok(found)
}

/// A path as the user would write it.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The cargo that started this program, in the workspace's folder.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}
