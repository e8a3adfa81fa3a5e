//! The official agent for Rust against the live network. It verifies certificates and signatures.

use crate::live::{agent, deliver, ed25519, from_now, live, query, run, said, update, upload};
use crate::sha256;
use candid::decode_one;
use candid::utils::encode_args;
use capsule_shared::Error;
use capsule_shared::capsule::{Capsule, PersonRef};
use capsule_shared::upload::{BlobMeta, UploadFinishResult, UploadStatus};
use ic_agent::identity::{BasicIdentity, DelegatedIdentity, Prime256v1Identity, Secp256k1Identity};
use ic_agent::{Agent, AgentError, Identity};
use ic_transport_types::{Delegation, SignedDelegation};
use serde_bytes::Bytes;
use std::time::{Duration, UNIX_EPOCH};
use tools::deployment::wasm;
use tools::http::{self, HANG};
use tools::source::UploadSpec;

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

fn secp256k1(seed: u8) -> Secp256k1Identity {
    let key = k256::SecretKey::from_slice(&[seed; 32]).unwrap();
    Secp256k1Identity::from_private_key(key)
}

fn p256(seed: u8) -> Prime256v1Identity {
    let key = p256::SecretKey::from_slice(&[seed; 32]).unwrap();
    Prime256v1Identity::from_private_key(key)
}

/// An identity with a session key: `from` delegates to `to`.
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
        let expired = "Invalid delegation expiry: Specified sender delegation has expired";
        assert!(said(&error, 400).contains(expired));
        // A stranger can't delegate for the owner.
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

#[test]
fn a_fresh_delegation_goes_on_with_the_upload_of_one_that_expired() {
    let (deployment, url) = live();
    run(async {
        let gateway = deployment.gateway;
        let owner = ed25519(7);
        // Each login makes a session key of its own.
        let login = async |seed: u8, seconds: i64| {
            let identity = delegated(&owner, ed25519(seed), from_now(seconds));
            agent(&url, identity).await
        };
        let first = login(8, 600).await;
        let subject: Option<PersonRef> = None;
        let capsule: Capsule = update(&first, gateway, "capsules_create", (subject,))
            .await
            .unwrap()
            .unwrap();
        let data = crate::bytes(300, 5);
        let spec = UploadSpec::document("long", 300).in_chunks_of(100, 300);
        let begin = (&capsule.id, &spec.metadata, 3u32, &spec.idempotency_key);
        let session: u64 = update(&first, gateway, "uploads_begin", begin)
            .await
            .unwrap()
            .unwrap();
        let put = async |agent: &Agent, index: u32| {
            let chunk = &data[index as usize * 100..][..100];
            let arg = (session, index, Bytes::new(chunk));
            update::<()>(agent, gateway, "uploads_put_chunk", arg).await
        };
        put(&first, 0).await.unwrap().unwrap();

        let late = login(8, -600).await;
        let expired = "Invalid delegation expiry: Specified sender delegation has expired: ";
        let error = put(&late, 1).await.unwrap_err();
        assert!(said(&error, 400).starts_with(expired), "{error}");
        let status = query::<UploadStatus>(&late, gateway, "uploads_status", (session,)).await;
        assert!(said(&status.unwrap_err(), 400).starts_with(expired));

        let fresh = login(9, 600).await;
        let again: u64 = update(&fresh, gateway, "uploads_begin", begin)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(again, session);
        for index in 1..3 {
            put(&fresh, index).await.unwrap().unwrap();
        }
        let hash = sha256(&data);
        let arg = (session, Bytes::new(&hash), 300u64);
        let finished: UploadFinishResult = update(&fresh, gateway, "uploads_finish", arg)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(finished.size, 300);
    });
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
        // An anonymous query tells an agent with a wrong clock what time it is.
        let anonymous = Agent::builder().with_url(&url).build().unwrap();
        for seconds in [-3_600, 3_600] {
            let call = anonymous
                .query(&deployment.gateway, "no_such_method")
                .expire_at(UNIX_EPOCH + Duration::from_nanos(from_now(seconds)));
            let error = call.call_without_verification().await.unwrap_err();
            assert!(error.to_string().contains("IC0536"), "{error}");
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
        // After the abort, the same call would begin another session if it ran again.
        let spec = UploadSpec::document("twice", 10);
        let begin = (&capsule.id, &spec.metadata, 1u32, &spec.idempotency_key);
        let signed = agent
            .update(&gateway, "uploads_begin")
            .with_arg(encode_args(begin).unwrap())
            .sign()
            .unwrap();
        let session = number(&deliver(&agent, gateway, &signed).await);
        let aborted: Result<(), Error> = update(&agent, gateway, "uploads_abort", (session,))
            .await
            .unwrap();
        aborted.unwrap();
        let again = number(&deliver(&agent, gateway, &signed).await);
        assert_eq!(again, session, "the call ran again");
        let next: u64 = update(&agent, gateway, "uploads_begin", begin)
            .await
            .unwrap()
            .unwrap();
        assert!(next > session);
    });
}

fn number(reply: &[u8]) -> u64 {
    decode_one::<Result<u64, Error>>(reply).unwrap().unwrap()
}

#[test]
fn another_root_key_makes_nothing_valid() {
    let (deployment, url) = live();
    run(async {
        // Without another one, the agent has the root key of the Internet Computer.
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
fn the_state_names_controllers_module_and_interface() {
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
        let module = wasm("upload_gateway");
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
    let named = reqwest::blocking::Client::builder()
        .timeout(HANG)
        .resolve(
            &format!("{}.localhost", deployment.blob_store),
            format!("127.0.0.1:{port}").parse().unwrap(),
        )
        .build()
        .unwrap();
    let by_host = format!("http://{}.localhost:{port}/metrics", deployment.blob_store);
    let by_parameter = format!("{url}metrics?canisterId={}", deployment.blob_store);
    for url in [by_host, by_parameter] {
        let response = named.get(url).send().unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.text().unwrap().contains("blob_store_chunks 0"));
    }
    let response = http::client().get(format!("{url}metrics")).send().unwrap();
    assert_eq!(response.status(), 400);
    // Pages of any origin may call.
    let preflight = http::client()
        .request(reqwest::Method::OPTIONS, format!("{url}api/v2/status"))
        .header("origin", "http://example.org")
        .header("access-control-request-method", "POST")
        .send()
        .unwrap();
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
}
