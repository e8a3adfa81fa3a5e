//! The live network and the official agent for Rust, as the tests of agents and senders use them.

use crate::{bytes, sha256};
use candid::utils::{ArgumentEncoder, encode_args};
use candid::{CandidType, Principal, decode_one};
use capsule_shared::Error;
use capsule_shared::capsule::{Capsule, PersonRef};
use capsule_shared::upload::{BlobMeta, UploadFinishResult};
use ic_agent::agent::CallResponse;
use ic_agent::identity::BasicIdentity;
use ic_agent::{Agent, AgentError, Identity};
use ic_transport_types::signed::SignedUpdate;
use serde::de::DeserializeOwned;
use serde_bytes::{ByteBuf, Bytes};
use std::time::{SystemTime, UNIX_EPOCH};
use tools::deployment::{Deployment, deploy};
use tools::source::UploadSpec;

/// Deploys the canisters on a network in real time; returns the address for agents.
pub fn live() -> (Deployment, String) {
    let mut deployment = deploy();
    let url = deployment.pic.make_live(None).to_string();
    (deployment, url)
}

pub async fn agent(url: &str, identity: impl Identity + 'static) -> Agent {
    let agent = Agent::builder()
        .with_url(url)
        .with_identity(identity)
        .build()
        .unwrap();
    agent.fetch_root_key().await.unwrap();
    agent
}

pub fn ed25519(seed: u8) -> BasicIdentity {
    BasicIdentity::from_raw_key(&[seed; 32])
}

pub type Answer<T> = Result<Result<T, Error>, AgentError>;

pub async fn update<T: CandidType + DeserializeOwned>(
    agent: &Agent,
    to: Principal,
    method: &str,
    args: impl ArgumentEncoder,
) -> Answer<T> {
    let arg = encode_args(args).unwrap();
    let reply = agent.update(&to, method).with_arg(arg).await?;
    Ok(decode_one(&reply).unwrap())
}

pub async fn query<T: CandidType + DeserializeOwned>(
    agent: &Agent,
    to: Principal,
    method: &str,
    args: impl ArgumentEncoder,
) -> Answer<T> {
    let arg = encode_args(args).unwrap();
    let reply = agent.query(&to, method).with_arg(arg).call().await?;
    Ok(decode_one(&reply).unwrap())
}

/// Uploads a file and reads it back.
pub async fn upload(agent: &Agent, gateway: Principal) -> UploadFinishResult {
    let subject: Option<PersonRef> = None;
    let capsule: Capsule = update(agent, gateway, "capsules_create", (subject,))
        .await
        .unwrap()
        .unwrap();
    let data = bytes(300_000, 5);
    let spec = UploadSpec::document("file", 300_000).in_chunks_of(100_000, 300_000);
    let begin = (&capsule.id, &spec.metadata, 3u32, &spec.idempotency_key);
    let session: u64 = update(agent, gateway, "uploads_begin", begin)
        .await
        .unwrap()
        .unwrap();
    for (index, chunk) in data.chunks(100_000).enumerate() {
        let put = (session, index as u32, Bytes::new(chunk));
        let done: Result<(), Error> = update(agent, gateway, "uploads_put_chunk", put)
            .await
            .unwrap();
        done.unwrap();
    }
    let hash = sha256(&data);
    let finish = (session, Bytes::new(&hash), 300_000u64);
    let result: UploadFinishResult = update(agent, gateway, "uploads_finish", finish)
        .await
        .unwrap()
        .unwrap();
    let meta: BlobMeta = query(agent, gateway, "blob_get_meta", (&result.blob_id,))
        .await
        .unwrap()
        .unwrap();
    let mut back = vec![];
    for index in 0..meta.chunk_count {
        let chunk: ByteBuf = query(agent, gateway, "blob_read_chunk", (&result.blob_id, index))
            .await
            .unwrap()
            .unwrap();
        back.extend_from_slice(&chunk);
    }
    assert!(back == data);
    result
}

pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

/// The time so many seconds from now, in nanoseconds since 1970.
pub fn from_now(seconds: i64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (now.as_secs() as i64 + seconds) as u64 * 1_000_000_000
}

/// The text of an HTTP error with this status.
#[track_caller]
pub fn said(error: &AgentError, status: u16) -> String {
    match error {
        AgentError::HttpError(payload) if payload.status == status => {
            String::from_utf8_lossy(&payload.content).into_owned()
        }
        other => panic!("expected HTTP {status}, got {other:?}"),
    }
}

/// Sends a signed message and waits for its reply, however long that takes.
pub async fn deliver(agent: &Agent, gateway: Principal, signed: &SignedUpdate) -> Vec<u8> {
    let sent = agent.update_signed(gateway, signed.signed_update.clone());
    match sent.await.unwrap() {
        CallResponse::Response(reply) => reply,
        // The network hadn't executed the message when it answered the request.
        CallResponse::Poll(id) => agent.wait(&id, gateway).await.unwrap().0,
    }
}
