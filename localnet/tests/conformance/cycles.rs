//! Cycles that calls carry: accepted, refunded, and more than the sender has.

use crate::net::{Net, T, to_u64, u64s, words};
use crate::wasm::text;
use ic_management_canister_types::CanisterIdRecord;

/// Each method accepts as many cycles as its argument says, then ends as its name says. A reply
/// holds the accepted amount.
const TAKER: &str = r#"
(func $take (call $msg_cycles_accept128 (i64.const 0) (call $arg_u64 (i32.const 0)) (i32.const 0)))
(func (export "canister_update take") (call $take) (call $reply_bytes (i32.const 0) (i32.const 8)))
(func (export "canister_update take_and_reject") (call $take) (call $msg_reject @"kept"))
(func (export "canister_update take_and_trap") (call $take) (unreachable))
(func (export "canister_update silent") (call $take))
(func (export "canister_update available")
  (call $take)
  (call $msg_cycles_available128 (i32.const 0)) (call $reply_bytes (i32.const 0) (i32.const 8)))
"#;

/// Calls `method` with 1,000,000 cycles and its own argument, and replies with the refund.
fn giver(callee: candid::Principal, method: &str) -> String {
    let name = text(callee.as_slice());
    format!(
        r#"(func (export "canister_update give")
             (call $new @{name} @"{method}" @fn($back) @fn($back))
             (call $call_data_append (i32.const 65536) (call $copy_arg))
             (call $call_cycles_add128 (i64.const 0) (i64.const 400000))
             (call $call_cycles_add128 (i64.const 0) (i64.const 600000))
             (call $perform))
           (func $back (param i32)
             (if (i32.eqz (call $msg_reject_code))
               (then (drop (call $copy_arg)) (global.set $x (i64.load (i32.const 65536)))))
             (call $msg_cycles_refunded128 (i32.const 0))
             (call $reply_bytes (i32.const 0) (i32.const 8)))"#
    )
}

#[test]
fn cycles_that_the_callee_does_not_accept_come_back() {
    let mut net = Net::new();
    let taker = net.canister(TAKER);
    let id = net.canister(&giver(taker, "take"));
    for (wanted, got) in [(0, 0), (1, 1), (999_999, 999_999), (u64::MAX, 1_000_000)] {
        let refund = to_u64(net.update(id, "give", u64s(&[wanted])));
        assert_eq!(refund, 1_000_000 - got);
        assert_eq!(
            net.x(id),
            got,
            "the callee replies with the accepted amount"
        );
    }
}

#[test]
fn cycles_move_from_one_balance_to_the_other() {
    let mut net = Net::new();
    let taker = net.canister(TAKER);
    let id = net.canister(&giver(taker, "take"));
    let mut spent = |wanted: u64| {
        let before = (net.balance(id), net.balance(taker));
        net.update(id, "give", u64s(&[wanted])).unwrap();
        (before.0 - net.balance(id), before.1 - net.balance(taker))
    };
    let (giver_none, taker_none) = spent(0);
    let (giver_all, taker_all) = spent(1_000_000);
    assert_eq!(giver_all - giver_none, 1_000_000);
    assert_eq!(taker_none - taker_all, 1_000_000);
}

#[test]
fn a_reject_keeps_accepted_cycles_and_a_trap_returns_them() {
    let mut net = Net::new();
    let taker = net.canister(TAKER);
    for (method, refund) in [
        ("take_and_reject", 400_000),
        ("take_and_trap", 1_000_000),
        ("silent", 400_000),
    ] {
        let id = net.canister(&giver(taker, method));
        let got = to_u64(net.update(id, "give", u64s(&[600_000])));
        assert_eq!(got, refund, "{method}");
    }
    let id = net.canister(&giver(taker, "available"));
    net.update(id, "give", u64s(&[600_000])).unwrap();
    assert_eq!(net.x(id), 400_000, "available after accepting");
}

#[test]
fn ingress_messages_carry_no_cycles() {
    let mut net = Net::new();
    let id = net.canister(TAKER);
    assert_eq!(to_u64(net.update(id, "take", u64s(&[5]))), 0);
    assert_eq!(to_u64(net.update(id, "available", u64s(&[5]))), 0);
}

#[test]
fn a_call_carries_no_more_cycles_than_the_balance() {
    let mut net = Net::new();
    let taker = net.canister(TAKER);
    let name = text(taker.as_slice());
    let id = net.canister(&format!(
        r#"(func (export "canister_update spend")
             (call $new @{name} @"take" @fn($nothing) @fn($nothing))
             (call $call_cycles_add128 (i64.const 0) (i64.const 200000000000000)))
           (func (export "canister_update drop")
             (call $new @{name} @"take" @fn($nothing) @fn($nothing))
             (call $call_cycles_add128 (i64.const 0) (i64.const 50000000000000))
             ;; a new call drops the one before, whose cycles come back
             (call $new @{name} @"take" @fn($nothing) @fn($nothing))
             (call $canister_cycle_balance128 (i32.const 0))
             (call $reply_bytes (i32.const 0) (i32.const 8)))"#
    ));
    assert_eq!(
        net.say(id, "spend"),
        format!("5 504: Error from Canister {id}: Canister {id} is out of cycles")
    );
    assert!(u128::from(to_u64(net.update(id, "drop", b""))) > 99 * T);
    assert!(net.balance(id) > 99 * T);
}

#[test]
fn a_canister_may_deposit_cycles_in_any_other() {
    let mut net = Net::new();
    let (target, outsider) = (net.create(), net.create());
    let arg = candid::encode_one(CanisterIdRecord {
        canister_id: target,
    })
    .unwrap();
    let body = |arg: &[u8]| {
        format!(
            r#"(func (export "canister_update deposit")
                 (call $new (i32.const 0) (i32.const 0)
                   @"deposit_cycles" @fn($done) @fn($relay_reject))
                 (call $call_data_append @{})
                 (call $call_cycles_add128 (i64.const 0) (i64.const 7000000000000))
                 (call $perform))
               (func $done (param i32) (call $reply_bytes @"done"))"#,
            text(arg)
        )
    };
    let id = net.canister(&body(&arg));
    assert_eq!(net.say(id, "deposit"), "done");
    assert_eq!(net.balance(target), 107 * T);
    assert!(net.balance(id) < 93 * T);

    net.control("stop_canister", outsider).unwrap();
    net.control("delete_canister", outsider).unwrap();
    let nobody = candid::encode_one(CanisterIdRecord {
        canister_id: outsider,
    });
    let id = net.canister(&body(&nobody.unwrap()));
    let said = words(net.update(id, "deposit", b""));
    assert!(said.starts_with("3 "), "{said}");
    assert!(net.balance(id) > 99 * T, "the cycles came back");
    // users may not call this method
    let refused = net.manage("deposit_cycles", &CanisterIdRecord { canister_id: id });
    assert_eq!(refused.unwrap_err().error_code, 406);
}

#[test]
fn the_cycles_of_a_call_that_is_never_performed_come_back() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_update begin")
             (call $self_call @"begin" @fn($nothing) @fn($nothing))
             (call $call_cycles_add128 (i64.const 0) (i64.const 50000000000000))
             (call $reply_bytes @"begun"))"#,
    );
    assert_eq!(net.say(id, "begin"), "begun");
    assert!(net.balance(id) > 99 * T);
}
