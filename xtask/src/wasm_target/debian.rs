//! The standard library from Debian's source package, for machines where rustup can download nothing.
//!
//! apt runs with lists, caches and sources of its own, so the machine's configuration stays as it is; the mirror is
//! the one that the machine already uses. The package is only unpacked, never installed.

use super::TARGET;
use super::sysroot::{Toolchain, crate_name, rlibs};
use crate::{Result, layout, process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The suite that holds `rust-src` of recent releases, several side by side.
const SUITE: &str = "trixie-backports";

/// Signs Debian's archive; a part of every Debian system.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

const APT_LIMIT: Duration = Duration::from_secs(300);
const BUILD_LIMIT: Duration = Duration::from_secs(600);

/// Our own package, which is built only to have the standard library built.
const EMPTY: &str = "empty";

/// Builds the target's libraries and puts them into the toolchain.
pub fn install(toolchain: &Toolchain) -> Result<()> {
    let work = WorkDir::new()?;
    let mirrors = mirrors(&apt_configuration()?);
    if mirrors.is_empty() {
        return Err("apt is configured with no Debian archive".to_string());
    }
    let mut reasons = Vec::new();
    for mirror in mirrors {
        match download(&work, &mirror, &toolchain.version) {
            Ok(package) => {
                let library = unpack(&work, &package, &toolchain.version)?;
                return toolchain.install(&build(&work, &library)?);
            }
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join("; "))
}

/// A folder that goes away again.
struct WorkDir(PathBuf);

impl WorkDir {
    fn new() -> Result<Self> {
        let dir = layout::target_dir().join(format!("wasm-target-{}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))?;
        Ok(Self(dir))
    }

    fn dir(&self, name: &str) -> Result<PathBuf> {
        let dir = self.0.join(name);
        fs::create_dir_all(&dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))?;
        Ok(dir)
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        // Best effort: what is left lies in cargo's target folder and does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What apt is configured with: one line a source, `URI component`.
fn apt_configuration() -> Result<String> {
    let mut command = Command::new("apt-get");
    command.args([
        "indextargets",
        "--format",
        "$(REPO_URI) $(COMPONENT)",
        "Identifier: Packages",
    ]);
    process::run_quietly(&mut command, APT_LIMIT)
}

/// The mirrors of Debian's main archive: their path ends with `debian`, and they have the component `main`.
fn mirrors(configuration: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in configuration.lines() {
        let mut words = line.split_whitespace();
        let (Some(uri), Some("main")) = (words.next(), words.next()) else {
            continue;
        };
        let uri = uri.trim_end_matches('/');
        if uri.ends_with("/debian") && !found.iter().any(|f| f == uri) {
            found.push(uri.to_string());
        }
    }
    found
}

/// The one source that our apt knows.
fn sources(mirror: &str) -> String {
    format!("Types: deb\nURIs: {mirror}\nSuites: {SUITE}\nComponents: main\nSigned-By: {KEYRING}\n")
}

/// What to ask apt for: the source of exactly this release, whatever Debian's revision.
fn wanted(version: &str) -> String {
    format!("rust-src={version}*")
}

fn download(work: &WorkDir, mirror: &str, version: &str) -> Result<PathBuf> {
    let list = work.0.join("debian.sources");
    fs::write(&list, sources(mirror))
        .map_err(|e| format!("cannot write {}: {e}", list.display()))?;
    let lists = work.dir("lists")?;
    let cache = work.dir("cache")?;
    let packages = work.dir("packages")?;
    work.dir("lists/partial")?;
    work.dir("cache/archives/partial")?;
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .arg(format!("-oDir::Etc::sourcelist={}", list.display()))
            .arg("-oDir::Etc::sourceparts=/dev/null")
            .arg(format!("-oDir::State::lists={}", lists.display()))
            .arg(format!("-oDir::Cache={}", cache.display()))
            .args(["-oAcquire::Languages=none", "-oAcquire::Retries=2"])
            .args(["-oAcquire::http::Timeout=30", "-oAPT::Get::List-Cleanup=0"])
            .args(arguments)
            .env("LC_ALL", "C")
            .current_dir(&packages);
        process::run_quietly(&mut command, APT_LIMIT)
    };
    apt(&["update", "--error-on=any"])?;
    apt(&["download", &wanted(version)])?;
    let mut found = fs::read_dir(&packages)
        .map_err(|e| format!("cannot read {}: {e}", packages.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()));
    found
        .next()
        .ok_or_else(|| format!("apt downloaded no rust-src {version}"))
}

/// The folder `library` of the package.
fn unpack(work: &WorkDir, package: &Path, version: &str) -> Result<PathBuf> {
    let unpacked = work.dir("unpacked")?;
    let mut command = Command::new("dpkg-deb");
    command.arg("-x").arg(package).arg(&unpacked);
    process::run_quietly(&mut command, APT_LIMIT)?;
    let library = unpacked.join(format!("usr/src/rustc-{version}/library"));
    if library.join("std").is_dir() {
        Ok(library)
    } else {
        Err(format!(
            "the package {} has no folder library/std",
            package.display()
        ))
    }
}

/// Compiles the standard library; the `.rlib` files of it.
fn build(work: &WorkDir, library: &Path) -> Result<Vec<PathBuf>> {
    let package = work.dir(EMPTY)?;
    let failed = |e: std::io::Error| format!("cannot write to {}: {e}", package.display());
    fs::create_dir_all(package.join("src")).map_err(failed)?;
    fs::write(package.join("src/lib.rs"), "").map_err(failed)?;
    let manifest = format!(
        "[package]\nname = \"{EMPTY}\"\nedition = \"2024\"\n[workspace]\n[profile.release]\npanic = \"abort\"\n"
    );
    fs::write(package.join("Cargo.toml"), manifest).map_err(failed)?;
    let output = work.dir("build")?;
    let mut command = layout::cargo();
    command
        .args([
            "build",
            "-Zbuild-std=std,panic_abort",
            "--release",
            "--target",
            TARGET,
        ])
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", &output)
        // The released compiler, with the two settings of nightly that building the library needs.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_TESTS_ONLY_SRC_ROOT", library)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    process::run_quietly(&mut command, BUILD_LIMIT)?;
    let deps = output.join(TARGET).join("release/deps");
    let mut built = rlibs(&deps).map_err(|e| format!("cannot read {}: {e}", deps.display()))?;
    built.retain(|path| crate_name(path) != Some(EMPTY));
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_the_debian_archives_of_this_machine() {
        let configuration = "\
            http://mirror.example/debian/ bookworm-ignored\n\
            http://mirror.example/debian/ main\n\
            http://mirror.example/debian/ main\n\
            http://mirror.example/debian-security/ main\n\
            https://packages.example/linux/debian/ stable\n\
            https://node.example/node_20.x/ main\n\
            \n\
            http://other.example/a/debian main\n";
        assert_eq!(
            mirrors(configuration),
            [
                "http://mirror.example/debian",
                "http://other.example/a/debian"
            ]
        );
        assert!(mirrors("").is_empty());
    }

    #[test]
    fn the_version_is_pinned() {
        assert_eq!(wanted("1.95.0"), "rust-src=1.95.0*");
    }

    #[test]
    fn sources_name_one_suite_and_the_key() {
        let text = sources("http://mirror.example/debian");
        assert!(text.contains("URIs: http://mirror.example/debian\n"));
        assert!(text.contains("Suites: trixie-backports\n"));
        assert!(text.contains("Signed-By: /usr/share/keyrings/"));
    }
}
