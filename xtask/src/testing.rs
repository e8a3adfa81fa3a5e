//! Running the tests, and building what they and the demo run on.
//!
//! The packages are built in two fixed groups, always together: cargo unifies the features of what it builds at
//! once, and another grouping would compile the engine's dependencies a second time.

use crate::{Result, canisters, layout, preflight, process};
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

/// Everything whose tests need neither.
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

/// Builds the local network and the programs that use it. Its output is cargo's own.
pub fn build_engine() -> Result<()> {
    if !layout::host_program("localnet").exists() {
        eprintln!("Building the local network; the first time takes some minutes");
    }
    let mut command = layout::cargo();
    command.arg("build").args(ENGINE);
    process::run(&mut command).map_err(|e| format!("the local network cannot be built: {e}"))
}

/// The native tests, the conformance tests of the local network, and the real canisters.
///
/// The last run on whatever engine the environment names, as the harness says.
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

fn heading(text: &str) {
    println!("\n== {text}");
}
