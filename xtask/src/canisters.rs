//! Builds the canisters: compiles them, adds their Candid interface, compresses them.

use crate::outcome::Result;
use crate::{layout, process, reproducible, wasm_section, wasm_target};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The crates, and so the modules, in the order of the table that `build` prints.
const NAMES: [&str; 3] = ["upload_gateway", "blob_store", "memory_index"];

/// Explorers and tools look here for a canister's interface.
const CANDID_SECTION: &str = "icp:public candid:service";

/// A part of the name of each unit test that compares a canister's `.did` with its code.
const INTERFACE_TESTS: &str = "interface";

/// The profile of modules that are deployed, and its folder's name.
const PROFILE: &str = "canister";

/// The tests are built already when they are listed.
const LIST_LIMIT: Duration = Duration::from_secs(300);

/// Builds all canisters to `target/canisters/<name>.wasm.gz`, each with its `.did` in it.
pub fn build() -> Result<()> {
    compile(PROFILE, &NAMES)?;
    println!(
        "{:<16}{:>14}{:>14}",
        "canister", "wasm, bytes", "gzip, bytes"
    );
    let mut hashes = String::new();
    for name in NAMES {
        let packed = pack(name, PROFILE, name)?;
        println!("{name:<16}{:>14}{:>14}", packed.wasm_len, packed.gzip_len);
        let path = layout::canisters_dir().join(format!("{name}.wasm.gz"));
        hashes.push_str(&format!("{}  {}\n", packed.sha256, layout::shown(&path)));
    }
    // The network shows the same as a canister's module hash; `sha256sum --check` reads it.
    println!("\nSHA-256\n{hashes}");
    Ok(())
}

/// Builds the gateway's debug build, which has more methods, to `upload_gateway.debug.wasm.gz`.
pub fn build_debug_gateway() -> Result<()> {
    compile("dev", &NAMES[..1])?;
    pack(NAMES[0], "debug", "upload_gateway.debug").map(|_| ())
}

/// Checks each committed `.did` against the code, and the gateway's against the frozen interface.
///
/// The checks are unit tests of the canisters: each crate knows its own interface.
pub fn check_interfaces() -> Result<()> {
    let test = |arguments: &[&str]| {
        let mut command = layout::cargo();
        command.args(["test", "--lib"]);
        for name in NAMES {
            command.args(["-p", name]);
        }
        command.args(arguments);
        command
    };
    process::run(&mut test(&["--quiet", "--no-run"]))
        .map_err(|e| format!("the checks of the interfaces cannot be built: {e}"))?;
    let list = process::run_quietly(&mut test(&["--", INTERFACE_TESTS, "--list"]), LIST_LIMIT)?;
    if list.lines().any(|line| line.starts_with("0 tests")) {
        return Err(format!(
            "a canister has no test named `{INTERFACE_TESTS}`, expected one that compares its \
             .did with its code"
        ));
    }
    process::run(&mut test(&["--quiet", "--", INTERFACE_TESTS]))
        .map_err(|e| format!("a committed .did file differs from the code: {e}"))
}

/// Builds the canister that fails calls on purpose to `chaos.wasm.gz`, without an interface.
pub fn build_chaos() -> Result<()> {
    compile(PROFILE, &["chaos"])?;
    let module = module(PROFILE, "chaos");
    replace(
        &layout::canisters_dir().join("chaos.wasm.gz"),
        &gzip(&read(&module)?),
    )
}

fn compile(profile: &str, names: &[&str]) -> Result<()> {
    let toolchain = wasm_target::ensure()?;
    let failed = |e| format!("the canisters cannot be built: {e}");
    let mut fetch = layout::cargo();
    fetch.args(["fetch", "--target", wasm_target::TARGET]);
    process::run(&mut fetch).map_err(failed)?;
    let mut build = layout::cargo();
    build
        .args(["build", "--profile", profile, "--lib"])
        .args(["--target", wasm_target::TARGET]);
    for name in names {
        build.args(["-p", name]);
    }
    reproducible::hide_folders(&mut build, &toolchain)?;
    process::run(&mut build).map_err(failed)
}

/// Cargo's output for one canister.
fn module(profile_dir: &str, name: &str) -> PathBuf {
    layout::target_dir()
        .join(wasm_target::TARGET)
        .join(profile_dir)
        .join(format!("{name}.wasm"))
}

/// One finished module.
struct Packed {
    wasm_len: usize,
    gzip_len: usize,
    /// The hash of the compressed bytes, in hexadecimal.
    sha256: String,
}

fn pack(name: &str, profile_dir: &str, as_name: &str) -> Result<Packed> {
    let module = module(profile_dir, name);
    let interface = layout::root().join(format!("canisters/{name}/{name}.did"));
    let described = wasm_section::append(&read(&module)?, CANDID_SECTION, &read(&interface)?)
        .map_err(|e| format!("{}: {e}", layout::shown(&module)))?;
    let packed = gzip(&described);
    let dir = layout::canisters_dir();
    fs::create_dir_all(&dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))?;
    replace(&dir.join(format!("{as_name}.wasm.gz")), &packed)?;
    let digest = Sha256::digest(&packed);
    Ok(Packed {
        wasm_len: described.len(),
        gzip_len: packed.len(),
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| format!("cannot read {}: {e}", layout::shown(path)))
}

/// Writes a file in one step, so that no reader sees half of it.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let new = PathBuf::from(format!("{}.{}", path.display(), std::process::id()));
    fs::write(&new, bytes)
        .and_then(|()| fs::rename(&new, path))
        .map_err(|e| format!("cannot write {}: {e}", layout::shown(path)))
}

/// Compresses without a time or a file name: the same input gives the same bytes.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("BUG: writing to memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn gzip_is_deterministic_and_names_no_time() {
        let bytes = vec![7; 100_000];
        let packed = gzip(&bytes);
        assert_eq!(packed, gzip(&bytes));
        // magic, deflate, no flags, no modification time (RFC 1952)
        assert_eq!(packed[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed[..])
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, bytes);
    }
}
