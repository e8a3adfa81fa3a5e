//! A network whose journal can't be written for a while. A limit for the length of files has the
//! effect of a full disk, and the test can lift it.

use candid::Principal;
use pocket_ic::common::rest::RawMessageId;
use pocket_ic::{PocketIc, PocketIcBuilder};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `fast` answers at once.
const CANISTER: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (memory 1)
  (func (export "canister_update fast") (call $reply)))"#;

struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts a server that gets an error when a file would become too long. Usually a signal
    /// would end it.
    fn start() -> Self {
        let script = format!(
            "trap '' XFSZ; exec '{}' --exit-with-stdin",
            env!("CARGO_BIN_EXE_localnet")
        );
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // the log lies on the same disk
            .stderr(File::create("/dev/full").expect("opens"))
            .spawn()
            .expect("starts");
        let mut url = String::new();
        let stdout = child.stdout.as_mut().expect("is piped");
        BufReader::new(stdout).read_line(&mut url).expect("prints");
        Self {
            child,
            url: url.trim().to_string(),
        }
    }

    fn open(&self, folder: &Path) -> PocketIc {
        PocketIcBuilder::new()
            .with_server_url(self.url.parse().expect("is a url"))
            .with_application_subnet()
            .with_state_dir(folder.to_path_buf())
            .build()
    }

    /// Lets files have at most so many bytes; `None` lifts the limit.
    fn limit(&self, bytes: Option<u64>) {
        let maximum = getrlimit(Resource::Fsize).maximum;
        let limit = Rlimit {
            current: bytes.or(maximum),
            maximum,
        };
        let pid = Pid::from_child(&self.child);
        prlimit(Some(pid), Resource::Fsize, limit).expect("is ours");
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().expect("is ours");
    }
}

/// Submits a call. The client panics when the server refuses; this returns its message.
fn submit(pic: &PocketIc, canister: Principal) -> Result<RawMessageId, String> {
    let submit = || pic.submit_call(canister, Principal::anonymous(), "fast", vec![]);
    match catch_unwind(AssertUnwindSafe(submit)) {
        Ok(submitted) => Ok(submitted.expect("is no reject")),
        Err(panic) => Err(*panic.downcast::<String>().expect("has a message")),
    }
}

#[test]
fn a_full_disk_is_named_and_the_network_goes_on_by_itself() {
    let folder = tempfile::tempdir().expect("is made");
    let server = Server::start();
    let pic = server.open(folder.path());
    let canister = pic.create_canister();
    let module = wat::parse_str(CANISTER).expect("is valid");
    pic.install_canister(canister, module, vec![], None);
    pic.auto_progress();
    let id = submit(&pic, canister).expect("is accepted");
    pic.await_call_no_ticks(id).expect("is answered");

    // a call that can't be recorded is refused, and changes nothing
    server.limit(Some(1));
    let refused = submit(&pic, canister).expect_err("is refused");
    let journal = folder.path().join("journal");
    let named = format!("cannot write the journal {}: ", journal.display());
    assert!(refused.contains(&named), "{refused}");
    server.limit(None);
    let id = submit(&pic, canister).expect("is accepted");
    pic.await_call_no_ticks(id).expect("is answered");

    // a call that can just be recorded may have to wait for its round, and is not forgotten
    let id = (0..)
        .step_by(8)
        .find_map(|bytes| {
            let length = std::fs::metadata(&journal).expect("is there").len();
            server.limit(Some(length + bytes));
            submit(&pic, canister).ok()
        })
        .expect("is accepted some time");
    // each of these waits for its turn, so the round has had its own and has told that it waits
    for _ in 0..20 {
        submit(&pic, canister).expect_err("is refused");
    }
    server.limit(None);
    pic.await_call_no_ticks(id).expect("is answered");

    // the journal is whole
    pic.stop_progress();
    let balance = pic.cycle_balance(canister);
    server.end();
    let server = Server::start();
    let pic = server.open(folder.path());
    assert_eq!(pic.cycle_balance(canister), balance);
    server.end();
}
