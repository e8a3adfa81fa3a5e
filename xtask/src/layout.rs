//! Where things are: the workspace, cargo's output, the finished canisters.

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

/// `target/debug`: where this program is, and where cargo puts the others.
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

/// Cargo's target folder, wherever it was set to.
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

/// Where the finished canisters go.
pub fn canisters_dir() -> PathBuf {
    target_dir().join("canisters")
}

/// The folder of settings of the command-line client: `CAPSULE_HOME`, or `capsule` in the user's configuration folder.
pub fn settings() -> crate::Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let below = |name, rest: &str| set(name).map(|folder| PathBuf::from(folder).join(rest));
    set("CAPSULE_HOME")
        .map(PathBuf::from)
        .or_else(|| below("XDG_CONFIG_HOME", "capsule"))
        .or_else(|| below("HOME", ".config/capsule"))
        .ok_or_else(|| {
            "there is no HOME, expected CAPSULE_HOME to name a folder of settings".into()
        })
}

/// A path as the user would write it.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The cargo that runs us, in the workspace's folder.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}
