//! The official JavaScript agents, which send what capsule frontends send (`tests/js`).
//!
//! They verify certificates and query signatures. These tests need `node` and `npm`.

use capsule_shared::gateway::GatewayArgs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use tools::deployment::Created;
use tools::engine::network;

/// The folder of the scripts, with their packages installed.
pub fn scripts() -> PathBuf {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("js");
    INSTALLED.get_or_init(|| {
        let installed = Command::new("npm")
            .args(["ci", "--no-progress", "--loglevel=error"])
            .current_dir(&folder)
            .output()
            .unwrap_or_else(|e| panic!("npm cannot be run ({e}), expected Node.js 18 or later"));
        assert!(installed.status.success(), "npm ci: {installed:?}");
    });
    folder
}

fn play(library: &str) {
    let folder = scripts();
    let settings = GatewayArgs {
        allow_anonymous: Some(true),
        ..GatewayArgs::default()
    };
    let mut deployment = Created::on(network()).install(settings);
    let url = deployment.pic.make_live(None).to_string();
    let played = Command::new("node")
        .args(["wild_clients.mjs", library, &url])
        .arg(deployment.gateway.to_text())
        .current_dir(folder)
        .output()
        .unwrap_or_else(|e| panic!("node cannot be run ({e}), expected Node.js 18 or later"));
    let said = String::from_utf8_lossy(&played.stdout);
    assert!(
        played.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&played.stderr)
    );
    let last = "ok  an anonymous client, where the operator allows it\n";
    assert!(said.ends_with(last), "{said}");
}

#[test]
fn frontends_with_dfinity_agent_are_served() {
    play("dfinity");
}

#[test]
fn frontends_with_icp_sdk_core_are_served() {
    play("icp-sdk");
}
