//! Building the canisters: compiled, given their Candid interface, compressed.

use crate::{Result, layout, process, wasm_section, wasm_target};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The crates, and so the modules, in the order of a table.
pub const NAMES: [&str; 3] = ["upload_gateway", "blob_store", "memory_index"];

/// Where explorers and tools look for a canister's interface.
const CANDID_SECTION: &str = "icp:public candid:service";

/// A part of the names of the unit tests that compare a canister's committed `.did` with its code.
const INTERFACE_TESTS: &str = "interface";

const LIST_LIMIT: Duration = Duration::from_secs(300);

/// Compiles all canisters and leaves `target/canisters/<name>.wasm.gz`, each with its committed `.did` in it.
pub fn build() -> Result<()> {
    compile("release", &NAMES)?;
    println!(
        "{:<16}{:>14}{:>14}",
        "canister", "wasm, bytes", "gzip, bytes"
    );
    for name in NAMES {
        let (raw, packed) = pack(name, "release", name)?;
        println!("{name:<16}{raw:>14}{packed:>14}");
    }
    Ok(())
}

/// Leaves the gateway's debug build as `upload_gateway.debug.wasm.gz`: it has methods that the release build lacks.
pub fn build_debug_gateway() -> Result<()> {
    compile("dev", &NAMES[..1])?;
    pack(NAMES[0], "debug", "upload_gateway.debug").map(|_| ())
}

/// Checks each committed `.did` against the code, and the gateway's against the frozen interface.
///
/// The checks are unit tests of the canisters, which know their own interface.
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
            "a canister has no test named `{INTERFACE_TESTS}` that compares its .did with its code"
        ));
    }
    process::run(&mut test(&["--quiet", "--", INTERFACE_TESTS]))
        .map_err(|e| format!("a committed .did file differs from the code: {e}"))
}

/// Leaves the canister that fails calls on purpose as `chaos.wasm.gz`; it has no interface that anybody should see.
pub fn build_chaos() -> Result<()> {
    compile("release", &["chaos"])?;
    let module = layout::target_dir()
        .join(wasm_target::TARGET)
        .join("release/chaos.wasm");
    replace(
        &layout::canisters_dir().join("chaos.wasm.gz"),
        &gzip(&read(&module)?),
    )
}

fn compile(profile: &str, names: &[&str]) -> Result<()> {
    wasm_target::ensure()?;
    let mut command = layout::cargo();
    command
        .args(["build", "--profile", profile, "--lib"])
        .args(["--target", wasm_target::TARGET]);
    for name in names {
        command.args(["-p", name]);
    }
    process::run(&mut command).map_err(|e| format!("the canisters cannot be built: {e}"))
}

/// Packs one module; its bytes before and after.
fn pack(name: &str, profile_dir: &str, as_name: &str) -> Result<(usize, usize)> {
    let module = layout::target_dir()
        .join(wasm_target::TARGET)
        .join(profile_dir)
        .join(format!("{name}.wasm"));
    let interface = layout::root().join(format!("canisters/{name}/{name}.did"));
    let described = wasm_section::append(&read(&module)?, CANDID_SECTION, &read(&interface)?)
        .map_err(|e| format!("{}: {e}", layout::shown(&module)))?;
    let packed = gzip(&described);
    let dir = layout::canisters_dir();
    fs::create_dir_all(&dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))?;
    replace(&dir.join(format!("{as_name}.wasm.gz")), &packed)?;
    Ok((described.len(), packed.len()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| format!("cannot read {}: {e}", layout::shown(path)))
}

/// Writes a file at once, so that nobody reads half of it.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let new = PathBuf::from(format!("{}.{}", path.display(), std::process::id()));
    fs::write(&new, bytes)
        .and_then(|()| fs::rename(&new, path))
        .map_err(|e| format!("cannot write {}: {e}", layout::shown(path)))
}

/// The same bytes for the same input: no time, no file name.
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
