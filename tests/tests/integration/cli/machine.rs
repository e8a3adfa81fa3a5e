//! A machine with the command-line client, an identity and the live network.

use crate::bytes;
use crate::gate::{Gate, deploy_with_gate};
use crate::waiting::eventually;
use candid::Principal;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::memory_index::Memory;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use tempfile::TempDir;
use tools::deployment::{Created, Deployment, deploy, release_0_1_0};
use tools::engine::{network, program};
use tools::http::{self, HANG};

pub struct Machine {
    pub deployment: Deployment,
    /// The gate before the store, if there is one; at first it is open.
    gate: Option<Gate>,
    /// Where the network is.
    pub url: String,
    folder: TempDir,
}

impl Machine {
    pub fn new() -> Self {
        let (deployment, gate) = deploy_with_gate();
        Self::with(deployment, Some(gate))
    }

    /// A machine whose network has the canisters of that release. It has no gate: a canister in
    /// between can't reject a call as the platform does that lacks a method.
    pub fn of_release_0_1_0() -> Self {
        let created = Created::on(network()).with_modules(release_0_1_0);
        Self::with(created.install(GatewayArgs::default()), None)
    }

    /// A machine whose user operates the canisters. The gateway has this many stores, and no gate
    /// is before them.
    pub fn operated(stores: usize) -> Self {
        let deployment = deploy();
        deployment.grow_to(stores).unwrap();
        let machine = Self::with(deployment, None);
        let operator = machine.principal();
        machine.deployment.admit_operator(operator).unwrap();
        machine
    }

    fn with(mut deployment: Deployment, gate: Option<Gate>) -> Self {
        let url = deployment.pic.make_live(None).to_string();
        let machine = Machine {
            deployment,
            gate,
            url,
            folder: TempDir::new().unwrap(),
        };
        std::fs::create_dir(machine.path("home")).unwrap();
        machine.write_settings(&machine.url, &root_key(&machine.url));
        machine.done(&["identity", "--new"]);
        machine
    }

    fn gate(&self) -> &Gate {
        self.gate.as_ref().expect("BUG: this machine has no gate")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_settings(&self, url: &str, root_key: &[u8]) {
        let text = json!({
            "url": url,
            "root_key": root_key.iter().map(|b| format!("{b:02x}")).collect::<String>(),
            "upload_gateway": self.deployment.gateway.to_text(),
            "blob_store": self.deployment.blob_store.to_text(),
            "memory_index": self.deployment.memory_index.to_text(),
        });
        std::fs::write(self.path("home/local.json"), text.to_string()).unwrap();
    }

    pub fn file(&self, name: &str, length: usize, seed: u64) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes(length, seed)).unwrap();
        path
    }

    /// The names of the files in the current folder with this prefix.
    pub fn beginning_with(&self, prefix: &str) -> Vec<String> {
        self.names_in(".")
            .into_iter()
            .filter(|name| name.starts_with(prefix))
            .collect()
    }

    /// The number of uploads that the client remembers.
    pub fn upload_records(&self) -> usize {
        self.record_names().len()
    }

    /// Changes the one record of an upload that the client remembers.
    pub fn change_record(&self, change: impl FnOnce(&mut Value)) {
        let [name] = &self.record_names()[..] else {
            panic!("there is not one record");
        };
        let path = self.path("home/uploads").join(name);
        let mut record = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut record);
        std::fs::write(&path, record.to_string()).unwrap();
    }

    /// A memory with its metadata, as the user of this machine may read it.
    pub fn memory(&self, id: &str) -> Memory {
        let who = self.principal();
        self.deployment.client(who).memories_read(id).unwrap()
    }

    /// The user of this machine.
    pub fn principal(&self) -> Principal {
        Principal::from_text(self.done(&["identity"]).trim()).unwrap()
    }

    /// Changes settings of the gateway.
    pub fn configure(&self, settings: GatewayArgs) {
        let operator = self.deployment.client(self.deployment.controller);
        operator.update::<()>("configure", (settings,)).unwrap();
    }

    /// A client that was killed may leave a record that isn't in force yet, under another name.
    pub fn record_names(&self) -> Vec<String> {
        let names = self.names_in("home/uploads").into_iter();
        names.filter(|name| name.ends_with(".json")).collect()
    }

    fn names_in(&self, folder: &str) -> Vec<String> {
        std::fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// A command in the machine's folder, with the machine's settings only.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env("CAPSULE_HOME", self.path("home"))
            .env_remove("CAPSULE_NETWORK")
            .env_remove("CAPSULE_GATEWAY")
            .env_remove("CAPSULE_IDENTITY")
            .env_remove("CAPSULE_ROOT_KEY");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(program("capsule"))
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Runs a command that must succeed; returns its output.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must succeed with `--json`; returns one object for each line.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let printed = self.done(&[&["--json"], arguments].concat());
        let lines = printed.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Runs a command that must fail with this exit code; returns its error output.
    #[track_caller]
    pub fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {output:?}"
        );
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("error: "), "{said}");
        said
    }

    /// Starts a command that repeats rejected calls until the test opens the gate.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let patience = (2 * HANG).as_secs().to_string();
        self.command(program("capsule"))
            .args(["--retry-for", &patience])
            .args(arguments)
            .spawn()
            .unwrap()
    }

    /// Lets this many calls of a store's method pass from now on, and no more.
    pub fn admit(&self, method: &str, calls: u64) {
        self.gate().admit(&self.deployment, method, calls);
    }

    pub fn open_gate(&self) {
        self.gate().open(&self.deployment);
    }

    /// Waits until the gateway has this many uploads, and the client remembers the newest one with
    /// its session.
    #[track_caller]
    pub fn wait_until_noted(&self, client: &mut Child, uploads: usize) {
        eventually("an upload with its session in a record", || {
            assert_eq!(client.try_wait().unwrap(), None, "the client has ended");
            let listed = self.json(&["status"]);
            let session = listed.first()?["session"].clone();
            let noted = self.records().any(|record| record["session"] == session);
            (listed.len() == uploads && noted).then_some(())
        });
    }

    /// Waits for an upload with a higher session id; returns its status.
    #[track_caller]
    pub fn wait_for_session_after(&self, client: &mut Child, session: u64) -> Value {
        eventually("the next session", || {
            let status = self.json(&["status"]).into_iter().next()?;
            assert_eq!(client.try_wait().unwrap(), None, "the client has ended");
            (status["session"].as_u64()? > session).then_some(status)
        })
    }

    /// The records of uploads that are readable now.
    fn records(&self) -> impl Iterator<Item = Value> {
        let folder = std::fs::read_dir(self.path("home/uploads"));
        let entries = folder.into_iter().flatten().flatten();
        entries.filter_map(|entry| serde_json::from_slice(&std::fs::read(entry.path()).ok()?).ok())
    }

    /// Waits until the newest upload has exactly so many bytes; returns its status.
    #[track_caller]
    pub fn wait_until_received(&self, client: &mut Child, bytes: usize) -> Value {
        eventually(&format!("{bytes} received bytes"), || {
            let status = self.json(&["status"]).into_iter().next()?;
            assert_eq!(client.try_wait().unwrap(), None, "the client has ended");
            (status["received_bytes"] == bytes).then_some(status)
        })
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn root_key(url: &str) -> Vec<u8> {
    let status = http::client()
        .get(format!("{url}api/v2/status"))
        .send()
        .unwrap();
    let status: serde_cbor::Value = serde_cbor::from_slice(&status.bytes().unwrap()).unwrap();
    let serde_cbor::Value::Map(status) = status else {
        panic!("a status is a map");
    };
    let serde_cbor::Value::Bytes(key) = &status[&serde_cbor::Value::Text("root_key".into())] else {
        panic!("a key is bytes");
    };
    key.clone()
}
