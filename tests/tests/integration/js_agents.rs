//! The official JavaScript agents, which send what capsule frontends send, and the official
//! JavaScript client of PocketIC servers (`tests/js`).
//!
//! The agents verify certificates and query signatures. These tests need `node` and `npm`.

use capsule_shared::gateway::GatewayArgs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use tools::deployment::{Created, Deployment};
use tools::engine::{network, program};

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

/// Plays a script, whose last check must be `last`.
#[track_caller]
fn play(script: &str, arguments: &[&str], last: &str) {
    let played = Command::new("node")
        .arg(script)
        .args(arguments)
        .current_dir(scripts())
        .output()
        .unwrap_or_else(|e| panic!("node cannot be run ({e}), expected Node.js 18 or later"));
    let said = String::from_utf8_lossy(&played.stdout);
    assert!(
        played.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&played.stderr)
    );
    assert!(said.ends_with(&format!("ok  {last}\n")), "{said}");
}

/// The canisters on a network in real time, and its address for agents.
fn live(settings: GatewayArgs) -> (Deployment, String) {
    let mut deployment = Created::on(network()).install(settings);
    let url = deployment.pic.make_live(None).to_string();
    (deployment, url)
}

fn play_a_frontend(library: &str) {
    let (deployment, url) = live(GatewayArgs {
        allow_anonymous: Some(true),
        ..GatewayArgs::default()
    });
    let gateway = deployment.gateway.to_text();
    let arguments = [library, &url, &gateway];
    let last = "an anonymous client, where the operator allows it";
    play("wild_clients.mjs", &arguments, last);
}

/// Plays a frontend on machines whose clock is so many minutes ahead.
fn play_wrong_clocks(library: &str) {
    let (deployment, url) = live(GatewayArgs::default());
    let gateway = deployment.gateway.to_text();
    for minutes in ["10", "-10", "1500", "-1500"] {
        let arguments = [library, &url, &gateway, minutes];
        let last = "an upload whose first call finds the clock wrong";
        play("wrong_clock.mjs", &arguments, last);
    }
}

#[test]
fn frontends_with_dfinity_agent_are_served() {
    play_a_frontend("dfinity");
}

#[test]
fn frontends_with_icp_sdk_core_are_served() {
    play_a_frontend("icp-sdk");
}

#[test]
fn dfinity_agent_uploads_on_a_machine_whose_clock_is_wrong() {
    play_wrong_clocks("dfinity");
}

#[test]
fn icp_sdk_core_uploads_on_a_machine_whose_clock_is_wrong() {
    play_wrong_clocks("icp-sdk");
}

#[test]
fn the_javascript_client_of_pocket_ic_servers_is_served() {
    let pic = network();
    let server = pic.get_server_url().to_string();
    let modules = program("../canisters");
    let arguments = [server.trim_end_matches('/'), modules.to_str().unwrap()];
    play("pic.mjs", &arguments, "an instance is deleted");
}
