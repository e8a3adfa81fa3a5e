//! Runs the tests, and builds the local network and its programs.
//!
//! Cargo unifies the features of all packages in one call, so another grouping would compile the
//! engine's dependencies a second time. Each call therefore names one of two fixed groups.

use crate::outcome::Result;
use crate::terminal::heading;
use crate::{canisters, engine, layout, preflight, process};
use std::time::Instant;

/// The programs and tests that drive an engine, the command-line client, and the engine.
const ENGINE: [&str; 8] = [
    "-p",
    "tools",
    "-p",
    "integration-tests",
    "-p",
    "capsule",
    "-p",
    "localnet",
];

/// The packages of [`ENGINE`] that this system can build.
fn engine_packages() -> &'static [&'static str] {
    match engine::RUNS_LOCALNET {
        true => &ENGINE,
        false => &ENGINE[..6],
    }
}

/// The packages whose tests need neither a network nor built canisters.
const NATIVE: [&str; 14] = [
    "-p",
    "capsule-shared",
    "-p",
    "canister-common",
    "-p",
    "upload_gateway",
    "-p",
    "blob_store",
    "-p",
    "memory_index",
    "-p",
    "chaos",
    "-p",
    "xtask",
];

/// Builds the local network and the programs that use it, with cargo's output.
pub fn build_engine() -> Result<()> {
    if engine::RUNS_LOCALNET && !layout::host_program("localnet").exists() {
        eprintln!("Building the local network; the first time takes some minutes");
    }
    let mut command = layout::cargo();
    command.arg("build").args(engine_packages());
    process::run(&mut command).map_err(|e| format!("the local network cannot be built: {e}"))
}

/// Runs the native tests, the local network's conformance tests, and those on real canisters.
///
/// The last group runs on the engine that the environment names.
pub fn test_everything() -> Result<()> {
    let started = Instant::now();
    engine::check()?;
    preflight::check_test_programs()?;
    heading("Canisters");
    canisters::build()?;
    canisters::build_debug_gateway()?;
    canisters::build_chaos()?;
    heading("Native tests");
    cargo_test(&NATIVE)?;
    heading("Local network and real canisters");
    build_engine()?;
    cargo_test(engine_packages())?;
    println!("\nAll tests passed in {} s", started.elapsed().as_secs());
    Ok(())
}

fn cargo_test(packages: &[&str]) -> Result<()> {
    let mut command = layout::cargo();
    command.args(["test", "--no-fail-fast"]).args(packages);
    process::run(&mut command).map_err(|e| format!("tests failed: {e}"))
}
