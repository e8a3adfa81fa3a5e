//! The official agent for Rust, which verifies every certificate and every query's signature,
//! against the live network.

use crate::{bytes, sha256};
use candid::utils::{ArgumentEncoder, encode_args};
use candid::{CandidType, Principal, decode_one};
use capsule_shared::Error;
use capsule_shared::capsule::{Capsule, PersonRef};
use capsule_shared::upload::{BlobMeta, UploadFinishResult};
use ic_agent::identity::{BasicIdentity, DelegatedIdentity, Prime256v1Identity, Secp256k1Identity};
use ic_agent::{Agent, AgentError, Identity};
use ic_transport_types::{Delegation, SignedDelegation};
use serde::de::DeserializeOwned;
use serde_bytes::{ByteBuf, Bytes};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tools::deployment::{Deployment, deploy};
use tools::source::UploadSpec;

/// The canisters on a network that runs in real time, and where agents find it.
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

fn secp256k1(seed: u8) -> Secp256k1Identity {
    let key = k256::SecretKey::from_slice(&[seed; 32]).unwrap();
    Secp256k1Identity::from_private_key(key)
}

fn p256(seed: u8) -> Prime256v1Identity {
    let key = p256::SecretKey::from_slice(&[seed; 32]).unwrap();
    Prime256v1Identity::from_private_key(key)
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

/// A whole upload, read back.
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

#[test]
fn an_agent_uploads_with_each_kind_of_key() {
    let (deployment, url) = live();
    run(async {
        let gateway = deployment.gateway;
        upload(&agent(&url, ed25519(1)).await, gateway).await;
        upload(&agent(&url, secp256k1(2)).await, gateway).await;
        upload(&agent(&url, p256(3)).await, gateway).await;
    });
}

/// The delegations of a session key: signed by `from`, for `to`, as the sender of `from`.
fn delegated(from: &BasicIdentity, to: BasicIdentity, expiration: u64) -> DelegatedIdentity {
    let delegation = Delegation {
        pubkey: to.public_key().unwrap(),
        expiration,
        targets: None,
        permissions: None,
    };
    let signature = from
        .sign_delegation(&delegation)
        .unwrap()
        .signature
        .unwrap();
    let chain = vec![SignedDelegation {
        delegation,
        signature,
    }];
    DelegatedIdentity::new_unchecked(from.public_key().unwrap(), Box::new(to), chain)
}

/// Nanoseconds since 1970, so many seconds from now.
pub fn from_now(seconds: i64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (now.as_secs() as i64 + seconds) as u64 * 1_000_000_000
}

#[test]
fn a_session_key_acts_for_its_owner_until_it_expires() {
    let (deployment, url) = live();
    run(async {
        let owner = ed25519(7);
        let gateway = deployment.gateway;
        let direct = agent(&url, ed25519(7)).await;
        let by_session = delegated(&owner, ed25519(8), from_now(600));
        let by_session = agent(&url, by_session).await;
        let result = upload(&by_session, gateway).await;
        let meta: BlobMeta = query(&direct, gateway, "blob_get_meta", (&result.blob_id,))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(meta.size, 300_000);

        let late = agent(&url, delegated(&owner, ed25519(8), from_now(-600))).await;
        let error = query::<BlobMeta>(&late, gateway, "blob_get_meta", (&result.blob_id,))
            .await
            .unwrap_err();
        assert!(said(&error, 403).contains("a delegation has expired"));
        // somebody else's key can't speak for the owner
        let forged = delegated(&ed25519(9), ed25519(8), from_now(600));
        let chain = forged.delegation_chain();
        let forged = DelegatedIdentity::new_unchecked(
            owner.public_key().unwrap(),
            Box::new(ed25519(8)),
            chain,
        );
        let forged = agent(&url, forged).await;
        let error = query::<BlobMeta>(&forged, gateway, "blob_get_meta", (&result.blob_id,))
            .await
            .unwrap_err();
        assert!(said(&error, 403).contains("signature of a delegation is not valid"));
    });
}

/// The text of an HTTP error of this status.
#[track_caller]
pub fn said(error: &AgentError, status: u16) -> String {
    match error {
        AgentError::HttpError(payload) if payload.status == status => {
            String::from_utf8_lossy(&payload.content).into_owned()
        }
        other => panic!("expected HTTP {status}, got {other:?}"),
    }
}

#[test]
fn old_and_far_future_messages_are_refused() {
    let (deployment, url) = live();
    run(async {
        let agent = agent(&url, ed25519(1)).await;
        for seconds in [-120, 3_600] {
            let call = agent
                .update(&deployment.gateway, "capsules_create")
                .with_arg(encode_args((None::<PersonRef>,)).unwrap())
                .expire_at(UNIX_EPOCH + Duration::from_nanos(from_now(seconds)));
            let error = call.await.unwrap_err();
            assert!(said(&error, 400).contains("Invalid request expiry"));
        }
    });
}

#[test]
fn the_same_message_twice_runs_once() {
    let (deployment, url) = live();
    run(async {
        let agent = agent(&url, ed25519(1)).await;
        let gateway = deployment.gateway;
        let subject: Option<PersonRef> = None;
        let capsule: Capsule = update(&agent, gateway, "capsules_create", (subject,))
            .await
            .unwrap()
            .unwrap();
        // a new session id at each run, were it not for the idempotency key: begun, aborted, and
        // sent again
        let spec = UploadSpec::document("twice", 10);
        let begin = (&capsule.id, &spec.metadata, 1u32, &spec.idempotency_key);
        let signed = agent
            .update(&gateway, "uploads_begin")
            .with_arg(encode_args(begin).unwrap())
            .sign()
            .unwrap();
        let first = agent
            .update_signed(gateway, signed.signed_update.clone())
            .await
            .unwrap();
        let session = number(first);
        let aborted: Result<(), Error> = update(&agent, gateway, "uploads_abort", (session,))
            .await
            .unwrap();
        aborted.unwrap();
        let again = agent
            .update_signed(gateway, signed.signed_update)
            .await
            .unwrap();
        assert_eq!(number(again), session, "it was answered, not run again");
        let next: u64 = update(&agent, gateway, "uploads_begin", begin)
            .await
            .unwrap()
            .unwrap();
        assert!(next > session);
    });
}

fn number(response: ic_agent::agent::CallResponse<Vec<u8>>) -> u64 {
    let ic_agent::agent::CallResponse::Response(reply) = response else {
        panic!("expected an answer at once");
    };
    decode_one::<Result<u64, Error>>(&reply).unwrap().unwrap()
}

#[test]
fn another_root_key_makes_nothing_valid() {
    let (deployment, url) = live();
    run(async {
        // its built-in root key is that of the Internet Computer
        let agent = Agent::builder()
            .with_url(&url)
            .with_identity(ed25519(1))
            .build()
            .unwrap();
        let subject: Option<PersonRef> = None;
        let called =
            update::<Capsule>(&agent, deployment.gateway, "capsules_create", (subject,)).await;
        assert!(matches!(
            called,
            Err(AgentError::CertificateVerificationFailed())
        ));
    });
}

#[test]
fn the_state_tells_what_is_installed_and_by_whom() {
    let (deployment, url) = live();
    run(async {
        let agent = agent(&url, ed25519(1)).await;
        let controllers = agent
            .read_state_canister_controllers(deployment.gateway)
            .await
            .unwrap();
        assert_eq!(controllers, [deployment.controller]);
        let hash = agent
            .read_state_canister_module_hash(deployment.gateway)
            .await
            .unwrap();
        let module = tools::deployment::wasm("upload_gateway");
        assert_eq!(hash, sha256(&module));
        let did = agent
            .read_state_canister_metadata(deployment.gateway, "candid:service")
            .await
            .unwrap();
        assert!(String::from_utf8(did).unwrap().contains("uploads_begin"));
    });
}

#[test]
fn browsers_and_scrapers_reach_a_canister_by_its_name() {
    let (deployment, url) = live();
    let port = url
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .unwrap()
        .to_string();
    let http = reqwest::blocking::Client::builder()
        .resolve(
            &format!("{}.localhost", deployment.blob_store),
            format!("127.0.0.1:{port}").parse().unwrap(),
        )
        .build()
        .unwrap();
    let by_host = format!("http://{}.localhost:{port}/metrics", deployment.blob_store);
    let by_parameter = format!("{url}metrics?canisterId={}", deployment.blob_store);
    for url in [by_host, by_parameter] {
        let response = http.get(url).send().unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.text().unwrap().contains("blob_store_chunks 0"));
    }
    let response = http.get(format!("{url}metrics")).send().unwrap();
    assert_eq!(response.status(), 400);
    // a page of another origin may ask
    let preflight = http
        .request(reqwest::Method::OPTIONS, format!("{url}api/v2/status"))
        .header("origin", "http://example.org")
        .header("access-control-request-method", "POST")
        .send()
        .unwrap();
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
}
