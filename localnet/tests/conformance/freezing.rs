//! The freezing threshold, and canisters that run out of cycles.

use crate::net::{Net, T, to_u64, words};
use crate::wasm::{canister, text};
use candid::Principal;
use ic_management_canister_types::CanisterSettings;

const PLAIN: &str = r#"
(func (export "canister_update hello") (call $reply_bytes @"hello"))
(func (export "canister_query look") (call $reply_bytes @"seen"))
(func (export "canister_update liquid")
  (call $canister_cycle_balance128 (i32.const 0))
  (call $canister_liquid_cycle_balance128 (i32.const 16))
  (call $reply_u64 (i64.sub (i64.load (i32.const 0)) (i64.load (i32.const 16)))))
"#;

fn threshold(seconds: u64) -> CanisterSettings {
    CanisterSettings {
        freezing_threshold: Some(seconds.into()),
        ..CanisterSettings::default()
    }
}

#[test]
fn a_timer_that_is_due_while_the_canister_cannot_pay_fires_when_it_can() {
    let mut net = Net::new();
    let id = net.create_with(2 * T, CanisterSettings::default());
    net.install(
        id,
        r#"(func (export "canister_update set")
             (drop (call $global_timer_set (i64.add (call $time) (i64.const 5000000000))))
             (call $msg_reply))
           (func (export "canister_global_timer") (call $note @"t"))"#,
    );
    net.update(id, "set", b"").unwrap();
    net.settings(id, threshold(100_000_000_000));
    net.advance(100);
    net.rounds(3);
    net.settings(id, threshold(0));
    net.rounds(2);
    assert_eq!(net.trace(id), "t");
}

fn call(net: &mut Net, callee: Principal) -> String {
    let name = text(callee.as_slice());
    let id = net.canister(&format!(
        r#"(func (export "canister_update call")
             (call $new @{name} @"hello" @fn($relay_reply) @fn($relay_reject)) (call $perform))"#
    ));
    net.say(id, "call")
}

#[test]
fn a_frozen_canister_accepts_no_messages_until_it_thaws() {
    let mut net = Net::new();
    let id = net.create_with(2 * T, CanisterSettings::default());
    net.install(id, PLAIN);
    net.settings(id, threshold(100_000_000_000));
    let said = net.say(id, "hello");
    let expected =
        format!("2 207: Canister {id} is out of cycles: please top up the canister with at least ");
    assert!(said.starts_with(&expected), "{said}");
    assert_eq!(
        words(net.query(id, "look", b"")),
        format!(
            "2 207: Canister {id} is unable to process query calls because it's frozen. \
             Please top up the canister with cycles and try again."
        )
    );
    assert_eq!(
        call(&mut net, id),
        format!("2 IC0207: Canister {id} is out of cycles")
    );
    // its controllers can still change the settings
    net.settings(id, threshold(0));
    assert_eq!(net.say(id, "hello"), "hello");
}

#[test]
fn the_reserve_is_the_cost_of_idling_for_the_threshold() {
    let mut net = Net::new();
    let id = net.create();
    net.install(id, PLAIN);
    let reserve = |net: &mut Net| u128::from(to_u64(net.update(id, "liquid", b"")));
    let bytes: u128 = net.info(id).memory_size.0.try_into().unwrap();
    // 127,000 cycles a GiB and second; the default threshold is 2,592,000 s
    let expected = bytes * 127_000 * 2_592_000 / (1 << 30);
    let thirty_days = reserve(&mut net);
    assert!(
        thirty_days.abs_diff(expected) <= 1,
        "{thirty_days}, expected {expected}"
    );
    net.settings(id, threshold(2 * 2_592_000));
    let sixty_days = reserve(&mut net);
    assert!(sixty_days.abs_diff(2 * expected) <= 1, "{sixty_days}");
    net.settings(id, threshold(0));
    assert_eq!(reserve(&mut net), 0);
}

#[test]
fn a_canister_cannot_send_the_cycles_of_its_reserve() {
    let mut net = Net::new();
    let target = net.create();
    let name = text(target.as_slice());
    let id = net.create_with(10 * T, CanisterSettings::default());
    let body = format!(
        r#"(func (export "canister_update give")
             (call $new @{name} @"x" @fn($nothing) @fn($nothing))
             (call $call_cycles_add128 (i64.const 0) (i64.const 9000000000000))
             (call $reply_bytes @"can"))"#
    );
    net.install(id, &body);
    assert_eq!(net.say(id, "give"), "can");
    // about 0.25 MiB costs 31 cycles a second, so 50 G seconds cost 1.5 T
    net.settings(id, threshold(50_000_000_000));
    assert_eq!(
        net.say(id, "give"),
        format!("5 504: Error from Canister {id}: Canister {id} is out of cycles")
    );
}

#[test]
fn call_perform_refuses_a_call_that_the_canister_cannot_pay() {
    let mut net = Net::new();
    let callee = net.canister(PLAIN);
    let name = text(callee.as_slice());
    // an execution holds 40 G cycles back, a call another 42 G
    let id = net.create_with(81_000_000_000, threshold(0));
    let body = format!(
        r#"(func (export "canister_update call")
             (call $new @{name} @"hello" @fn($nothing) @fn($nothing))
             (call $reply_u64 (i64.extend_i32_u (call $call_perform))))"#
    );
    let rich = net.create();
    net.install(rich, &body);
    let code = to_u64(net.update(rich, "call", b""));
    assert_eq!(code, 0);
    // an installation holds 300 G cycles back
    assert_eq!(
        net.deploy(id, crate::net::Mode::Install, &canister(&body), b"")
            .unwrap_err()
            .error_code,
        207
    );
    net.network.add_cycles(id, T).unwrap();
    net.install(id, &body);
    let surplus = net.balance(id) - 81_000_000_000;
    let burner = format!(
        r#"(import "ic0" "cycles_burn128" (func $burn (param i64 i64 i32)))
           (import "ic0" "msg_reply" (func $msg_reply))
           (import "ic0" "call_perform" (func $call_perform (result i32)))
           (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
           (import "ic0" "call_new" (func $call_new (param i32 i32 i32 i32 i32 i32 i32 i32)))
           (memory 1)
           (data (i32.const 8) {name}) (data (i32.const 32) "hello")
           (func (export "canister_update burn")
             (call $burn (i64.const 0) (i64.const {surplus}) (i32.const 0)) (call $msg_reply))
           (func (export "canister_update call")
             (call $call_new (i32.const 8) (i32.const 10) (i32.const 32) (i32.const 5)
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
             (i64.store (i32.const 0) (i64.extend_i32_u (call $call_perform)))
             (call $append (i32.const 0) (i32.const 8)) (call $msg_reply))"#
    );
    let module = crate::wasm::raw(&format!("(module {burner})"));
    net.deploy(id, crate::net::Mode::Upgrade(None), &module, b"")
        .unwrap();
    net.update(id, "burn", b"").unwrap();
    assert!(net.balance(id) < 81_000_000_000);
    // the code is 2 (SYS_TRANSIENT), and the canister continues
    assert_eq!(to_u64(net.update(id, "call", b"")), 2);
}

#[test]
fn a_canister_that_cannot_pay_for_storage_loses_code_and_state() {
    let mut net = Net::new();
    let id = net.create_with(T, threshold(0));
    net.install(id, PLAIN);
    net.settings(
        id,
        CanisterSettings {
            compute_allocation: Some(10u8.into()),
            ..CanisterSettings::default()
        },
    );
    assert_eq!(net.say(id, "hello"), "hello");
    // 10 % of compute costs 100 M cycles a second, so the balance is used up after 10,000 s
    net.advance(20_000);
    net.rounds(2);
    assert_eq!(net.balance(id), 0);
    net.network.add_cycles(id, 100 * T).unwrap();
    let refused = net.update(id, "hello", b"").unwrap_err();
    assert_eq!((refused.code, refused.error_code), (5, 537));
    assert_eq!(net.info(id).module_hash, None);
}
