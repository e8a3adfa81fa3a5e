//! Calls between canisters: their order, full queues, incomplete calls, and the state between call
//! and callback.

use crate::net::{Net, to_u64, words};
use crate::wasm::text;

#[test]
fn requests_of_one_canister_to_another_arrive_in_order() {
    let mut net = Net::new();
    let callee = net.canister(
        r#"(func (export "canister_update digit")
             (call $note (i32.const 65536) (call $copy_arg)) (call $msg_reply))"#,
    );
    let name = text(callee.as_slice());
    let id = net.canister(&format!(
        r#"(func $send (param $at i32) (param $size i32)
             (call $new @{name} @"digit" @fn($back) @fn($back))
             (call $call_data_append (local.get $at) (local.get $size)) (call $perform))
           (func $back (param i32)
             (global.set $x (i64.add (global.get $x) (i64.const 1)))
             (if (i64.eq (global.get $x) (i64.const 5)) (then (call $msg_reply))))
           (func (export "canister_update go")
             (call $send @"1") (call $send @"2") (call $send @"3")
             (call $send @"4") (call $send @"5"))"#
    ));
    net.update(id, "go", b"").unwrap();
    assert_eq!(net.trace(callee), "12345");
    // the answer came after all five callbacks
    assert_eq!(net.x(id), 5);
}

#[test]
fn a_canister_may_call_itself() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_update outer")
             (call $note @"outer ")
             (call $self_call @"inner" @fn($back) @fn($relay_reject)) (call $perform)
             (call $note @"called "))
           (func $back (param i32) (call $note @"back ") (call $relay_reply (i32.const 0)))
           (func (export "canister_update inner")
             (call $note @"inner ")
             (call $msg_caller_copy (i32.const 0) (i32.const 0) (call $msg_caller_size))
             (call $reply_bytes (i32.const 0) (call $msg_caller_size)))"#,
    );
    assert_eq!(net.update(id, "outer", b"").unwrap(), id.as_slice());
    assert_eq!(net.trace(id), "outer called inner back ");
}

#[test]
fn calls_of_a_trapping_message_are_never_sent() {
    let mut net = Net::new();
    let callee = net.canister(
        r#"(func (export "canister_update hit")
             (global.set $x (i64.const 1)) (call $msg_reply))"#,
    );
    let name = text(callee.as_slice());
    let id = net.canister(&format!(
        r#"(func (export "canister_update half")
             (call $new @{name} @"hit" @fn($nothing) @fn($nothing))
             (call $reply_bytes @"not performed"))
           (func (export "canister_update fail")
             (call $new @{name} @"hit" @fn($nothing) @fn($nothing)) (call $perform) (unreachable))
           (func (export "canister_update nothing_begun") (call $perform))"#
    ));
    assert!(net.say(id, "fail").starts_with("5 502"));
    assert_eq!(net.say(id, "half"), "not performed");
    let said = net.say(id, "nothing_begun");
    assert!(said.starts_with("5 504"), "{said}");
    assert!(said.contains("no call is under construction"), "{said}");
    net.rounds(3);
    assert_eq!(net.x(callee), 0);
    // no call is open, so the canister stops at once
    net.control("stop_canister", id).unwrap();
}

#[test]
fn five_hundred_requests_may_be_in_flight_to_one_canister() {
    let mut net = Net::new();
    let callee = net.canister(
        r#"(func (export "canister_update add")
             (global.set $x (i64.add (global.get $x) (i64.const 1))) (call $msg_reply))"#,
    );
    let other = net.canister(r#"(func (export "canister_update add") (call $msg_reply))"#);
    let (name, other) = (text(callee.as_slice()), text(other.as_slice()));
    // sends until call_perform refuses; replies with the number of calls sent and the code of the
    // refusal
    let id = net.canister(&format!(
        r#"(func $back (param i32))
           (func (export "canister_update fill") (local $sent i64) (local $code i32)
             (loop $more
               (call $new @{name} @"add" @fn($back) @fn($back))
               (local.set $code (call $call_perform))
               (if (i32.eqz (local.get $code))
                 (then (local.set $sent (i64.add (local.get $sent) (i64.const 1))) (br $more))))
             (call $new @{other} @"add" @fn($back) @fn($back)) (call $perform)
             (i64.store (i32.const 0) (local.get $sent))
             (i64.store (i32.const 8) (i64.extend_i32_u (local.get $code)))
             (call $reply_bytes (i32.const 0) (i32.const 16)))"#
    ));
    // each call holds 42 G cycles back, so this needs 21 T
    for _ in 0..2 {
        let bytes = net.update(id, "fill", b"").unwrap();
        assert_eq!(bytes, crate::net::u64s(&[500, 2]));
        net.rounds(5);
    }
    assert_eq!(net.x(callee), 1000);
}

#[test]
fn other_messages_run_between_a_call_and_its_callback() {
    let mut net = Net::new();
    let callee = net.canister(r#"(func (export "canister_update slow") (call $msg_reply))"#);
    let name = text(callee.as_slice());
    let id = net.canister(&format!(
        r#"(func (export "canister_update start")
             (global.set $x (i64.const 1))
             (call $new @{name} @"slow" @fn($back) @fn($back)) (call $perform))
           (func $back (param i32) (call $reply_u64 (global.get $x)))
           (func (export "canister_update change")
             (global.set $x (i64.const 2)) (call $msg_reply))"#
    ));
    let first = net.submit(id, "start");
    let second = net.submit(id, "change");
    net.wait(&second).unwrap();
    assert_eq!(to_u64(net.wait(&first)), 2);
}

#[test]
fn time_stands_still_within_a_round() {
    let mut net = Net::new();
    let clock = r#"(func (export "canister_update now") (call $reply_u64 (call $time)))"#;
    let (a, b) = (net.canister(clock), net.canister(clock));
    let (first, second) = (net.submit(a, "now"), net.submit(b, "now"));
    net.network.tick();
    let seen = to_u64(net.look(&first).expect("is answered"));
    assert_eq!(to_u64(net.look(&second).expect("is answered")), seen);
    assert!(to_u64(net.update(a, "now", b"")) > seen);
    net.advance(60);
    assert!(to_u64(net.update(a, "now", b"")) >= seen + 60_000_000_000);
    assert!(net.network.set_time(seen).is_err(), "time never goes back");
}

#[test]
fn a_reject_passes_through_a_chain_of_calls() {
    let mut net = Net::new();
    let last = net
        .canister(r#"(func (export "canister_update go") (call $msg_reject @"end of the line"))"#);
    let mut next = last;
    for _ in 0..5 {
        let name = text(next.as_slice());
        next = net.canister(&format!(
            r#"(func (export "canister_update go")
                 (call $new @{name} @"go" @fn($relay_reply) @fn($pass)) (call $perform))
               (func $pass (param i32)
                 (call $msg_reject_msg_copy (i32.const 0) (i32.const 0) (call $msg_reject_msg_size))
                 (call $msg_reject (i32.const 0) (call $msg_reject_msg_size)))"#
        ));
    }
    assert_eq!(words(net.update(next, "go", b"")), "4 406: end of the line");
}
