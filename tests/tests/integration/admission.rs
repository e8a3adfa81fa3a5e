//! Inspection: a message that can only waste cycles costs the canister nothing.
//!
//! Smaller mistakes get their typed error.

use crate::{CHUNK, begin_and_put, bytes, capsule, refused};
use candid::{Principal, encode_args};
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::{BlobKey, Error};
use pocket_ic::ErrorCode;
use serde_bytes::Bytes;
use tools::deployment::{Deployment, Part, deploy, person};
use tools::source::UploadSpec;

/// Sends an update that inspection must refuse, without a charge.
#[track_caller]
fn refuses(deployment: &Deployment, part: Part, who: Principal, method: &str, arg: Vec<u8>) {
    let before = deployment.cycles(part);
    let answer = deployment
        .pic
        .update_call(deployment.id(part), who, method, arg);
    let reject = answer.unwrap_err();
    assert_eq!(
        reject.error_code,
        ErrorCode::CanisterRejectedMessage,
        "{reject:?}"
    );
    assert_eq!(deployment.cycles(part), before, "{method}");
}

#[test]
fn messages_that_can_only_waste_cycles_cost_nothing() {
    let deployment = deploy();
    let (alice, mallory) = (person("alice"), person("mallory"));
    let client = deployment.client(alice);
    let spec = UploadSpec::document("file", 0).in_chunks_of(CHUNK, 2 * CHUNK as u64);
    let open = client.begin(&capsule(&client), &spec).unwrap();
    let large = vec![7; 256 * 1024 + 1];
    let put = |session: u64, bytes: &[u8]| encode_args((session, 0u32, Bytes::new(bytes))).unwrap();
    let gateway = |who, method: &str, arg| refuses(&deployment, Part::Gateway, who, method, arg);

    // Large chunks for an unknown or a foreign session.
    gateway(alice, "uploads_put_chunk", put(open + 1, &large));
    gateway(mallory, "uploads_put_chunk", put(open, &large));
    // An anonymous caller.
    let anonymous = Principal::anonymous();
    gateway(anonymous, "uploads_put_chunk", put(open, b"x"));
    gateway(anonymous, "uploads_abort", encode_args((open,)).unwrap());
    gateway(
        anonymous,
        "capsules_create",
        encode_args((None::<()>,)).unwrap(),
    );
    // Arguments that don't decode, and a far too long one.
    for method in [
        "uploads_begin",
        "uploads_put_chunk",
        "uploads_finish",
        "uploads_abort",
        "memories_delete",
        "memories_read_certified",
        "capsules_add_controller",
        "capsules_remove_controller",
    ] {
        gateway(alice, method, b"DIDL".to_vec());
        gateway(alice, method, encode_args((true,)).unwrap());
    }
    gateway(alice, "capsules_create", b"DIDL".to_vec());
    let text = "x".repeat(100_000);
    gateway(alice, "memories_delete", encode_args((text,)).unwrap());
    gateway(alice, "uploads_begun", vec![]);
    // A method that exists as a query only.
    gateway(alice, "http_request", vec![]);
    // Methods for canister controllers.
    let settings = encode_args((GatewayArgs::default(),)).unwrap();
    gateway(alice, "configure", settings);
    gateway(alice, "sessions_cleanup_expired", encode_args(()).unwrap());
    gateway(deployment.controller, "configure", b"DIDL".to_vec());
    // Methods for registered gateways.
    let key = encode_args((BlobKey([1; 32]),)).unwrap();
    refuses(&deployment, Part::BlobStore, alice, "blob_open", key);
    let who = encode_args((alice, None::<()>)).unwrap();
    refuses(&deployment, Part::MemoryIndex, alice, "capsule_create", who);
    for part in [Part::BlobStore, Part::MemoryIndex] {
        let who = encode_args((mallory,)).unwrap();
        refuses(&deployment, part, mallory, "gateways_register", who);
        let controller = deployment.controller;
        refuses(&deployment, part, controller, "gateways_register", vec![1]);
    }
}

#[test]
fn smaller_mistakes_get_their_typed_error() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let mallory = deployment.client(person("mallory"));
    let data = bytes(256 * 1024, 1);
    let spec = UploadSpec::document("file", 0).in_chunks_of(300, 700);
    let open = begin_and_put(&alice, &spec, &bytes(700, 1), 1);
    assert_eq!(
        refused(alice.put_chunk(open + 1, 0, &data)),
        Error::NotFound
    );
    assert_eq!(
        refused(mallory.put_chunk(open, 0, &data)),
        Error::Unauthorized
    );
    let large = bytes(256 * 1024 + 1, 1);
    let error = refused(alice.put_chunk(open, 1, &large));
    assert!(matches!(error, Error::InvalidArgument(_)), "{error}");
    // A query that is sent as an update.
    let stats: String = alice.update("sessions_stats", ()).unwrap();
    assert!(stats.starts_with("Total sessions: 1"), "{stats}");
    let controller = deployment.client(deployment.controller);
    controller.sessions_cleanup_expired().unwrap();
}
