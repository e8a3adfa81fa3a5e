//! Requests that no official agent sends: broken, forged, slow and idle ones.

use crate::live::{
    Answer, agent, deliver, ed25519, from_now, live, query, run, said, update, upload,
};
use crate::waiting::eventually;
use candid::Principal;
use candid::utils::encode_args;
use capsule_shared::capsule::{Capsule, CapsuleInfo, PersonRef};
use ic_agent::identity::BasicIdentity;
use ic_agent::{Agent, Identity};
use ic_transport_types::{Envelope, EnvelopeContent, RequestStatusResponse};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use tokio::task::JoinSet;
use tools::http::{self, HANG};

/// The lifetime of a message: most of the five minutes that the network allows.
const EXPIRY_SECONDS: i64 = 240;

#[test]
fn broken_requests_get_a_proper_status() {
    let (deployment, url) = live();
    let http = http::client();
    let post = |path: String, body: Vec<u8>| {
        let sent = http.post(format!("{url}{path}")).body(body).send().unwrap();
        (sent.status().as_u16(), sent.text().unwrap())
    };
    let gateway = deployment.gateway;
    let call = format!("api/v3/canister/{gateway}/call");
    assert_eq!(post(call.clone(), vec![]).0, 400);
    assert_eq!(post(call.clone(), b"no CBOR at all".to_vec()).0, 400);
    assert_eq!(post(call.clone(), vec![0xff; 1 << 16]).0, 400);
    // The sender gets the answer, although it still sends when the limit is reached.
    for _ in 0..20 {
        assert_eq!(post(call.clone(), vec![0; 20 << 20]).0, 413);
    }
    assert_eq!(post("api/v3/canister/nobody/call".into(), vec![]).0, 400);
    assert_eq!(
        post(format!("api/v9/canister/{gateway}/call"), vec![]).0,
        400
    );
    assert_eq!(
        post(format!("api/v3/canister/{gateway}/dance"), vec![]).0,
        404
    );
    let (status, text) = post("api/v2/unknown".into(), vec![]);
    assert_eq!(status, 404);
    assert!(text.contains("no endpoint"), "{text}");
    // The network still answers.
    assert_eq!(
        http.get(format!("{url}api/v2/status"))
            .send()
            .unwrap()
            .status(),
        200
    );
}

/// An encoded envelope; the signature may be a stranger's.
fn envelope(content: EnvelopeContent, key: &BasicIdentity, signature: Vec<u8>) -> Vec<u8> {
    Envelope {
        content: Cow::Owned(content),
        sender_pubkey: key.public_key(),
        sender_sig: Some(signature),
        sender_delegation: None,
    }
    .encode_bytes()
}

#[test]
fn forged_signatures_are_refused_and_nothing_runs() {
    let (deployment, url) = live();
    let (alice, mallory) = (ed25519(1), ed25519(2));
    let call = |sender: &BasicIdentity| EnvelopeContent::Call {
        nonce: None,
        ingress_expiry: from_now(EXPIRY_SECONDS),
        sender: sender.sender().unwrap(),
        canister_id: deployment.gateway,
        method_name: "capsules_create".into(),
        arg: encode_args((None::<PersonRef>,)).unwrap(),
        sender_info: None,
    };
    let signed = |by: &BasicIdentity, content: &EnvelopeContent| {
        by.sign(content).unwrap().signature.unwrap()
    };
    let http = http::client();
    let post = |body: Vec<u8>| {
        let path = format!("{url}api/v3/canister/{}/call", deployment.gateway);
        let sent = http.post(path).body(body).send().unwrap();
        (sent.status().as_u16(), sent.text().unwrap_or_default())
    };
    let content = call(&alice);
    // Mallory's signature with Alice's key, with his own key, and one of another message.
    let by_mallory = signed(&mallory, &content);
    let (status, said) = post(envelope(content.clone(), &alice, by_mallory.clone()));
    assert!(
        status == 403 && said.contains("did not make it"),
        "{status} {said}"
    );
    let (status, said) = post(envelope(content.clone(), &mallory, by_mallory));
    assert!(
        status == 403 && said.contains("not of the sender"),
        "{status} {said}"
    );
    let of_another = signed(&alice, &call(&mallory));
    assert_eq!(post(envelope(content.clone(), &alice, of_another)).0, 403);
    assert_eq!(post(envelope(content.clone(), &alice, vec![0; 64])).0, 403);
    assert_eq!(post(envelope(content.clone(), &alice, vec![])).0, 403);
    let owned = || {
        let client = deployment.client(alice.sender().unwrap());
        client.capsules_list().unwrap().len()
    };
    assert_eq!(owned(), 0, "a forged call ran");
    let genuine = signed(&alice, &content);
    // 202: the network accepted the call, and executes it later.
    let (status, said) = post(envelope(content, &alice, genuine));
    assert!(status == 200 || status == 202, "{status} {said}");
    eventually("the capsule of the genuine call", || {
        (owned() == 1).then_some(())
    });
}

#[test]
fn only_the_sender_reads_the_status_of_a_message() {
    let (deployment, url) = live();
    run(async {
        let (alice, mallory) = (agent(&url, ed25519(1)).await, agent(&url, ed25519(2)).await);
        let gateway = deployment.gateway;
        let signed = alice
            .update(&gateway, "capsules_create")
            .with_arg(encode_args((None::<PersonRef>,)).unwrap())
            .sign()
            .unwrap();
        let id = signed.request_id;
        deliver(&alice, gateway, &signed).await;
        let (own, _) = alice.request_status_raw(&id, gateway).await.unwrap();
        assert!(matches!(own, RequestStatusResponse::Replied(_)));
        let error = mallory.request_status_raw(&id, gateway).await.unwrap_err();
        assert!(said(&error, 403).contains("not signed by the caller"));
    });
}

fn connect(url: &str) -> TcpStream {
    let port = url.trim_end_matches('/').rsplit(':').next().unwrap();
    TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap()
}

#[test]
fn slow_senders_get_a_timeout() {
    let (deployment, url) = live();
    let gateway = deployment.gateway;
    let slow = [
        format!("POST /api/v3/canister/{gateway}/call HTTP/1.1\r\nhost: localhost\r\n"),
        format!("POST /metrics HTTP/1.1\r\nhost: {gateway}.localhost\r\n"),
    ]
    .map(|head| {
        let mut stream = connect(&url);
        write!(stream, "{head}content-length: 100\r\n\r\nhalf").unwrap();
        stream
    });
    // Meanwhile the network answers others.
    let status = http::client()
        .get(format!("{url}api/v2/status"))
        .send()
        .unwrap();
    assert_eq!(status.status(), 200);
    for stream in slow {
        stream.set_read_timeout(Some(HANG)).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        assert_eq!(line, "HTTP/1.1 408 Request Timeout\r\n");
    }
}

fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

#[test]
fn a_thousand_idle_connections_delay_nobody() {
    allow_many_files();
    let (deployment, url) = live();
    let mut open = vec![];
    for _ in 0..1_000 {
        let mut stream = connect(&url);
        // The request never ends.
        stream
            .write_all(b"POST /api/v3/canister/aaaaa-aa/call HTTP/1.1\r\ncontent-length: 9\r\n")
            .unwrap();
        open.push(stream);
    }
    run(async {
        upload(&agent(&url, ed25519(1)).await, deployment.gateway).await;
    });
    drop(open);
}

async fn create(person: &Agent, gateway: Principal) -> Answer<Capsule> {
    let subject: Option<PersonRef> = None;
    update(person, gateway, "capsules_create", (subject,)).await
}

/// Every caller gets an answer, and every accepted capsule exists.
#[test]
fn a_thousand_callers_at_once_are_all_answered() {
    allow_many_files();
    let (deployment, url) = live();
    let gateway = deployment.gateway;
    run(async {
        let root_key = agent(&url, ed25519(1)).await.read_root_key();
        let client = reqwest::Client::new();
        let person = |n: u16| {
            let mut key = [7; 32];
            key[..2].copy_from_slice(&n.to_le_bytes());
            let agent = Agent::builder()
                .with_url(&url)
                .with_http_client(client.clone())
                .with_identity(BasicIdentity::from_raw_key(&key))
                .build()
                .unwrap();
            agent.set_root_key(root_key.clone());
            agent
        };
        let mut calls = JoinSet::new();
        for person in (0..1_000).map(person) {
            calls.spawn(async move {
                let answer: Answer<Capsule> = create(&person, gateway).await;
                (person, answer)
            });
        }
        let mut made = HashSet::new();
        for (person, answer) in calls.join_all().await {
            let capsule = match answer.unwrap() {
                Ok(capsule) => capsule,
                // The gateway limits its calls in flight. All calls have ended: repeat this one.
                Err(error) if error.is_temporary() => {
                    create(&person, gateway).await.unwrap().unwrap()
                }
                Err(e) => panic!("{e:?}"),
            };
            assert!(made.insert(capsule.id.clone()), "{} twice", capsule.id);
            let id = Some(&capsule.id);
            let read: Answer<CapsuleInfo> =
                query(&person, gateway, "capsules_read_basic", (id,)).await;
            assert_eq!(read.unwrap().unwrap().capsule_id, capsule.id);
        }
    });
}
