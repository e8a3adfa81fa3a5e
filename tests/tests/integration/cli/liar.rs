//! A replica that lies: it alters the answers of queries and signs them as the network's node.

use super::machine::{Machine, text};
use crate::{CHUNK, bytes, sha256};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use candid::{decode_one, encode_one};
use capsule_shared::Error;
use capsule_shared::memory_index::{Memory, MemoryPage};
use ed25519_dalek::{Signer, SigningKey};
use ic_transport_types::{Envelope, EnvelopeContent, QueryResponse, ReplyResponse};
use serde_bytes::ByteBuf;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The bytes that the liar tells instead of any chunk.
fn forged() -> Vec<u8> {
    bytes(CHUNK, 666)
}

/// The lies that are told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// It tells other bytes of memories, and their SHA-256.
    Bytes,
    /// It also pretends that the gateway refuses updates.
    BytesAndRefusals,
    /// It lists every memory with the SHA-256 of other bytes.
    Lists,
}

/// A server between the client and the network.
struct Liar {
    url: String,
    _runtime: Runtime,
}

#[derive(Clone)]
struct Behind {
    network: String,
    client: reqwest::Client,
    lie: Lie,
}

impl Liar {
    fn before(network: &str, lie: Lie) -> Self {
        let runtime = Runtime::new().unwrap();
        let behind = Behind {
            network: network.trim_end_matches('/').into(),
            client: reqwest::Client::new(),
            lie,
        };
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(behind);
        runtime.spawn(async { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            _runtime: runtime,
        }
    }
}

async fn answer(State(behind): State<Behind>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path();
    if behind.lie == Lie::BytesAndRefusals && path.ends_with("/call") {
        return refusal();
    }
    let url = format!("{}{}", behind.network, parts.uri);
    let mut request = behind.client.request(parts.method, url).body(body.clone());
    if let Some(kind) = parts.headers.get("content-type") {
        request = request.header("content-type", kind);
    }
    let response = request.send().await.unwrap();
    let status = response.status();
    let told = response.bytes().await.unwrap();
    let told = match path.ends_with("/query") && status.is_success() {
        true => lied(behind.lie, &body, told),
        false => told,
    };
    let status = StatusCode::from_u16(status.as_u16()).unwrap();
    (
        status,
        [("content-type", "application/cbor")],
        Body::from(told),
    )
        .into_response()
}

/// The answer of a gateway without the method.
fn refusal() -> Response {
    let refusal = serde_json::json!({
        "status": "non_replicated_rejection",
        "reject_code": 5,
        "reject_message": "Canister has no update method 'memories_read_certified'",
        "error_code": "IC0536",
    });
    let body = serde_cbor::to_vec(&refusal).unwrap();
    (StatusCode::OK, [("content-type", "application/cbor")], body).into_response()
}

/// The answer of a query with other content, and a signature that is right for it.
fn lied(lie: Lie, request: &[u8], told: Bytes) -> Bytes {
    let envelope: Envelope = serde_cbor::from_slice(request).unwrap();
    let EnvelopeContent::Query { method_name, .. } = &*envelope.content else {
        panic!("a query is a query");
    };
    let response: QueryResponse = serde_cbor::from_slice(&told).unwrap();
    let QueryResponse::Replied {
        reply,
        mut signatures,
    } = response
    else {
        return told;
    };
    let arg = match method_name.as_str() {
        "memories_list" if lie == Lie::Lists => {
            let page: Result<MemoryPage, Error> = decode_one(&reply.arg).unwrap();
            let mut page = page.unwrap();
            for memory in &mut page.memories {
                memory.sha256 = sha256(&forged()).to_vec().into();
            }
            encode_one(Ok::<_, Error>(page)).unwrap()
        }
        _ if lie == Lie::Lists => return told,
        "memories_read" => {
            let memory: Result<Memory, Error> = decode_one(&reply.arg).unwrap();
            let mut memory = memory.unwrap();
            memory.sha256 = sha256(&forged()).to_vec().into();
            encode_one(Ok::<_, Error>(memory)).unwrap()
        }
        "blob_read_chunk" => encode_one(Ok::<_, Error>(ByteBuf::from(forged()))).unwrap(),
        _ => return told,
    };
    let mut lie = QueryResponse::Replied {
        reply: ReplyResponse { arg },
        signatures: Vec::new(),
    };
    // the node's key of localnet is the same in every network and no secret
    let key = SigningKey::from_bytes(&sha256(b"localnet node key"));
    for signature in &mut signatures {
        let id = envelope.content.to_request_id();
        let signable = lie.signable(id, signature.timestamp);
        signature.signature = key.sign(&signable).to_bytes().to_vec();
    }
    if let QueryResponse::Replied {
        signatures: own, ..
    } = &mut lie
    {
        *own = signatures;
    }
    serde_cbor::to_vec(&lie).unwrap().into()
}

/// The options with which the client believes to speak to the network.
fn through(machine: &Machine, liar: &Liar) -> [String; 6] {
    let told = std::fs::read(machine.path("home/local.json")).unwrap();
    let told: Value = serde_json::from_slice(&told).unwrap();
    let text = |name: &str| told[name].as_str().unwrap().to_string();
    [
        "--network".into(),
        liar.url.clone(),
        "--gateway".into(),
        text("upload_gateway"),
        "--root-key".into(),
        text("root_key"),
    ]
}

fn lied_to(lie: Lie, test: impl Fn(&Machine, &str, &dyn Fn(&[&str]) -> Vec<String>)) {
    let machine = Machine::new();
    let file = machine.file("a.bin", CHUNK, 1);
    let uploaded = &machine.json(&["upload", text(&file)])[0];
    let memory = uploaded["memory"].as_str().unwrap();
    let liar = Liar::before(&machine.url, lie);
    let through = through(&machine, &liar);
    let arguments = |rest: &[&str]| -> Vec<String> {
        let rest = rest.iter().map(|text| text.to_string());
        through.iter().cloned().chain(rest).collect()
    };
    test(&machine, memory, &arguments);
}

fn strs(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn a_forged_answer_is_noticed_by_downloads_and_comparisons() {
    lied_to(Lie::Bytes, |machine, memory, arguments| {
        // The lie is a good one: its signature is right, and it fits to itself.
        let believed = arguments(&["download", memory, "--unproven", "-o", "forged"]);
        machine.done(&strs(&believed));
        assert!(std::fs::read(machine.path("forged")).unwrap() == forged());

        for command in [&["download", memory, "-o", "back"][..], &["verify", memory]] {
            let said = machine.fails(7, &strs(&arguments(command)));
            assert!(said.contains("SHA-256"), "{said}");
        }
        assert!(!machine.path("back").exists());
        assert_eq!(machine.beginning_with(".capsule"), Vec::<String>::new());
    });
}

#[test]
fn one_node_cannot_pretend_that_the_gateway_is_too_old_for_proofs() {
    lied_to(Lie::BytesAndRefusals, |machine, memory, arguments| {
        for command in [&["download", memory, "-o", "back"][..], &["verify", memory]] {
            let said = machine.fails(3, &strs(&arguments(command)));
            assert!(said.contains("expected a certified answer"), "{said}");
        }
        assert!(!machine.path("back").exists());
    });
}

/// A file that is kept back because of a lie may be lost.
#[test]
fn one_node_cannot_keep_a_file_of_a_folder_back() {
    let machine = Machine::new();
    std::fs::create_dir(machine.path("folder")).unwrap();
    machine.file("folder/a.bin", CHUNK, 1);
    machine.done(&["sync", "folder"]);
    std::fs::write(machine.path("folder/a.bin"), forged()).unwrap();
    let liar = Liar::before(&machine.url, Lie::Lists);
    let through = through(&machine, &liar);
    let synced = |options: &[&str]| {
        let through: Vec<&str> = through.iter().map(String::as_str).collect();
        let lines = machine.json(&[&through[..], &["sync", "folder"], options].concat());
        let last = lines.last().unwrap();
        (last["uploaded"].clone(), last["already_there"].clone())
    };
    // The lie is a good one.
    assert_eq!(synced(&["--unproven"]), (json!(0), json!(1)));
    assert_eq!(synced(&[]), (json!(1), json!(0)));
    assert_eq!(machine.json(&["ls"]).len(), 2);
}

#[test]
fn a_gateway_of_release_0_1_0_serves_downloads_with_a_warning() {
    let machine = Machine::of_release_0_1_0();
    let file = machine.file("a.bin", CHUNK, 1);
    let uploaded = &machine.json(&["upload", text(&file)])[0];
    let memory = uploaded["memory"].as_str().unwrap();
    for command in [&["download", memory, "-o", "back"][..], &["verify", memory]] {
        let output = machine.run(&[&["--json"], command].concat());
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("warning: the gateway is too old to prove"),
            "{said}"
        );
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(result["proven"], false);
    }
    assert!(std::fs::read(machine.path("back")).unwrap() == bytes(CHUNK, 1));
}
