//! Requests that the server refuses.

use crate::client::{builder, instance, raw, refusal};
use pocket_ic::common::rest::InstanceConfig;

#[test]
fn unsupported_parts_are_refused_by_name() {
    let message = refusal(|| builder().with_benchmarking_application_subnet().build());
    assert!(message.contains("instruction_config"), "{message}");
    let empty = serde_json::to_string(&InstanceConfig::default()).expect("is JSON");
    assert_eq!(raw("POST", "/instances", "", &empty).0, 400);

    let pic = instance();
    let to = r#"{"forward_to":{"Replica":"http://127.0.0.1:1"}}"#;
    let json = "content-type: application/json\r\n";
    let (status, body) = raw("POST", "/http_gateway", json, to);
    assert!(
        status == 501 && body.contains("in front of replicas"),
        "{body}"
    );
    assert!(pic.get_canister_http().is_empty());
    let verified = pic.verify_canister_signature(vec![], vec![], vec![], vec![]);
    let message = verified.expect_err("is not supported");
    assert!(message.contains("signatures"), "{message}");
    let subnet = pic.topology().get_app_subnets()[0];
    let message = refusal(|| pic.delete_subnet(subnet));
    assert!(message.contains("deletion of subnets"), "{message}");
}

#[test]
fn malformed_requests_are_refused() {
    let pic = instance();
    let path = |end: &str| format!("/instances/{}/{end}", pic.instance_id());
    let (status, body) = raw("GET", "/nowhere", "", "");
    assert_eq!(status, 404);
    assert!(body.contains("no endpoint GET /nowhere"), "{body}");
    assert_eq!(raw("POST", &path("update/set_time"), "", "{]").0, 400);
    assert_eq!(raw("GET", "/instances/one/read/get_time", "", "").0, 400);
    let header = "processing-timeout-ms: soon\r\n";
    let (status, body) = raw("GET", &path("read/get_time"), header, "");
    assert_eq!(status, 400);
    assert!(body.contains("processing-timeout-ms"), "{body}");
    assert_eq!(raw("GET", "/status", "", "").0, 200);
}
