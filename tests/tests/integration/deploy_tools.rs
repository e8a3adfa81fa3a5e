//! Deploy tools.
//!
//! The real `icp` deploys the project's own `icp.yaml`, and upgrades it during an upload. The
//! script of `dfx deploy` runs as dfx documents it. These tests need `npm`, which installs `icp`.

use crate::js_agents::scripts;
use crate::{bytes, sha256};
use candid::{Encode, Principal};
use pocket_ic::PocketIc;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tools::client::Client;
use tools::deployment::{Part, person, wasm};
use tools::engine::network;
use tools::mapping::create_empty;
use tools::source::UploadSpec;

fn program() -> PathBuf {
    scripts().join("node_modules/@icp-sdk/icp-cli-linux-x64/bin/icp")
}

/// Runs `icp` in a project, with separate settings; returns its output.
#[track_caller]
fn icp(project: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(program());
    command
        .args(arguments)
        .current_dir(project)
        .env("HOME", project.join("home"))
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_DATA_HOME")
        .env("DO_NOT_TRACK", "1");
    let output = loop {
        match command.output() {
            // A process still has the program open for writing: its installation, or a child that
            // another test is starting.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(50));
            }
            output => break output.unwrap(),
        }
    };
    assert!(output.status.success(), "icp {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Writes the project's `icp.yaml` for the network at `url` and for the modules of this build.
fn describe(project: &Path, url: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let built = tools::engine::program("../canisters");
    let text = std::fs::read_to_string(root.join("icp.yaml")).unwrap();
    for part in [
        "http://localhost:4943",
        "cargo xtask build",
        "target/canisters",
    ] {
        assert!(text.contains(part), "icp.yaml has no {part}");
    }
    let text = text
        .replace("http://localhost:4943", url.trim_end_matches('/'))
        .replace("cargo xtask build", "echo built before")
        .replace("target/canisters", built.to_str().unwrap());
    std::fs::write(project.join("icp.yaml"), text).unwrap();
    std::fs::create_dir(project.join("home")).unwrap();
}

/// Creates a live network, a project for it, and the identity that deploys.
fn project() -> (PocketIc, TempDir, Principal) {
    let mut pic = network();
    let url = pic.make_live(None).to_string();
    let folder = TempDir::new().unwrap();
    let project = folder.path();
    describe(project, &url);
    icp(
        project,
        &["identity", "new", "deployer", "--storage", "plaintext"],
    );
    icp(project, &["identity", "default", "deployer"]);
    let deployer = icp(project, &["identity", "principal"]);
    let deployer = Principal::from_text(deployer.trim()).unwrap();
    (pic, folder, deployer)
}

#[test]
fn icp_deploys_and_its_upgrade_keeps_open_sessions() {
    let (pic, folder, deployer) = project();
    let project = folder.path();
    let [gateway, ..] = create_empty(&pic, deployer, project).unwrap();
    icp(project, &["deploy", "-e", "localnet", "--yes"]);

    let client = Client::new(&pic, gateway, person("alice"));
    let capsule = client.capsules_create(None).unwrap().id;
    let data = bytes(600, 1);
    let spec = UploadSpec::document("file", 600).in_chunks_of(300, 600);
    let session = client.begin(&capsule, &spec).unwrap();
    client.put_chunk(session, 0, &data[..300]).unwrap();
    let version = || {
        let status = pic.canister_status(gateway, Some(deployer)).unwrap();
        (status.version, status.module_hash)
    };
    let before = version();

    icp(
        project,
        &["deploy", "-e", "localnet", "--yes", "--mode", "upgrade"],
    );
    let after = version();
    assert!(after.0 > before.0 && after.1 == before.1, "no upgrade");
    client.put_chunk(session, 1, &data[300..]).unwrap();
    let result = client.finish(session, &sha256(&data), 600).unwrap();
    assert!(crate::read_back(&client, &result.blob_id) == data);
}

/// A stand-in for `dfx`, which no package registry offers: `icp` does its `canister call`.
const DFX: &str = r#"#!/usr/bin/env bash
set -euo pipefail
[ "$1 $2 $4" = "canister --network call" ] || { echo "unexpected: $*" >&2; exit 2; }
exec "$ICP" canister call "$5" "$6" "$7" -e "$3"
"#;

#[test]
fn the_script_of_dfx_wires_the_canisters_and_may_be_run_again() {
    let (pic, folder, deployer) = project();
    let project = folder.path();
    let ids = create_empty(&pic, deployer, project).unwrap();
    let [gateway, store, index] = ids;
    for (part, id) in Part::ALL.into_iter().zip(ids) {
        let nothing = Encode!(&None::<()>).unwrap();
        pic.install_canister(id, wasm(part.name()), nothing, Some(deployer));
    }
    let client = Client::new(&pic, gateway, person("alice"));
    assert!(
        client.capsules_create(None).is_err(),
        "the canisters are already wired"
    );

    let dfx = project.join("dfx");
    std::fs::write(&dfx, DFX).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&dfx, executable).unwrap();
    let path = format!("{}:{}", text(project), std::env::var("PATH").unwrap());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let described: serde_json::Value =
        serde_json::from_slice(&std::fs::read(root.join("dfx.json")).unwrap()).unwrap();
    let script = described["canisters"]["upload_gateway"]["post_install"][0].as_str();
    let script = root.join(script.expect("a script in dfx.json"));
    let run = |gateway: &str| {
        Command::new(&script)
            .current_dir(project)
            .env("PATH", &path)
            .env("HOME", project.join("home"))
            .env("DO_NOT_TRACK", "1")
            .env("ICP", program())
            .env("DFX_NETWORK", "localnet")
            .env("CANISTER_ID_upload_gateway", gateway)
            .env("CANISTER_ID_blob_store", store.to_text())
            .env("CANISTER_ID_memory_index", index.to_text())
            .output()
            .unwrap()
    };
    for _ in 0..2 {
        let wired = run(&gateway.to_text());
        assert!(wired.status.success(), "{wired:?}");
    }
    crate::upload(&client, &UploadSpec::document("file", 3), b"abc").unwrap();
    // The script fails when it can't wire the canisters.
    assert!(!run("").status.success());
    assert!(!run(&Principal::anonymous().to_text()).status.success());
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
