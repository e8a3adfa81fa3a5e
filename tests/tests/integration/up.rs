//! `cargo xtask up`: networks that are killed, started again, and started side by side.
//!
//! Only localnet keeps its state this way.

use crate::waiting::eventually;
use crate::{bytes, sha256};
use candid::Principal;
use capsule_shared::Error;
use capsule_shared::capsule::{Capsule, PersonRef};
use capsule_shared::upload::UploadFinishResult;
use ic_agent::Agent;
use ic_agent::identity::BasicIdentity;
use serde_bytes::Bytes;
use serde_json::Value;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tools::deployment::person;
use tools::engine::program;
use tools::source::UploadSpec;

/// The variable that names a server to `capsule-up`.
const SERVER_URL: &str = "POCKET_IC_SERVER_URL";

/// A running `capsule-up`, which has started a network.
pub struct Up(Child);

impl Up {
    fn start(folder: &Path) -> (Self, Value) {
        let state = folder.join("state");
        Self::beside(folder, &["--state", state.to_str().unwrap()])
    }

    /// Starts a network on the server at this address, instead of one of its own.
    pub fn on(server: &str, folder: &Path) -> (Self, Value) {
        Self::told(folder, Self::command(folder).env(SERVER_URL, server))
    }

    /// Starts a network and waits until the file tells of it. It may have told of another one.
    fn beside(folder: &Path, options: &[&str]) -> (Self, Value) {
        Self::told(folder, Self::command(folder).args(options))
    }

    fn told(folder: &Path, command: &mut Command) -> (Self, Value) {
        let path = folder.join("local.json");
        let before = std::fs::read(&path).ok();
        let mut up = command.spawn().map(Up).unwrap();
        let told = eventually("the file that tells clients about the network", || {
            assert_eq!(up.0.try_wait().unwrap(), None, "the program has ended");
            let told = std::fs::read(&path).ok();
            told.filter(|told| before.as_ref() != Some(told))
        });
        (up, serde_json::from_slice(&told).unwrap())
    }

    fn with(folder: &Path, options: &[&str]) -> Self {
        let mut command = Self::command(folder);
        command.args(options).spawn().map(Up).unwrap()
    }

    fn command(folder: &Path) -> Command {
        let mut command = Command::new(program("capsule-up"));
        command
            .args(["--port", "0", "--tell"])
            .arg(folder.join("local.json"))
            .stdout(Stdio::null());
        command
    }

    /// Ends the network as Ctrl-C does.
    pub fn end(mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
    }

    /// Sends SIGKILL. The network ends too, because its standard input closes.
    fn kill(mut self, folder: &Path) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        std::fs::remove_file(folder.join("local.json")).unwrap();
        let journal = File::open(folder.join("state/journal")).unwrap();
        eventually("the end of the network", || match journal.try_lock() {
            Ok(()) => Some(()),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(e)) => panic!("{e}"),
        });
    }
}

impl Drop for Up {
    /// A test that fails leaves nothing running. Both calls fail only when it has already ended.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn connect(told: &Value) -> (Agent, Principal) {
    let agent = Agent::builder()
        .with_url(told["url"].as_str().unwrap())
        .with_identity(BasicIdentity::from_raw_key(&[3; 32]))
        .build()
        .unwrap();
    agent.fetch_root_key().await.unwrap();
    let gateway = Principal::from_text(told["upload_gateway"].as_str().unwrap()).unwrap();
    (agent, gateway)
}

#[test]
fn a_killed_network_keeps_everything_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (up, told) = Up::start(folder.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let data = bytes(600_000, 9);
    let spec = UploadSpec::document("file", 600_000).in_chunks_of(200_000, 600_000);
    let session: u64 = runtime.block_on(async {
        let (agent, gateway) = connect(&told).await;
        let call =
            async |method: &str, arg| agent.update(&gateway, method).with_arg(arg).await.unwrap();
        let created = call(
            "capsules_create",
            candid::encode_one(None::<PersonRef>).unwrap(),
        )
        .await;
        let capsule: Result<Capsule, Error> = candid::decode_one(&created).unwrap();
        let arg = (
            &capsule.unwrap().id,
            &spec.metadata,
            3u32,
            &spec.idempotency_key,
        );
        let begun = call("uploads_begin", candid::encode_args(arg).unwrap()).await;
        let session: Result<u64, Error> = candid::decode_one(&begun).unwrap();
        let session = session.unwrap();
        for index in 0..2u32 {
            let chunk = &data[index as usize * 200_000..][..200_000];
            let arg = candid::encode_args((session, index, Bytes::new(chunk))).unwrap();
            let put = call("uploads_put_chunk", arg).await;
            let put: Result<(), Error> = candid::decode_one(&put).unwrap();
            put.unwrap();
        }
        session
    });
    up.kill(folder.path());

    let (up, again) = Up::start(folder.path());
    assert_eq!(again["upload_gateway"], told["upload_gateway"]);
    runtime.block_on(async {
        let (agent, gateway) = connect(&again).await;
        let call =
            async |method: &str, arg| agent.update(&gateway, method).with_arg(arg).await.unwrap();
        let arg = candid::encode_args((session, 2u32, Bytes::new(&data[400_000..]))).unwrap();
        let put: Result<(), Error> =
            candid::decode_one(&call("uploads_put_chunk", arg).await).unwrap();
        put.unwrap();
        let hash = sha256(&data);
        let arg = candid::encode_args((session, Bytes::new(&hash), 600_000u64)).unwrap();
        let finished: Result<UploadFinishResult, Error> =
            candid::decode_one(&call("uploads_finish", arg).await).unwrap();
        assert_eq!(finished.unwrap().size, 600_000);
    });
    up.kill(folder.path());
}

fn told(folder: &Path) -> Option<Value> {
    let text = std::fs::read(folder.join("local.json")).ok()?;
    Some(serde_json::from_slice(&text).unwrap())
}

#[test]
fn the_file_for_clients_tells_of_the_last_network_that_still_runs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (first, of_first) = Up::beside(folder, &[]);
    let (second, of_second) = Up::beside(folder, &[]);
    assert_ne!(of_first["url"], of_second["url"]);
    second.end();
    assert_eq!(told(folder), Some(of_first.clone()));

    // The third one outlives the second one, which outlives the first one.
    let (second, of_second) = Up::beside(folder, &[]);
    let (third, of_third) = Up::beside(folder, &[]);
    second.end();
    assert_eq!(told(folder).unwrap()["url"], of_third["url"]);
    assert_ne!(of_second["url"], of_third["url"]);
    third.end();
    assert_eq!(told(folder), Some(of_first));
    first.end();
    assert_eq!(told(folder), None);
}

/// Runs the client with its settings in a folder.
fn client(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program("capsule"))
        .args(arguments)
        .env("CAPSULE_HOME", folder)
        .env_remove("CAPSULE_NETWORK")
        .env_remove("CAPSULE_GATEWAY")
        .env_remove("CAPSULE_IDENTITY")
        .output()
        .unwrap()
}

/// The ids of all stores, as the operator of the network sees them.
fn stores(folder: &Path) -> Vec<Value> {
    let asked = client(folder, &["--json", "admin", "status"]);
    assert!(asked.status.success(), "{asked:?}");
    let status: Value = serde_json::from_slice(&asked.stdout).unwrap();
    let stores = status["stores"].as_array().unwrap().iter();
    stores.map(|store| store["store"].clone()).collect()
}

#[test]
fn a_network_has_the_stores_and_the_operator_that_it_was_started_with() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let made = client(folder, &["identity", "--new"]);
    let operator = String::from_utf8(made.stdout).unwrap();
    let operator = operator.trim();
    let state = folder.join("state");
    let state = ["--state", state.to_str().unwrap()];
    let with = |options: &[&str]| Up::beside(folder, &[&state[..], options].concat());
    let (up, _) = with(&["--stores", "3", "--operator", operator]);
    let first = stores(folder);
    assert_eq!(first.len(), 3);
    up.end();
    // The rights and the stores are in the state.
    let (up, _) = with(&[]);
    assert_eq!(stores(folder), first);
    up.end();
    let (up, _) = with(&["--stores", "4"]);
    for command in [
        &["admin", "check"][..],
        &["admin", "--yes", "check", "--end"],
    ] {
        assert_eq!(
            client(folder, command).status.code(),
            Some(5),
            "{command:?}"
        );
    }
    up.end();
    let (up, _) = with(&["--operator", operator]);
    assert_eq!(stores(folder)[..3], first);
    assert_eq!(stores(folder).len(), 4);
    assert_eq!(client(folder, &["admin", "check"]).status.code(), Some(0));
    up.end();
}

#[test]
fn a_network_that_was_killed_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut up, told) = Up::beside(folder.path(), &[]);
    let client = |arguments: &[&str]| client(folder.path(), arguments);
    assert!(client(&["identity", "--new"]).status.success());
    assert!(client(&["ls"]).status.success());
    up.0.kill().unwrap();
    up.0.wait().unwrap();
    eventually("the end of the network", || {
        let port = told["url"].as_str().unwrap().trim_end_matches('/');
        let port = port.rsplit(':').next().unwrap().parse().unwrap();
        std::net::TcpStream::connect(("127.0.0.1", port)).err()
    });
    let asked = client(&["ls"]);
    let said = String::from_utf8(asked.stderr).unwrap();
    assert_eq!(asked.status.code(), Some(6), "{said}");
    let named = format!("no network answers at {}", told["url"].as_str().unwrap());
    assert!(said.contains(&named), "{said}");
    assert!(said.contains("cargo xtask up"), "{said}");
}

/// The ids that icp-cli finds.
fn mapped(folder: &Path, up: &mut Up) -> Value {
    let path = folder.join(".icp/data/mappings/localnet.ids.json");
    let ids = eventually("the ids of the empty canisters", || {
        assert_eq!(up.0.try_wait().unwrap(), None, "the program has ended");
        std::fs::read(&path).ok()
    });
    std::fs::remove_file(path).unwrap();
    serde_json::from_slice(&ids).unwrap()
}

#[test]
fn empty_canisters_stay_those_of_the_first_start() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let state = folder.join("state");
    let (alice, bob) = (person("alice").to_text(), person("bob").to_text());
    let (state_text, project) = (state.to_str().unwrap(), folder.to_str().unwrap());
    let bare = ["--bare", "--state", state_text, "--project", project];
    let of_alice = [&bare[..], &["--controller", &alice]].concat();
    let of_bob = [&bare[..], &["--controller", &bob]].concat();
    let mut up = Up::with(folder, &of_alice);
    let first = mapped(folder, &mut up);
    up.end();
    let mut up = Up::with(folder, &of_alice);
    assert_eq!(mapped(folder, &mut up), first);
    up.end();

    // A start that broke off has made two of the three.
    let kept = state.join("empty_canisters.json");
    let mut text: Value = serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap();
    text["ids"]
        .as_object_mut()
        .unwrap()
        .remove("upload_gateway");
    std::fs::write(&kept, text.to_string()).unwrap();
    let mut up = Up::with(folder, &of_alice);
    let third = mapped(folder, &mut up);
    assert_eq!(third["blob_store"], first["blob_store"]);
    assert_eq!(third["memory_index"], first["memory_index"]);
    assert_ne!(third["upload_gateway"], first["upload_gateway"]);
    up.end();

    // Canisters of another person are neither taken over nor orphaned.
    let refused = Command::new(program("capsule-up"))
        .args(["--port", "0", "--tell", "unused"])
        .args(of_bob)
        .output()
        .unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("expected {alice}")), "{said}");
}
