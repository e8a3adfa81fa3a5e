//! Long operations: the client polls for their answers.
//!
//! The tests beside `Target::run` in the server cover the order of operations and busy instances.
//! They hold an operation as long as they need, which no client can.

use crate::client::{eventually, field, instance, raw, with_canister};
use candid::Principal;

#[test]
fn a_slow_operation_is_polled() {
    let pic = instance();
    let canister = with_canister(&pic);
    let message = pic.submit_call(canister, Principal::anonymous(), "spin", vec![]);
    let message = serde_json::to_string(&message.expect("is accepted")).expect("is JSON");

    // without patience, the answer to this request comes before the one of `spin`
    let path = format!(
        "/instances/{}/update/await_ingress_message",
        pic.instance_id()
    );
    let (status, body) = raw("POST", &path, "processing-timeout-ms: 0\r\n", &message);
    assert_eq!(status, 202, "{body}");
    let result = format!("{}/{}", field(&body, "state_label"), field(&body, "op_id"));

    let body = eventually("the operation is done", || {
        let (status, body) = raw("GET", &format!("/read_graph/{result}"), "", "");
        assert!(matches!(status, 200 | 404), "{status} {body}");
        (status == 200).then_some(body)
    });
    assert!(body.contains("\"Ok\""), "{body}");
    assert_eq!(
        raw("DELETE", &format!("/prune_graph/{result}"), "", "").0,
        200
    );
    assert_eq!(raw("GET", &format!("/read_graph/{result}"), "", "").0, 410);
}
