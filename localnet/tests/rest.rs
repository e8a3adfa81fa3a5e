//! The REST front end as the unmodified client crate and raw HTTP see it, with the server in this process.

use candid::Principal;
use pocket_ic::common::rest::{BlobCompression, InstanceConfig};
use pocket_ic::{IngressStatusResult, PocketIc, PocketIcBuilder, Time};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// `spin` computes for about a second; `fast` answers at once.
const CANISTER: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (memory 1)
  (func (export "canister_update fast") (call $reply))
  (func (export "canister_query fast_query") (call $reply))
  (func (export "canister_update spin") (local $i i32)
    (local.set $i (i32.const 400000000))
    (loop $again
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (br_if $again (local.get $i)))
    (call $reply)))"#;

/// One server for all tests of this file: they only share what instances share.
fn server() -> SocketAddr {
    static SERVER: OnceLock<SocketAddr> = OnceLock::new();
    *SERVER.get_or_init(|| {
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("starts");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
                let listener = listener.expect("binds");
                let address = listener.local_addr().expect("is bound");
                send.send(address).expect("is awaited");
                localnet::server::serve(listener).await.expect("serves");
            });
        });
        receive.recv().expect("starts")
    })
}

fn builder() -> PocketIcBuilder {
    let url = format!("http://{}/", server());
    PocketIcBuilder::new().with_server_url(url.parse().expect("is a url"))
}

fn instance() -> PocketIc {
    builder().with_application_subnet().build()
}

fn with_canister(pic: &PocketIc) -> Principal {
    let canister = pic.create_canister();
    let module = wat::parse_str(CANISTER).expect("is valid");
    pic.install_canister(canister, module, vec![], None);
    canister
}

/// Sends one request and returns the status and the body.
fn raw(method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server()).expect("connects");
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
    .expect("sends");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("answers");
    let (head, body) = response.split_once("\r\n\r\n").expect("has a head");
    let status = head.split(' ').nth(1).expect("has a status");
    (status.parse().expect("is a number"), body.to_string())
}

fn field(json: &str, name: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).expect("is JSON");
    value[name].as_str().unwrap_or_default().to_string()
}

/// What the client panics with when the server refuses.
fn refusal<T>(f: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).err().expect("is refused");
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .expect("says why")
}

#[test]
fn time_moves_forward_only() {
    let pic = instance();
    let start = Time::from_nanos_since_unix_epoch(1_900_000_000_000_000_000);
    pic.set_time(start);
    assert_eq!(pic.get_time(), start);
    pic.advance_time(Duration::from_secs(5));
    assert_eq!(pic.get_time(), start + Duration::from_secs(5));
    pic.set_certified_time(start + Duration::from_secs(9));
    assert_eq!(pic.get_time(), start + Duration::from_secs(9));
    pic.tick();
    assert!(pic.get_time() >= start + Duration::from_secs(9));
    let message = refusal(|| pic.set_time(start));
    assert!(message.contains("SettingTimeIntoPast"), "{message}");
}

#[test]
fn calls_are_answered_and_belong_to_their_sender() {
    let pic = instance();
    let canister = with_canister(&pic);
    let alice = Principal::self_authenticating("alice");
    assert!(pic.update_call(canister, alice, "fast", vec![]).is_ok());
    assert!(
        pic.query_call(canister, alice, "fast_query", vec![])
            .is_ok()
    );
    assert!(pic.update_call(canister, alice, "missing", vec![]).is_err());

    let id = pic
        .submit_call(canister, alice, "fast", vec![])
        .expect("is taken");
    assert_eq!(pic.ingress_status(id.clone()), None);
    assert!(pic.await_call(id.clone()).is_ok());
    assert!(pic.ingress_status(id.clone()).expect("is done").is_ok());
    let of = |caller| pic.ingress_status_as(id.clone(), caller);
    assert!(matches!(of(alice), IngressStatusResult::Success(Ok(_))));
    assert!(matches!(
        of(Principal::anonymous()),
        IngressStatusResult::Forbidden(_)
    ));

    let mut unknown = id.clone();
    unknown.message_id = vec![0xee; 32];
    let message = refusal(|| pic.await_call(unknown));
    assert!(message.contains("no ingress message 0xeeee"), "{message}");
}

#[test]
fn a_canister_is_described_and_funded() {
    let pic = instance();
    let canister = pic.create_canister();
    assert!(pic.canister_exists(canister));
    assert_eq!(
        pic.get_subnet(canister),
        Some(pic.topology().get_app_subnets()[0])
    );
    assert_eq!(
        pic.topology().get_subnet(canister),
        pic.get_subnet(canister)
    );
    assert_eq!(pic.get_controllers(canister), [Principal::anonymous()]);
    let before = pic.cycle_balance(canister);
    assert_eq!(pic.add_cycles(canister, 7), before + 7);
    assert_eq!(pic.cycle_balance(canister), before + 7);

    let nobody = Principal::from_slice(&[0x7f, 1, 1]);
    assert!(!pic.canister_exists(nobody));
    for message in [
        refusal(|| pic.cycle_balance(nobody)),
        refusal(|| pic.add_cycles(nobody, 1)),
        refusal(|| pic.get_controllers(nobody)),
        refusal(|| pic.get_stable_memory(nobody)),
        refusal(|| pic.set_stable_memory(nobody, vec![1], BlobCompression::NoCompression)),
    ] {
        assert!(message.contains("CanisterNotFound"), "{message}");
    }
}

#[test]
fn stable_memory_goes_in_and_out() {
    let pic = instance();
    let canister = with_canister(&pic);
    let bytes: Vec<u8> = (0..131_072_u32).map(|i| (i % 251) as u8).collect();
    pic.set_stable_memory(canister, bytes.clone(), BlobCompression::NoCompression);
    assert_eq!(pic.get_stable_memory(canister), bytes);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&[7; 65_536]).expect("writes to memory");
    let packed = gzip.finish().expect("writes to memory");
    pic.set_stable_memory(canister, packed, BlobCompression::Gzip);
    assert_eq!(pic.get_stable_memory(canister)[..65_536], [7; 65_536]);
    let message = refusal(|| pic.set_stable_memory(canister, vec![1], BlobCompression::Gzip));
    assert!(message.contains("not valid gzip"), "{message}");
}

#[test]
fn the_root_key_is_that_of_the_nns() {
    let pic = builder()
        .with_nns_subnet()
        .with_application_subnet()
        .build();
    let key = pic.root_key().expect("there is an NNS");
    assert_eq!(key[0], 0x30, "DER begins with a sequence");
    assert_eq!(instance().root_key(), None);
}

#[test]
fn many_instances_live_at_once() {
    let threads: Vec<_> = (0..8_u64)
        .map(|n| {
            std::thread::spawn(move || {
                let pic = instance();
                let time = Time::from_nanos_since_unix_epoch(1_900_000_000_000_000_000 + n * 1000);
                pic.set_time(time);
                let canister = pic.create_canister();
                pic.add_cycles(canister, n.into());
                assert!(pic.get_time() < time + Duration::from_nanos(1000));
                pic.instance_id()
            })
        })
        .collect();
    let mut ids: Vec<_> = threads
        .into_iter()
        .map(|t| t.join().expect("passes"))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}

#[test]
fn a_deleted_instance_is_gone() {
    let pic = instance();
    let id = pic.instance_id();
    let (_, list) = raw("GET", "/instances", "", "");
    let states: Vec<String> = serde_json::from_str(&list).expect("is a list");
    assert_eq!(states[id], "Available");
    drop(pic);
    let (_, list) = raw("GET", "/instances", "", "");
    let states: Vec<String> = serde_json::from_str(&list).expect("is a list");
    assert_eq!(states[id], "Deleted");
    let (status, body) = raw("POST", &format!("/instances/{id}/update/tick"), "", "{}");
    assert_eq!(status, 404);
    assert_eq!(
        field(&body, "message"),
        format!("instance {id} was deleted")
    );
    let (status, body) = raw("GET", "/instances/999999/read/get_time", "", "");
    assert_eq!(status, 404);
    assert_eq!(field(&body, "message"), "there is no instance 999999");
}

#[test]
fn a_slow_operation_is_polled_and_holds_up_only_its_own_instance() {
    let (slow, other) = (instance(), instance());
    let canister = with_canister(&slow);
    let message = slow.submit_call(canister, Principal::anonymous(), "spin", vec![]);
    let message = serde_json::to_string(&message.expect("is taken")).expect("is JSON");
    let at = |path: &str| format!("/instances/{}/{path}", slow.instance_id());

    let path = at("update/await_ingress_message");
    let (status, body) = raw("POST", &path, "processing-timeout-ms: 1\r\n", &message);
    assert_eq!(status, 202, "{body}");
    let op_id = field(&body, "op_id");
    let result = format!("{}/{op_id}", field(&body, "state_label"));

    let (status, body) = raw(
        "GET",
        &at("read/get_time"),
        "processing-timeout-ms: 0\r\n",
        "",
    );
    assert_eq!(status, 409, "{body}");
    assert_eq!(field(&body, "op_id"), op_id);
    let (status, _) = raw("GET", &format!("/read_graph/{result}"), "", "");
    assert_eq!(status, 404);
    other.tick();
    let (status, _) = raw("GET", &format!("/read_graph/{result}"), "", "");
    assert_eq!(status, 404, "the other instance had to wait");

    // waits its turn instead of being refused
    slow.tick();
    let begin = Instant::now();
    let body = loop {
        let (status, body) = raw("GET", &format!("/read_graph/{result}"), "", "");
        if status != 404 {
            assert_eq!(status, 200, "{body}");
            break body;
        }
        assert!(begin.elapsed() < Duration::from_secs(120), "never ends");
    };
    assert!(body.contains("\"Ok\""), "{body}");
    assert_eq!(
        raw("DELETE", &format!("/prune_graph/{result}"), "", "").0,
        200
    );
    assert_eq!(raw("GET", &format!("/read_graph/{result}"), "", "").0, 410);
}

#[test]
fn automatic_progress_follows_the_wall_clock() {
    let pic = instance();
    let canister = with_canister(&pic);
    assert!(!pic.auto_progress_enabled());
    pic.auto_progress();
    assert!(pic.auto_progress_enabled());
    let begin = std::time::SystemTime::now() - Duration::from_secs(60);
    assert!(pic.get_time() > Time::from(begin));
    let id = pic.submit_call(canister, Principal::anonymous(), "fast", vec![]);
    assert!(pic.await_call_no_ticks(id.expect("is taken")).is_ok());
    let message = refusal(|| pic.auto_progress());
    assert!(message.contains("already enabled"), "{message}");
    pic.stop_progress();
    assert!(!pic.auto_progress_enabled());
    let stopped = pic.get_time();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(pic.get_time(), stopped);
}

#[test]
fn a_live_instance_is_served_at_a_port_of_its_own_until_it_is_stopped() {
    let mut pic = instance();
    let url = pic.make_live(None);
    let port = url.port().expect("is named");
    let connect = || TcpStream::connect(("127.0.0.1", port));
    assert!(connect().is_ok());
    let (_, listed) = raw("GET", "/http_gateway", "", "");
    assert!(listed.contains(&format!("\"port\":{port}")), "{listed}");
    // the port is taken: said, not ignored
    let other = instance();
    let same = format!(
        r#"{{"port":{port},"forward_to":{{"PocketIcInstance":{}}}}}"#,
        other.instance_id()
    );
    let (status, body) = raw(
        "POST",
        "/http_gateway",
        "content-type: application/json\r\n",
        &same,
    );
    assert!(status == 400 && body.contains("cannot listen"), "{body}");
    pic.stop_live();
    let begin = Instant::now();
    while connect().is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(5), "it still listens");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_instance_with_a_folder_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("is made");
    let open = || {
        builder()
            .with_application_subnet()
            .with_state_dir(folder.path().to_path_buf())
            .build()
    };
    // as a full disk leaves it
    let journal = folder.path().join("journal");
    std::fs::write(&journal, [200, 0, 0, 0, 1, 2, 3]).expect("writes");
    let pic = open();
    let canister = with_canister(&pic);
    let anybody = Principal::anonymous();
    let call = |pic: &PocketIc| pic.update_call(canister, anybody, "fast", vec![]);
    call(&pic).expect("answers");
    pic.add_cycles(canister, 12_345);
    pic.set_stable_memory(canister, vec![7; 70_000], BlobCompression::NoCompression);
    pic.advance_time(Duration::from_secs(1_000));
    pic.tick();
    let state = |pic: &PocketIc| {
        (
            pic.get_time(),
            pic.cycle_balance(canister),
            pic.get_stable_memory(canister),
            pic.topology(),
        )
    };
    let before = state(&pic);
    // one process at a time
    assert!(refusal(open).contains("in use"));
    // which may be about to end
    let ending = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        drop(pic);
    });
    let pic = open();
    ending.join().expect("ends");
    assert!(state(&pic) == before, "the state is another");
    drop(pic);

    // as a process leaves it that is killed while it writes
    let whole = std::fs::metadata(&journal).expect("is there").len();
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&journal)
        .expect("opens");
    file.write_all(&[200, 0, 0, 0, 1, 2, 3]).expect("writes");
    drop(file);
    let pic = open();
    assert!(state(&pic) == before, "the state is another");
    assert_eq!(std::fs::metadata(&journal).expect("is there").len(), whole);
    call(&pic).expect("answers");
    let before = state(&pic);
    drop(pic);
    assert!(state(&open()) == before, "the state is another");

    let other = refusal(|| {
        builder()
            .with_nns_subnet()
            .with_state_dir(folder.path().to_path_buf())
            .build()
    });
    assert!(other.contains("other subnets"), "{other}");
}

#[test]
fn what_is_not_built_is_refused_by_name() {
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
    assert!(verified.expect_err("is not built").contains("signatures"));
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
