//! The installed toolchain, and its folder for the target's libraries.

use super::TARGET;
use crate::{Result, layout, process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Beside our libraries: which ones they are.
const LIST: &str = "built-from-rust-src.txt";

const RUSTC_LIMIT: Duration = Duration::from_secs(60);

/// What `rustc` says of itself.
pub struct Toolchain {
    /// As in `rustc --version`: `1.95.0`.
    pub version: String,
    /// Where the target's `.rlib` files belong.
    pub target_lib: PathBuf,
}

impl Toolchain {
    pub fn of_rustc() -> Result<Self> {
        let version = ask_rustc(&["--version"])?;
        let target_lib = ask_rustc(&["--print", "target-libdir", "--target", TARGET])?;
        Ok(Self {
            version: release(&version)?.to_string(),
            target_lib: PathBuf::from(target_lib.trim()),
        })
    }

    /// Removes what [`Toolchain::install`] put there once somebody else (rustup) installed the target beside it: with
    /// two standard libraries nothing compiles.
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

    /// The names of the libraries that [`Toolchain::install`] put there.
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

    /// The same, as an error that says where it was expected.
    pub fn check_target(&self) -> Result<()> {
        if self.has_target() {
            Ok(())
        } else {
            Err(format!(
                "afterwards {} still holds no standard library",
                self.target_lib.display()
            ))
        }
    }

    /// Puts freshly built libraries in their place, all at once or not at all, and never beside another copy.
    pub fn install(&self, built: &[PathBuf]) -> Result<()> {
        let lib = &self.target_lib;
        let failed = |e: std::io::Error| format!("cannot write to {}: {e}", lib.display());
        let parent = lib.parent().expect("BUG: a library folder has a parent");
        fs::create_dir_all(parent).map_err(failed)?;
        let staged = parent.join(format!("lib.{}", std::process::id()));
        let result = copy_all(built, &staged).and_then(|()| {
            // Replaces an empty folder, but not one that holds something.
            fs::rename(&staged, lib)
        });
        if result.is_err() && staged.exists() {
            // Best effort: the first error is what the user needs to know.
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

/// `1.95.0` of `rustc 1.95.0 (59807616e 2026-04-14)`; only releases have a source package.
fn release(version: &str) -> Result<&str> {
    let number = version.split_whitespace().nth(1).unwrap_or_default();
    let parts: Vec<&str> = number.split('.').collect();
    if parts.len() == 3 && parts.iter().all(|p| p.parse::<u16>().is_ok()) {
        Ok(number)
    } else {
        Err(format!(
            "`rustc --version` says `{}`, expected a release such as 1.95.0",
            version.trim()
        ))
    }
}

/// The `.rlib` files of a folder.
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

/// `core` of `libcore-0123456789abcdef.rlib`.
pub fn crate_name(rlib: &Path) -> Option<&str> {
    let stem = rlib.file_stem()?.to_str()?.strip_prefix("lib")?;
    Some(stem.rsplit_once('-')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let toolchain = Toolchain {
            version: "1.95.0".into(),
            target_lib: dir.path().join("wasm32/lib"),
        };
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
        let toolchain = Toolchain {
            version: "1.95.0".into(),
            target_lib: lib.clone(),
        };
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
        let toolchain = Toolchain {
            version: "1.95.0".into(),
            target_lib: dir.path().join("wasm32/lib"),
        };
        assert!(
            toolchain
                .install(&[dir.path().join("libcore-1.rlib")])
                .is_err()
        );
        assert_eq!(fs::read_dir(dir.path().join("wasm32")).unwrap().count(), 0);
    }
}
