//! Timers and heartbeats.

use crate::net::{Net, SECOND, START, to_u64, u64s};
use crate::wasm::text;

/// `set` sets the timer. The timer notes `t` and keeps the time at which it fired in `$x`.
const TIMED: &str = r#"
(func (export "canister_update set")
  (call $reply_u64 (call $global_timer_set (call $arg_u64 (i32.const 0)))))
(func (export "canister_global_timer") (call $note @"t") (global.set $x (call $time)))
(func (export "canister_update nop") (call $msg_reply))
"#;

fn set(net: &mut Net, id: candid::Principal, at: u64) -> u64 {
    to_u64(net.update(id, "set", u64s(&[at])))
}

#[test]
fn a_timer_fires_once_in_the_round_that_passes_it() {
    let mut net = Net::new();
    let id = net.canister(TIMED);
    let at = net.network.time() + 10 * SECOND;
    set(&mut net, id, at);
    net.advance(9);
    net.rounds(2);
    assert_eq!(net.trace(id), "");
    net.network.set_time(at).unwrap();
    net.rounds(1);
    assert_eq!(net.trace(id), "t");
    let fired = net.x(id);
    assert!((at..at + SECOND).contains(&fired));
    net.advance(1_000);
    net.rounds(3);
    assert_eq!(net.trace(id), "t");
}

#[test]
fn setting_returns_the_former_time_and_zero_switches_off() {
    let mut net = Net::new();
    let id = net.canister(TIMED);
    let (first, second) = (START + 1_000 * SECOND, START + 2_000 * SECOND);
    assert_eq!(set(&mut net, id, first), 0);
    assert_eq!(set(&mut net, id, second), first);
    assert_eq!(set(&mut net, id, 0), second);
    assert_eq!(set(&mut net, id, 0), 0);
    net.advance(5_000);
    net.rounds(2);
    assert_eq!(net.trace(id), "");
    // a time in the past fires at once
    set(&mut net, id, 1);
    net.rounds(1);
    assert_eq!(net.trace(id), "t");
    assert_eq!(set(&mut net, id, 0), 0, "a timer that fired is off");
}

#[test]
fn a_timer_fires_once_in_a_long_step_and_time_stands_still_in_a_round() {
    let mut net = Net::new();
    let repeating = r#"
        (func $again (drop (call $global_timer_set (i64.add (call $time) (i64.const 10000000000)))))
        (func (export "canister_update start") (call $again) (call $msg_reply))
        (func (export "canister_global_timer")
          (call $note @"t") (global.set $x (call $time)) (call $again))"#;
    let (a, b) = (net.canister(repeating), net.canister(repeating));
    for id in [a, b] {
        net.update(id, "start", b"").unwrap();
    }
    for _ in 0..3 {
        net.advance(10);
        net.rounds(2);
    }
    assert_eq!(net.trace(a), "ttt");
    net.advance(1_000);
    net.rounds(3);
    assert_eq!(net.trace(a), "tttt");
    assert_eq!(net.trace(b), "tttt");
    // both fired in the same round, so they saw the same time
    assert_eq!(net.x(a), net.x(b));
}

#[test]
fn a_trap_in_a_timer_is_rolled_back_and_logged() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_update start")
             (drop (call $global_timer_set (i64.const 1))) (call $msg_reply))
           (func (export "canister_global_timer")
             (call $note @"t") (drop (call $global_timer_set (i64.const 2))) (call $trap @"oh"))
           (func (export "canister_update stop")
             (call $reply_u64 (call $global_timer_set (i64.const 0))))"#,
    );
    net.update(id, "start", b"").unwrap();
    net.rounds(5);
    assert_eq!(net.trace(id), "");
    assert_eq!(net.log(id), ["[TRAP]: oh"], "once");
    assert_eq!(to_u64(net.update(id, "stop", b"")), 0);
}

#[test]
fn a_timer_may_call_its_own_canister_as_the_timers_library_does() {
    let mut net = Net::new();
    let other = net.canister(r#"(func (export "canister_update f") (call $reply_bytes @"o"))"#);
    let name = text(other.as_slice());
    let id = net.canister(&format!(
        r#"(func (export "canister_update start")
             (drop (call $global_timer_set (i64.const 1))) (call $msg_reply))
           (func (export "canister_global_timer")
             (call $note @"t")
             (call $self_call @"task" @fn($done) @fn($failed)) (call $perform)
             (call $self_call @"broken" @fn($done) @fn($failed)) (call $perform)
             (call $new @{name} @"f" @fn($heard) @fn($failed)) (call $perform))
           (func (export "canister_update task") (call $note @"k") (call $msg_reply))
           (func (export "canister_update broken") (call $note @"k") (unreachable))
           (func $done (param i32) (call $note @"d"))
           (func $heard (param i32) (call $note (i32.const 65536) (call $copy_arg)))
           (func $failed (param i32) (call $note @"f"))
           (func (export "canister_update nobody") (call $msg_reply))"#
    ));
    net.update(id, "start", b"").unwrap();
    net.rounds(6);
    let mut seen: Vec<char> = net.trace(id).chars().collect();
    assert_eq!(seen[0], 't');
    seen.sort_unstable();
    assert_eq!(seen, ['d', 'f', 'k', 'o', 't']);
    net.control("stop_canister", id).unwrap();
}

#[test]
fn a_timer_has_no_caller_to_answer() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_update start")
             (drop (call $global_timer_set (i64.const 1))) (call $msg_reply))
           (func (export "canister_global_timer")
             (global.set $x (i64.const 1)) (call $msg_reply))"#,
    );
    net.update(id, "start", b"").unwrap();
    net.rounds(2);
    assert_eq!(net.x(id), 0);
    assert!(net.log(id)[0].contains("cannot be executed in global timer mode"));
}

#[test]
fn an_upgrade_clears_the_timer_and_a_stop_delays_it() {
    let mut net = Net::new();
    let id = net.canister(TIMED);
    let at = net.network.time() + 10 * SECOND;
    set(&mut net, id, at);
    net.upgrade(id, TIMED);
    net.advance(20);
    net.rounds(2);
    assert_eq!(net.trace(id), "");
    let at = net.network.time() + 10 * SECOND;
    assert_eq!(set(&mut net, id, at), 0);
    net.control("stop_canister", id).unwrap();
    net.advance(20);
    net.rounds(2);
    net.control("start_canister", id).unwrap();
    net.rounds(2);
    assert_eq!(net.trace(id), "t");
    // a failed upgrade clears nothing
    let at = net.network.time() + 10 * SECOND;
    set(&mut net, id, at);
    let failing = crate::wasm::canister(r#"(func (export "canister_post_upgrade") (unreachable))"#);
    net.deploy(id, crate::net::Mode::Upgrade(None), &failing, b"")
        .unwrap_err();
    net.advance(20);
    net.rounds(2);
    assert_eq!(net.trace(id), "tt");
}

#[test]
fn post_upgrade_may_set_the_timer() {
    let mut net = Net::new();
    let body = format!(
        r#"{TIMED}
           (func (export "canister_post_upgrade") (drop (call $global_timer_set (i64.const 1))))"#
    );
    let id = net.canister(&body);
    net.rounds(2);
    assert_eq!(net.trace(id), "");
    net.upgrade(id, &body);
    net.rounds(2);
    assert_eq!(net.trace(id), "t");
}

#[test]
fn a_heartbeat_runs_every_round_and_its_traps_are_harmless() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_heartbeat")
             (global.set $x (i64.add (global.get $x) (i64.const 1)))
             (if (i64.eq (global.get $x) (i64.const 1000)) (then (unreachable))))
           (func (export "canister_update jump") (global.set $x (i64.const 999)) (call $msg_reply))
           (func (export "canister_update well") (call $reply_bytes @"well"))"#,
    );
    let before = net.x(id);
    net.rounds(5);
    assert_eq!(net.x(id), before + 5);
    net.update(id, "jump", b"").unwrap();
    net.rounds(3);
    assert_eq!(net.x(id), 999);
    assert_eq!(net.say(id, "well"), "well");
    net.control("stop_canister", id).unwrap();
    let stopped = net.log(id).len();
    net.rounds(3);
    assert_eq!(net.log(id).len(), stopped, "no heartbeat while stopped");
}
