//! Canisters that run, stop, are deleted or uninstalled, and the answers that their callers get.

use crate::net::{Mode, Net, T, to_u64, user, words};
use crate::wasm::{canister, text};
use ic_management_canister_types::{CanisterIdRecord, CanisterStatusType};

/// `open` keeps its call context open by further calls until somebody calls `free`. `tell` replies
/// with the status.
pub const OPEN: &str = r#"
(func (export "canister_update open") (call $spin (i32.const 0)))
(func $spin (param i32)
  (if (i64.eqz (global.get $x))
    (then
      (call $new (i32.const 0) (i32.const 0) @"raw_rand" @fn($spin) @fn($spin)) (call $perform))
    (else (call $reply_bytes @"closed"))))
(func (export "canister_update free") (global.set $x (i64.const 1)) (call $msg_reply))
(func (export "canister_update tell") (call $reply_u64 (i64.extend_i32_u (call $canister_status))))
(func (export "canister_query ask") (call $reply_u64 (i64.extend_i32_u (call $canister_status))))
"#;

/// A canister that calls a method of another one and passes the answer on.
fn caller(net: &mut Net, callee: candid::Principal, method: &str) -> candid::Principal {
    let name = text(callee.as_slice());
    net.canister(&format!(
        r#"(func (export "canister_update call")
             (call $new @{name} @"{method}" @fn($relay_reply) @fn($relay_reject)) (call $perform))"#
    ))
}

/// A canister (the second) that waits for an answer of another one (the first), so its own call
/// context stays open.
fn waiting(net: &mut Net) -> (candid::Principal, candid::Principal) {
    let open = net.canister(OPEN);
    (open, caller(net, open, "open"))
}

#[test]
fn a_stopped_canister_refuses_messages_until_it_is_started() {
    let mut net = Net::new();
    let id = net.canister(OPEN);
    let other = caller(&mut net, id, "tell");
    assert_eq!(to_u64(net.update(id, "tell", b"")), 1);
    net.control("stop_canister", id).unwrap();
    assert_eq!(net.info(id).status, CanisterStatusType::Stopped);
    assert_eq!(
        net.say(id, "tell"),
        format!("5 508: Canister {id} is stopped")
    );
    assert_eq!(
        net.say(other, "call"),
        format!("5 Canister {id} is stopped")
    );
    assert!(
        words(net.query(id, "ask", b"")).starts_with(&format!("5 508: Canister {id} is stopped"))
    );
    // stopping twice is harmless
    net.control("stop_canister", id).unwrap();
    net.control("start_canister", id).unwrap();
    assert_eq!(to_u64(net.update(id, "tell", b"")), 1);
    assert_eq!(to_u64(net.query(id, "ask", b"")), 1);
}

fn submit_control(
    net: &mut Net,
    method: &str,
    id: candid::Principal,
) -> localnet::replica::MessageId {
    let arg = candid::encode_one(CanisterIdRecord { canister_id: id }).unwrap();
    net.submit_as(
        crate::net::me(),
        candid::Principal::management_canister(),
        method,
        arg,
    )
    .unwrap()
}

#[test]
fn stopping_waits_for_open_calls() {
    let mut net = Net::new();
    let (open, id) = waiting(&mut net);
    let call = net.submit(id, "call");
    net.rounds(2);
    let stops: Vec<_> = (0..2)
        .map(|_| {
            let stop = submit_control(&mut net, "stop_canister", id);
            net.rounds(3);
            stop
        })
        .collect();
    assert!(stops.iter().all(|stop| net.look(stop).is_none()));
    assert!(net.look(&call).is_none());
    assert_eq!(net.info(id).status, CanisterStatusType::Stopping);
    assert_eq!(
        net.say(id, "call"),
        format!("5 509: Canister {id} is stopping")
    );
    let said = words(net.query(id, "x", b""));
    assert_eq!(said, format!("5 509: Canister {id} is not running"));
    let said = words(net.control("delete_canister", id));
    assert_eq!(
        said,
        format!("5 510: Canister {id} must be stopped before it is deleted.")
    );
    // a stopping canister still gets the answer that it waits for
    net.update(open, "free", b"").unwrap();
    assert_eq!(words(net.wait(&call)), "closed");
    for stop in stops {
        net.wait(&stop).unwrap();
    }
    assert_eq!(net.info(id).status, CanisterStatusType::Stopped);
}

#[test]
fn a_start_cancels_the_stop() {
    let mut net = Net::new();
    let (open, id) = waiting(&mut net);
    let call = net.submit(id, "call");
    net.rounds(2);
    let stop = submit_control(&mut net, "stop_canister", id);
    net.rounds(2);
    net.control("start_canister", id).unwrap();
    assert_eq!(
        words(net.wait(&stop)),
        format!("5 511: Canister {id}'s stop request was cancelled.")
    );
    net.update(open, "free", b"").unwrap();
    assert_eq!(words(net.wait(&call)), "closed");
    assert_eq!(net.info(id).status, CanisterStatusType::Running);
}

#[test]
fn a_stop_times_out_after_five_minutes() {
    let mut net = Net::new();
    let (open, id) = waiting(&mut net);
    let call = net.submit(id, "call");
    net.rounds(2);
    let stop = submit_control(&mut net, "stop_canister", id);
    net.rounds(2);
    net.advance(290);
    net.rounds(2);
    assert!(net.look(&stop).is_none());
    net.advance(15);
    net.rounds(2);
    let answer = net.look(&stop).expect("timed out");
    assert_eq!(words(answer), "2 206: Stop canister request timed out");
    // the canister is still stopping
    assert_eq!(net.info(id).status, CanisterStatusType::Stopping);
    net.update(open, "free", b"").unwrap();
    assert_eq!(words(net.wait(&call)), "closed");
    net.rounds(2);
    assert_eq!(net.info(id).status, CanisterStatusType::Stopped);
}

#[test]
fn only_a_stopped_canister_can_be_deleted() {
    let mut net = Net::new();
    let id = net.canister(OPEN);
    let other = caller(&mut net, id, "tell");
    let said = words(net.control("delete_canister", id));
    assert_eq!(
        said,
        format!("5 510: Canister {id} must be stopped before it is deleted.")
    );
    assert_eq!(to_u64(net.update(id, "tell", b"")), 1);
    net.control("stop_canister", id).unwrap();
    net.control("delete_canister", id).unwrap();
    assert!(!net.network.canister_exists(id));
    let gone = format!("3 301: Canister {id} not found");
    assert_eq!(net.say(id, "tell"), gone);
    assert_eq!(words(net.query(id, "ask", b"")), gone);
    assert_eq!(words(net.control("canister_status", id)), gone);
    assert_eq!(net.say(other, "call"), format!("3 Canister {id} not found"));
    // its id is never used again
    assert_ne!(net.create(), id);
}

#[test]
fn strangers_control_nothing() {
    let mut net = Net::new();
    let id = net.canister(OPEN);
    let arg = CanisterIdRecord { canister_id: id };
    for method in [
        "stop_canister",
        "start_canister",
        "delete_canister",
        "uninstall_code",
        "canister_status",
    ] {
        let refused = net.manage_as(user("mallory"), method, &arg).unwrap_err();
        assert_eq!(refused.error_code, 512, "{method}");
    }
    assert_eq!(to_u64(net.update(id, "tell", b"")), 1);
    let said = words(net.control("no_such_method", id));
    assert_eq!(
        said,
        "5 536: ic00 interface does not expose method no_such_method"
    );
}

#[test]
fn uninstalling_removes_code_and_open_calls_but_not_the_canister() {
    let mut net = Net::new();
    let (open, id) = waiting(&mut net);
    let call = net.submit(id, "call");
    net.rounds(3);
    let held_back = 100 * T - net.balance(id);
    assert!(held_back > 42_000_000_000, "the reserve for the callback");
    net.control("uninstall_code", id).unwrap();
    assert_eq!(
        words(net.wait(&call)),
        "4 406: Canister has been uninstalled."
    );
    assert_eq!(net.info(id).module_hash, None);
    assert_eq!(net.info(id).status, CanisterStatusType::Running);
    assert_eq!(
        net.say(id, "x"),
        "5 537: Requested canister has no wasm module"
    );
    // the answer to the removed call comes, and the reserve for its callback is free again
    net.deploy(id, Mode::Install, &canister(OPEN), b"").unwrap();
    net.update(open, "free", b"").unwrap();
    net.rounds(5);
    assert!(
        100 * T - net.balance(id) < 1_000_000_000,
        "{}",
        net.balance(id)
    );
    assert_eq!(net.log(id), Vec::<String>::new(), "no callback ran");
    assert_eq!(to_u64(net.update(id, "tell", b"")), 1);
}
