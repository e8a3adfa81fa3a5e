//! The server under test, and the clients that call it.

use candid::Principal;
use pocket_ic::{PocketIc, PocketIcBuilder};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long a test waits for an event. It only turns a hang into a failure.
pub const HANG: Duration = Duration::from_secs(300);

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

/// One server for all tests: they share only what instances share.
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

pub fn builder() -> PocketIcBuilder {
    let url = format!("http://{}/", server());
    PocketIcBuilder::new().with_server_url(url.parse().expect("is a url"))
}

pub fn instance() -> PocketIc {
    builder().with_application_subnet().build()
}

pub fn with_canister(pic: &PocketIc) -> Principal {
    let canister = pic.create_canister();
    let module = wat::parse_str(CANISTER).expect("is valid");
    pic.install_canister(canister, module, vec![], None);
    canister
}

/// Sends one request and returns the status and the body.
pub fn raw(method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server()).expect("connects");
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-length: {length}\r\n{headers}\r\n{body}"
    )
    .expect("sends");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("answers");
    let (head, body) = response.split_once("\r\n\r\n").expect("has a head");
    let status = head.split(' ').nth(1).expect("has a status");
    (status.parse().expect("is a number"), body.to_string())
}

pub fn field(json: &str, name: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).expect("is JSON");
    value[name].as_str().unwrap_or_default().to_string()
}

/// The message of a panic, if there is one. The client panics when the server refuses.
pub fn attempt<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
            .expect("the panic has a message")
    })
}

/// The message with which the server refuses.
pub fn refusal<T>(f: impl FnOnce() -> T) -> String {
    attempt(f).err().expect("is refused")
}

/// Asks again until there is something. Fails only if that takes so long that something must hang.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < HANG, "{what}: not after {HANG:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
