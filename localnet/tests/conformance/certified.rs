//! Certified data: set by updates, read by queries with a certificate that verifies with the
//! network's root key.

use crate::net::{Net, to_u64, words};
use ic_certification::{Certificate, LookupResult};

const CERTIFYING: &str = r#"
(func (export "canister_update set")
  (call $certified_data_set (i32.const 65536) (call $copy_arg)) (call $msg_reply))
(func (export "canister_query certificate")
  (call $data_certificate_copy (i32.const 65536) (i32.const 0) (call $data_certificate_size))
  (call $reply_bytes (i32.const 65536) (call $data_certificate_size)))
(func (export "canister_composite_query certificate_of_composite")
  (call $data_certificate_copy (i32.const 65536) (i32.const 0) (call $data_certificate_size))
  (call $reply_bytes (i32.const 65536) (call $data_certificate_size)))
(func (export "canister_query present")
  (call $reply_u64 (i64.extend_i32_u (call $data_certificate_present))))
(func (export "canister_composite_query ask_itself")
  (call $self_call @"present" @fn($relay_reply) @fn($relay_reject)) (call $perform))
(func (export "canister_update present_in_update")
  (call $reply_u64 (i64.extend_i32_u (call $data_certificate_present))))
(func (export "canister_query set_in_query")
  (call $certified_data_set (i32.const 0) (i32.const 4)) (call $msg_reply))
"#;

/// Verifies the signature of a certificate and returns the certified data in it.
fn verified(net: &Net, canister: candid::Principal, certificate: &[u8]) -> Vec<u8> {
    let certificate: Certificate = serde_cbor::from_slice(certificate).expect("a certificate");
    let mut message = b"\x0dic-state-root".to_vec();
    message.extend_from_slice(&certificate.tree.digest());
    let key = net.network.root_key();
    // a BLS key in DER has a header of 37 bytes, then the 96 bytes of the key
    ic_verify_bls_signature::verify_bls_signature(&certificate.signature, &message, &key[37..])
        .expect("the signature is good");
    let path: [&[u8]; 3] = [b"canister", canister.as_slice(), b"certified_data"];
    match certificate.tree.lookup_path(path) {
        LookupResult::Found(data) => data.to_vec(),
        other => panic!("no certified data: {other:?}"),
    }
}

#[test]
fn a_query_proves_what_an_update_certified() {
    let mut net = Net::new();
    let id = net.canister(CERTIFYING);
    for data in [&b"first"[..], b"", &[7; 32]] {
        net.update(id, "set", data).unwrap();
        for method in ["certificate", "certificate_of_composite"] {
            let certificate = net.query(id, method, b"").unwrap();
            assert_eq!(verified(&net, id, &certificate), data);
        }
    }
}

#[test]
fn a_changed_certificate_does_not_verify() {
    let mut net = Net::new();
    let id = net.canister(CERTIFYING);
    net.update(id, "set", b"honest").unwrap();
    let mut bytes = net.query(id, "certificate", b"").unwrap();
    let at = bytes.windows(6).position(|w| w == b"honest").unwrap();
    bytes[at..at + 6].copy_from_slice(b"forged");
    let certificate: Certificate = serde_cbor::from_slice(&bytes).unwrap();
    let mut message = b"\x0dic-state-root".to_vec();
    message.extend_from_slice(&certificate.tree.digest());
    let key = net.network.root_key();
    let checked =
        ic_verify_bls_signature::verify_bls_signature(&certificate.signature, &message, &key[37..]);
    assert!(checked.is_err());
}

#[test]
fn only_queries_get_certificates_and_only_updates_set_data() {
    let mut net = Net::new();
    let id = net.canister(CERTIFYING);
    assert_eq!(to_u64(net.query(id, "present", b"")), 1);
    // also in a query that a composite query calls
    assert_eq!(to_u64(net.query(id, "ask_itself", b"")), 1);
    assert_eq!(to_u64(net.update(id, "present", b"")), 0);
    assert_eq!(to_u64(net.update(id, "present_in_update", b"")), 0);
    let said = words(net.query(id, "set_in_query", b""));
    assert!(
        said.starts_with("5 504") && said.contains("certified_data_set"),
        "{said}"
    );
    let said = words(net.update(id, "set", [0; 33]));
    assert!(
        said.starts_with("5 504") && said.contains("no larger than 32 bytes"),
        "{said}"
    );
}

#[test]
fn an_upgrade_keeps_certified_data_and_a_reinstall_does_not() {
    let mut net = Net::new();
    let id = net.canister(CERTIFYING);
    net.update(id, "set", b"kept").unwrap();
    net.upgrade(id, CERTIFYING);
    let certificate = net.query(id, "certificate", b"").unwrap();
    assert_eq!(verified(&net, id, &certificate), b"kept");
    let module = crate::wasm::canister(CERTIFYING);
    net.deploy(id, crate::net::Mode::Reinstall, &module, b"")
        .unwrap();
    let certificate = net.query(id, "certificate", b"").unwrap();
    assert_eq!(verified(&net, id, &certificate), b"");
}
