//! Callbacks: reply, reject and cleanup, and what stays when one of them traps.

use crate::net::{Net, to_u64, words};
use crate::wasm::text;
use candid::Principal;

/// Each method answers in another way.
const CALLEE: &str = r#"
(func (export "canister_update reply") (call $reply_bytes @"fine"))
(func (export "canister_update echo") (call $reply_bytes (i32.const 65536) (call $copy_arg)))
(func (export "canister_update reject") (call $msg_reject @"no"))
(func (export "canister_update trap") (call $trap @"broken"))
(func (export "canister_update silent"))
"#;

/// Calls the method of the callee that its argument names, with these callbacks.
fn caller(callee: Principal, on_reply: &str, on_reject: &str, rest: &str) -> String {
    let callee = text(callee.as_slice());
    format!(
        r#"(func (export "canister_update call")
             (global.set $x (i64.const 1))
             (call $note @"before ")
             (call $new @{callee} (i32.const 65536) (call $copy_arg)
               @fn({on_reply}) @fn({on_reject}))
             (call $before_perform)
             (call $perform))
           {rest}"#
    )
}

#[test]
fn replies_and_rejects_arrive_with_their_codes_and_texts() {
    let mut net = Net::new();
    let callee = net.canister(CALLEE);
    let id = net.canister(&caller(
        callee,
        "$relay_reply",
        "$relay_reject",
        "(func $before_perform)",
    ));
    let mut call = |method: &str| words(net.update(id, "call", method));
    assert_eq!(call("reply"), "fine");
    assert_eq!(call("reject"), "4 no");
    let said = call("trap");
    let trapped = format!(
        "5 IC0503: Error from Canister {callee}: \
         Canister called `ic0.trap` with message: 'broken'.\nConsider gracefully"
    );
    assert!(said.starts_with(&trapped), "{said}");
    assert_eq!(call("silent"), "5 No response");
    let missing = format!(
        "5 IC0536: Error from Canister {callee}: Canister has no update method 'missing'..\nCheck"
    );
    assert!(call("missing").starts_with(&missing));
}

#[test]
fn calls_to_missing_stopped_and_empty_canisters_are_rejected() {
    let mut net = Net::new();
    let gone = net.create();
    net.control("stop_canister", gone).unwrap();
    let call = |net: &mut Net, callee| {
        let id = net.canister(&caller(
            callee,
            "$relay_reply",
            "$relay_reject",
            "(func $before_perform)",
        ));
        words(net.update(id, "call", "reply"))
    };
    assert_eq!(
        call(&mut net, gone),
        format!("5 Canister {gone} is stopped")
    );
    net.control("delete_canister", gone).unwrap();
    assert_eq!(call(&mut net, gone), format!("3 Canister {gone} not found"));
    let nobody = Principal::from_slice(&[9; 10]);
    assert_eq!(
        call(&mut net, nobody),
        format!("3 No route to canister {nobody}")
    );
    let empty = net.create();
    let no_module = format!(
        "5 IC0537: Error from Canister {empty}: \
         Attempted to execute a message, but the canister contains no Wasm module..\nPlease"
    );
    assert!(call(&mut net, empty).starts_with(&no_module));
}

#[test]
fn a_trap_in_a_callback_rolls_back_only_the_callback() {
    let mut net = Net::new();
    let callee = net.canister(CALLEE);
    let id = net.canister(&caller(
        callee,
        "$fail",
        "$fail",
        r#"(func $before_perform)
           (func $fail (param i32)
             (global.set $x (i64.const 2)) (call $note @"callback ") (call $trap @"late"))"#,
    ));
    for method in ["reply", "reject"] {
        assert_eq!(
            words(net.update(id, "call", method)),
            format!(
                "5 503: Error from Canister {id}: Canister called `ic0.trap` with message: 'late'."
            )
        );
    }
    assert_eq!(net.x(id), 1);
    assert_eq!(net.trace(id), "before before ");
}

#[test]
fn a_cleanup_keeps_its_changes() {
    let mut net = Net::new();
    let callee = net.canister(CALLEE);
    let id = net.canister(&caller(
        callee,
        "$fail",
        "$fail",
        r#"(func $before_perform (call $call_on_cleanup @fn($clean) (i32.const 77)))
           (func $fail (param i32) (call $note @"callback ") (unreachable))
           (func $clean (param $env i32)
             (call $note @"cleanup ")
             (drop (call $stable64_grow (i64.const 2)))
             (drop (call $global_timer_set (i64.const 4000000000000000000)))
             (global.set $x (i64.extend_i32_u (local.get $env))))
           (func (export "canister_update timer")
             (call $reply_u64 (call $global_timer_set (i64.const 0))))"#,
    ));
    for method in ["reply", "reject"] {
        assert!(words(net.update(id, "call", method)).starts_with("5 502: "));
        assert_eq!(net.x(id), 77);
    }
    assert_eq!(net.trace(id), "before cleanup before cleanup ");
    assert_eq!(net.network.stable_memory(id).unwrap().len(), 4 * 65_536);
    assert_eq!(
        to_u64(net.update(id, "timer", b"")),
        4_000_000_000_000_000_000
    );
}

#[test]
fn a_cleanup_runs_only_after_a_trap_and_may_trap_itself() {
    let mut net = Net::new();
    let callee = net.canister(CALLEE);
    let fine = net.canister(&caller(
        callee,
        "$relay_reply",
        "$relay_reject",
        r#"(func $before_perform (call $call_on_cleanup @fn($clean) (i32.const 0)))
           (func $clean (param i32) (call $note @"cleanup "))"#,
    ));
    net.update(fine, "call", "reply").unwrap();
    assert_eq!(net.trace(fine), "before ");

    for (what, forbidden) in [
        ("a trap", r#"(unreachable)"#),
        ("an answer", r#"(call $msg_reply)"#),
        (
            "a call",
            r#"(call $self_call @"call" @fn($nothing) @fn($nothing))"#,
        ),
    ] {
        let id = net.canister(&caller(
            callee,
            "$fail",
            "$fail",
            &format!(
                r#"(func $before_perform (call $call_on_cleanup @fn($clean) (i32.const 0)))
                   (func $fail (param i32) (call $trap @"first"))
                   (func $clean (param i32) (call $note @"cleanup ") {forbidden})"#
            ),
        ));
        let reject = net.update(id, "call", "reply").unwrap_err();
        // the answer reports the first trap, and that the cleanup failed too
        assert_eq!(reject.error_code, 503, "{what}");
        assert!(
            reject.message.contains("'first'"),
            "{what}: {}",
            reject.message
        );
        assert!(
            reject.message.contains("call_on_cleanup also failed"),
            "{what}: {}",
            reject.message
        );
        assert_eq!(net.trace(id), "before ", "{what}");
    }
}

#[test]
fn an_answer_from_before_the_trap_of_a_callback_stays() {
    let mut net = Net::new();
    let callee = net.canister(CALLEE);
    let id = net.canister(&caller(
        callee,
        "$fail",
        "$fail",
        r#"(func $before_perform (call $reply_bytes @"at once"))
           (func $fail (param i32) (call $note @"callback ") (unreachable))"#,
    ));
    assert_eq!(words(net.update(id, "call", "reply")), "at once");
    net.rounds(3);
    assert_eq!(net.trace(id), "before ");
    // the log shows that the callback ran and trapped
    assert_eq!(net.log(id), ["[TRAP]: unreachable"]);
}

#[test]
fn a_callback_may_call_again_or_end_without_an_answer() {
    let mut net = Net::new();
    let callee = net.canister(CALLEE);
    let name = text(callee.as_slice());
    let again = net.canister(&caller(
        callee,
        "$again",
        "$relay_reject",
        &format!(
            r#"(func $before_perform)
               (func $again (param i32)
                 (call $note @"again ")
                 (call $new @{name} @"reply" @fn($relay_reply) @fn($relay_reject))
                 (call $perform))"#
        ),
    ));
    assert_eq!(words(net.update(again, "call", "reply")), "fine");
    assert_eq!(net.trace(again), "before again ");
    let silent = net.canister(&caller(
        callee,
        "$nothing",
        "$nothing",
        "(func $before_perform)",
    ));
    assert_eq!(
        words(net.update(silent, "call", "reply")),
        format!("5 506: Canister {silent} did not reply to the call")
    );
    let twice = net.canister(&caller(
        callee,
        "$relay_reply",
        "$nothing",
        r#"(func $before_perform (call $reply_bytes @"first"))"#,
    ));
    assert_eq!(words(net.update(twice, "call", "reply")), "first");
    assert!(
        net.log(twice)[0].starts_with("[TRAP]: "),
        "{:?}",
        net.log(twice)
    );
}

#[test]
fn each_callback_gets_its_own_environment() {
    let mut net = Net::new();
    let callee = net.canister(CALLEE);
    let name = text(callee.as_slice());
    let id = net.canister(&format!(
        r#"(func $add (param $env i32)
             (global.set $x (i64.add (global.get $x) (i64.extend_i32_u (local.get $env)))))
           (func $last (param $env i32)
             (call $add (local.get $env)) (call $reply_u64 (global.get $x)))
           (func $one (param $callback i32) (param $env i32)
             (call $call_new @{name} @"reply"
               (local.get $callback) (local.get $env) (local.get $callback) (local.get $env))
             (call $perform))
           (func (export "canister_update sum")
             (call $one @fn($add) (i32.const 1)) (call $one @fn($add) (i32.const 20))
             (call $one @fn($last) (i32.const 300)))
           (func (export "canister_update wrong")
             (call $call_new @{name} @"reply"
               (i32.const 4000) (i32.const 0) (i32.const 4000) (i32.const 0))
             (call $perform))"#
    ));
    assert_eq!(to_u64(net.update(id, "sum", b"")), 321);
    assert_eq!(net.say(id, "wrong").split(": ").next(), Some("5 513"));
}
