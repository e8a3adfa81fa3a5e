//! Builds the standard library from Debian's source package, for machines without rustup's server.
//!
//! apt runs with its own lists, caches and sources, so the machine's configuration stays as it is.
//! It uses the mirror that the machine already uses. The package is unpacked, never installed.

use super::sysroot::{TARGET, Toolchain, crate_name, rlibs};
use crate::outcome::Result;
use crate::{layout, process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// This suite has `rust-src` for several recent releases.
const SUITE: &str = "trixie-backports";

/// The keys that sign Debian's archive; every Debian system has them.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

const APT_LIMIT: Duration = Duration::from_secs(300);
const BUILD_LIMIT: Duration = Duration::from_secs(600);

/// An empty package: building it builds the standard library.
const EMPTY: &str = "empty";

/// Builds the target's libraries and copies them into the toolchain.
pub fn install(toolchain: &Toolchain) -> Result<()> {
    let work = WorkDir::new()?;
    let mirrors = mirrors(&apt_configuration()?);
    if mirrors.is_empty() {
        return Err("apt has no Debian archive, expected at least one mirror".to_string());
    }
    let mut reasons = Vec::new();
    for mirror in mirrors {
        match download(&work, &mirror, &toolchain.version) {
            Ok(package) => {
                let library = unpack(&work, &package, &toolchain.version)?;
                return toolchain.install(&build(&work, &library, toolchain)?);
            }
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join("; "))
}

/// A folder that is deleted at the end.
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
        // Best effort: leftovers in cargo's target folder do no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Apt's configuration, with one line `URI component` for each source.
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

/// The mirrors of Debian's main archive.
///
/// Their path ends with `debian`, and they have the component `main`.
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

/// The configuration of our apt, with one source.
fn sources(mirror: &str) -> String {
    format!("Types: deb\nURIs: {mirror}\nSuites: {SUITE}\nComponents: main\nSigned-By: {KEYRING}\n")
}

/// Apt's name for the source of exactly this release, in any Debian revision.
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
        .ok_or_else(|| format!("apt downloaded nothing, expected rust-src {version}"))
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
            "the package {} has no library/std, expected that folder",
            package.display()
        ))
    }
}

/// Compiles the standard library and returns its `.rlib` files.
fn build(work: &WorkDir, library: &Path, toolchain: &Toolchain) -> Result<Vec<PathBuf>> {
    let package = work.dir(EMPTY)?;
    let failed = |e: std::io::Error| format!("cannot write to {}: {e}", package.display());
    fs::create_dir_all(package.join("src")).map_err(failed)?;
    fs::write(package.join("src/lib.rs"), "").map_err(failed)?;
    let manifest = format!(
        "[package]\nname = \"{EMPTY}\"\nedition = \"2024\"\n\
         [workspace]\n\
         [profile.release]\npanic = \"abort\"\n"
    );
    fs::write(package.join("Cargo.toml"), manifest).map_err(failed)?;
    let output = work.dir("build")?;
    let cargo = |arguments: &[&str], flags: &str| {
        let mut command = layout::cargo();
        command
            .args(arguments)
            .args(["-Zbuild-std=std,panic_abort", "--target", TARGET])
            .current_dir(&package)
            .env("CARGO_TARGET_DIR", &output)
            // The library needs these two settings of nightly; the compiler is the released one.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("__CARGO_TESTS_ONLY_SRC_ROOT", library)
            .env_remove("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", flags);
        process::run_quietly(&mut command, BUILD_LIMIT)
    };
    // Only afterwards do the registries have the folders that the flags name.
    cargo(&["fetch"], "")?;
    let flags = official_names(library, &layout::registries()?, toolchain);
    cargo(&["build", "--release"], &flags.join("\u{1f}"))?;
    let deps = output.join(TARGET).join("release/deps");
    let mut built = rlibs(&deps).map_err(|e| format!("cannot read {}: {e}", deps.display()))?;
    built.retain(|path| crate_name(path) != Some(EMPTY));
    Ok(built)
}

/// Compiler flags that name source files as the official libraries do.
///
/// Otherwise the canisters' panic messages would hold the path of the work folder.
fn official_names(library: &Path, registries: &[PathBuf], toolchain: &Toolchain) -> Vec<String> {
    let flag = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let source = toolchain.source_name();
    let mut flags = vec![
        flag(library, &format!("{source}/library")),
        flag(&library.join("vendor"), "/rust/deps"),
    ];
    flags.extend(registries.iter().map(|folder| flag(folder, "/rust/deps")));
    flags
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

    #[test]
    fn our_libraries_name_their_source_as_the_official_ones_do() {
        let toolchain = Toolchain {
            version: "1.95.0".into(),
            commit: "abc".into(),
            sysroot: "/sysroot".into(),
            target_lib: "/sysroot/lib".into(),
        };
        let registries = [PathBuf::from("/home-of-cargo/registry/src/mirror-1")];
        assert_eq!(
            official_names(Path::new("/build/library"), &registries, &toolchain),
            [
                "--remap-path-prefix=/build/library=/rustc/abc/library",
                "--remap-path-prefix=/build/library/vendor=/rust/deps",
                "--remap-path-prefix=/home-of-cargo/registry/src/mirror-1=/rust/deps",
            ]
        );
    }
}
