//! Calls with a bounded wait: `call_with_best_effort_response`.

use crate::net::{Net, SECOND, to_u64, u64s, words};
use crate::wasm::text;

/// `late` is answered after a call of `release`. Until then the canister calls itself again and
/// again.
const SLOW: &str = r#"
(func (export "canister_update late")
  (call $note @"begun ") (call $wait (i32.const 0)))
(func $wait (param i32)
  (if (i64.eqz (global.get $x))
    (then (call $self_call @"spin" @fn($wait) @fn($wait)) (call $perform))
    (else (call $note @"answered ") (call $reply_bytes @"late reply"))))
(func (export "canister_update spin")
  (call $self_call @"nap" @fn($relay_reply) @fn($relay_reject)) (call $perform))
(func (export "canister_update nap")
  (call $new (i32.const 0) (i32.const 0) @"raw_rand" @fn($relay_reply) @fn($relay_reject))
  (call $perform))
(func (export "canister_update release") (global.set $x (i64.const 1)) (call $msg_reply))
(func (export "canister_update quick") (call $reply_bytes @"quick"))
(func (export "canister_update deadline") (call $reply_u64 (call $msg_deadline)))
(func (export "canister_update now") (call $reply_u64 (call $time)))
(func (export "canister_update take_late")
  (call $msg_cycles_accept128 (i64.const 0) (i64.const 300) (i32.const 0))
  (call $wait (i32.const 0)))
"#;

fn caller(callee: candid::Principal) -> String {
    let name = text(callee.as_slice());
    format!(
        r#"(func (export "canister_update call")
             (local $seconds i32)
             (local.set $seconds (i32.wrap_i64 (call $arg_u64 (i32.const 0))))
             (call $begin (i32.const 65536) (i32.sub (call $copy_arg) (i32.const 8)))
             (call $call_with_best_effort_response (local.get $seconds))
             (call $call_cycles_add128 (i64.const 0) (i64.const 1000))
             (call $perform))
           (func $begin (param i32) (param $size i32)
             (call $new @{name} (i32.const 65544) (local.get $size) @fn($back) @fn($failed)))
           (func $back (param i32) (call $note @"reply ") (call $relay_reply (i32.const 0)))
           (func $failed (param i32)
             (call $note @"reject ")
             (call $msg_cycles_refunded128 (i32.const 0))
             (global.set $x (i64.load (i32.const 0)))
             (call $relay_reject (i32.const 0)))
           (func (export "canister_update twice")
             (call $new @{name} @"quick" @fn($back) @fn($failed))
             (call $call_with_best_effort_response (i32.const 1))
             (call $call_with_best_effort_response (i32.const 1)))"#
    )
}

fn arg(seconds: u64, method: &str) -> Vec<u8> {
    [u64s(&[seconds]), method.into()].concat()
}

#[test]
fn an_answer_in_time_arrives() {
    let mut net = Net::new();
    let callee = net.canister(SLOW);
    let id = net.canister(&caller(callee));
    assert_eq!(words(net.update(id, "call", arg(10, "quick"))), "quick");
    let now = net.network.time();
    let deadline = to_u64(net.update(id, "call", arg(10, "deadline")));
    assert!((now + 10 * SECOND..now + 11 * SECOND).contains(&deadline));
    // the longest wait is 300 s
    let longest = to_u64(net.update(id, "call", arg(1_000_000, "deadline")));
    assert!((now + 300 * SECOND..now + 301 * SECOND).contains(&longest));
    // without a bound there is no deadline
    assert_eq!(to_u64(net.update(callee, "deadline", b"")), 0);
    assert!(net.say(id, "twice").starts_with("5 504"));
}

#[test]
fn a_late_reply_is_dropped() {
    let mut net = Net::new();
    let callee = net.canister(SLOW);
    let id = net.canister(&caller(callee));
    let message = net
        .submit_as(crate::net::me(), id, "call", arg(10, "late"))
        .unwrap();
    net.rounds(4);
    assert!(net.look(&message).is_none());
    net.advance(5);
    net.rounds(2);
    assert!(net.look(&message).is_none(), "5 of 10 seconds have passed");
    net.advance(6);
    net.rounds(2);
    let answer = net.look(&message).expect("the deadline has passed");
    assert_eq!(words(answer), "6 Call deadline has expired.");
    assert_eq!(net.trace(id), "reject ");
    // the callee continues, and its reply is dropped
    net.update(callee, "release", b"").unwrap();
    net.rounds(8);
    assert_eq!(net.trace(callee), "begun answered ");
    assert_eq!(net.trace(id), "reject ");
    net.control("stop_canister", id).unwrap();
}

#[test]
fn cycles_of_a_late_call_are_not_refunded_with_the_reject() {
    let mut net = Net::new();
    let callee = net.canister(SLOW);
    let id = net.canister(&caller(callee));
    let message = net
        .submit_as(crate::net::me(), id, "call", arg(10, "take_late"))
        .unwrap();
    net.rounds(4);
    net.advance(11);
    net.rounds(2);
    assert!(words(net.wait(&message)).starts_with("6 "));
    assert_eq!(net.x(id), 0, "refunded");
}

#[test]
fn expired_calls_free_their_place_in_the_queue_and_their_reserve() {
    let mut net = Net::new();
    let callee = net.canister(SLOW);
    let id = net.canister(&caller(callee));
    let before = net.balance(id);
    let message = net
        .submit_as(crate::net::me(), id, "call", arg(10, "late"))
        .unwrap();
    net.rounds(4);
    // the network holds 42 G cycles back for the callback
    assert!(before - net.balance(id) > 42_000_000_000);
    net.advance(11);
    net.wait(&message).unwrap();
    assert!(before - net.balance(id) < 20_000_000);
    net.control("stop_canister", id).unwrap();
}
