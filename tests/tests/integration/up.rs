//! `cargo xtask up --state`: a network that is killed in the middle of an upload loses nothing.
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
use std::process::{Child, Command, Stdio};
use tools::engine::program;
use tools::source::UploadSpec;

/// A running `capsule-up`, which has started a network.
struct Up(Child);

impl Up {
    fn start(folder: &Path) -> (Self, Value) {
        let told = folder.join("local.json");
        let mut up = Command::new(program("capsule-up"))
            .args(["--port", "0", "--state"])
            .arg(folder.join("state"))
            .arg("--tell")
            .arg(&told)
            .stdout(Stdio::null())
            .spawn()
            .map(Up)
            .unwrap();
        let told = eventually("the file that tells clients about the network", || {
            assert_eq!(up.0.try_wait().unwrap(), None, "the program has ended");
            std::fs::read(&told).ok()
        });
        (up, serde_json::from_slice(&told).unwrap())
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
