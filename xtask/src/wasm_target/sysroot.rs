//! The installed toolchain, and its folder for the target's libraries.

use crate::outcome::Result;
use crate::{layout, process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The target that canisters are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// This file beside our libraries lists them.
const LIST: &str = "built-from-rust-src.txt";

const RUSTC_LIMIT: Duration = Duration::from_secs(60);

/// The properties of the compiler that `rustc` reports.
pub struct Toolchain {
    /// As in `rustc --version`: `1.95.0`.
    pub version: String,
    /// The commit that the compiler was built from, in hexadecimal.
    pub commit: String,
    /// The folder of the compiler and its libraries.
    pub sysroot: PathBuf,
    /// The folder for the target's `.rlib` files.
    pub target_lib: PathBuf,
}

impl Toolchain {
    pub fn of_rustc() -> Result<Self> {
        let report = ask_rustc(&["--version", "--verbose"])?;
        let sysroot = ask_rustc(&["--print", "sysroot"])?;
        let target_lib = ask_rustc(&["--print", "target-libdir", "--target", TARGET])?;
        let commit = report
            .lines()
            .find_map(|line| line.strip_prefix("commit-hash: "));
        Ok(Self {
            version: release(&report)?.to_string(),
            commit: commit.unwrap_or("unknown").to_string(),
            sysroot: PathBuf::from(sysroot.trim()),
            target_lib: PathBuf::from(target_lib.trim()),
        })
    }

    /// The name of the standard library's source in the official libraries.
    pub fn source_name(&self) -> String {
        format!("/rustc/{}", self.commit)
    }

    /// Removes the libraries of [`Toolchain::install`] if rustup installed its own beside them.
    ///
    /// Nothing compiles with two standard libraries.
    pub fn drop_second_copy(&self) -> Result<()> {
        let list = self.list();
        let Ok(own) = fs::read_to_string(&list) else {
            return Ok(());
        };
        let cores = rlibs(&self.target_lib)
            .unwrap_or_default()
            .iter()
            .filter(|path| crate_name(path) == Some("core"))
            .count();
        if cores < 2 {
            return Ok(());
        }
        for name in own.lines() {
            // Only plain names: the list must not lead elsewhere.
            if let Some(name) = Path::new(name).file_name() {
                remove(&self.target_lib.join(name))?;
            }
        }
        remove(&list)
    }

    /// The file with the names of the libraries that [`Toolchain::install`] copied.
    fn list(&self) -> PathBuf {
        self.target_lib.join(LIST)
    }

    /// Whether the standard library for the target is there.
    pub fn has_target(&self) -> bool {
        rlibs(&self.target_lib)
            .unwrap_or_default()
            .iter()
            .any(|path| crate_name(path) == Some("core"))
    }

    /// Returns an error that names the expected folder if the standard library is missing.
    pub fn check_target(&self) -> Result<()> {
        if self.has_target() {
            Ok(())
        } else {
            Err(format!(
                "{} still holds no standard library, expected it there",
                self.target_lib.display()
            ))
        }
    }

    /// Copies freshly built libraries to their folder: all or none, and never beside others.
    pub fn install(&self, built: &[PathBuf]) -> Result<()> {
        let lib = &self.target_lib;
        let failed = |e: std::io::Error| format!("cannot write to {}: {e}", lib.display());
        let parent = lib.parent().expect("BUG: a library folder has a parent");
        fs::create_dir_all(parent).map_err(failed)?;
        let staged = parent.join(format!("lib.{}", std::process::id()));
        let result = copy_all(built, &staged).and_then(|()| {
            // This replaces an empty folder, but not one with files in it.
            fs::rename(&staged, lib)
        });
        if result.is_err() && staged.exists() {
            // Best effort: the user needs the first error.
            let _ = fs::remove_dir_all(&staged);
        }
        result.map_err(failed)
    }
}

fn copy_all(files: &[PathBuf], to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    let mut names = String::new();
    for file in files {
        let name = file.file_name().expect("BUG: a library has a file name");
        fs::copy(file, to.join(name))?;
        names.push_str(&name.to_string_lossy());
        names.push('\n');
    }
    fs::write(to.join(LIST), names)
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {e}", path.display()))
        }
        _ => Ok(()),
    }
}

fn ask_rustc(arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("rustc");
    command.args(arguments).current_dir(layout::root());
    process::run_quietly(&mut command, RUSTC_LIMIT)
}

/// Returns `1.95.0` for `rustc 1.95.0 (59807616e 2026-04-14)`. Only releases have a source package.
fn release(report: &str) -> Result<&str> {
    let number = report.split_whitespace().nth(1).unwrap_or_default();
    let parts: Vec<&str> = number.split('.').collect();
    if parts.len() == 3 && parts.iter().all(|p| p.parse::<u16>().is_ok()) {
        Ok(number)
    } else {
        Err(format!(
            "`rustc --version` is `{}`, expected a release such as 1.95.0",
            report.lines().next().unwrap_or_default()
        ))
    }
}

/// The `.rlib` files of a folder, in order.
pub fn rlibs(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "rlib") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Returns `core` for `libcore-0123456789abcdef.rlib`.
pub fn crate_name(rlib: &Path) -> Option<&str> {
    let stem = rlib.file_stem()?.to_str()?.strip_prefix("lib")?;
    Some(stem.rsplit_once('-')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A toolchain whose libraries belong into a folder of the test.
    fn toolchain(target_lib: PathBuf) -> Toolchain {
        Toolchain {
            version: "1.95.0".into(),
            commit: "abc".into(),
            sysroot: "/sysroot".into(),
            target_lib,
        }
    }

    #[test]
    fn versions() {
        assert_eq!(
            release("rustc 1.95.0 (59807616e 2026-04-14)\n"),
            Ok("1.95.0")
        );
        assert!(release("rustc 1.97.0-nightly (abc 2026-05-01)").is_err());
        assert!(release("").is_err());
    }

    #[test]
    fn crate_names() {
        assert_eq!(crate_name(Path::new("a/libcore-0a1b.rlib")), Some("core"));
        assert_eq!(
            crate_name(Path::new("librustc_std_workspace_core-1.rlib")),
            Some("rustc_std_workspace_core")
        );
        assert_eq!(crate_name(Path::new("core.rlib")), None);
    }

    #[test]
    fn libraries_are_installed_once_and_never_beside_another_copy() {
        let dir = tempfile::tempdir().unwrap();
        let toolchain = toolchain(dir.path().join("wasm32/lib"));
        assert!(!toolchain.has_target());
        let built = dir.path().join("libcore-1.rlib");
        fs::write(&built, "core").unwrap();

        toolchain.install(std::slice::from_ref(&built)).unwrap();
        assert!(toolchain.has_target());
        assert!(toolchain.install(&[built]).is_err());
        let left: Vec<_> = fs::read_dir(dir.path().join("wasm32"))
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(left, ["lib"]);
    }

    #[test]
    fn our_copy_goes_when_another_comes() {
        let dir = tempfile::tempdir().unwrap();
        let lib = dir.path().join("wasm32/lib");
        let toolchain = toolchain(lib.clone());
        let ours = dir.path().join("libcore-1.rlib");
        fs::write(&ours, "core").unwrap();
        toolchain.install(&[ours]).unwrap();

        toolchain.drop_second_copy().unwrap();
        assert!(lib.join("libcore-1.rlib").exists(), "the only copy stays");
        fs::write(lib.join("libcore-2.rlib"), "core").unwrap();
        toolchain.drop_second_copy().unwrap();
        let left: Vec<_> = fs::read_dir(&lib)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(left, ["libcore-2.rlib"]);
    }

    #[test]
    fn a_failed_copy_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let toolchain = toolchain(dir.path().join("wasm32/lib"));
        assert!(
            toolchain
                .install(&[dir.path().join("libcore-1.rlib")])
                .is_err()
        );
        assert_eq!(fs::read_dir(dir.path().join("wasm32")).unwrap().count(), 0);
    }
}
