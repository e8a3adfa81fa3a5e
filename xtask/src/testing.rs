//! Runs the tests, and builds the local network and its programs.
//!
//! Cargo unifies the features of all packages in one call, so another grouping would compile the
//! engine's dependencies a second time. Each call therefore names one of two fixed groups.

use crate::outcome::Result;
use crate::terminal::heading;
use crate::{canisters, layout, preflight, process};
use std::time::Instant;

/// The engine, the programs and tests that drive it, and the command-line client.
const ENGINE: [&str; 8] = [
    "-p",
    "localnet",
    "-p",
    "tools",
    "-p",
    "integration-tests",
    "-p",
    "capsule",
];

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
    if !layout::host_program("localnet").exists() {
        eprintln!("Building the local network; the first time takes some minutes");
    }
    let mut command = layout::cargo();
    command.arg("build").args(ENGINE);
    process::run(&mut command).map_err(|e| format!("the local network cannot be built: {e}"))
}

/// Runs the native tests, the local network's conformance tests, and those on real canisters.
///
/// The last group runs on the engine that the environment names.
pub fn test_everything() -> Result<()> {
    let started = Instant::now();
    preflight::check_node()?;
    heading("Canisters");
    canisters::build()?;
    canisters::build_debug_gateway()?;
    canisters::build_chaos()?;
    heading("Native tests");
    cargo_test(&NATIVE)?;
    heading("Local network and real canisters");
    build_engine()?;
    cargo_test(&ENGINE)?;
    println!("\nAll tests passed in {} s", started.elapsed().as_secs());
    Ok(())
}

fn cargo_test(packages: &[&str]) -> Result<()> {
    let mut command = layout::cargo();
    command.args(["test", "--no-fail-fast"]).args(packages);
    process::run(&mut command).map_err(|e| format!("tests failed: {e}"))
}
