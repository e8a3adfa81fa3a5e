//! Queries change nothing. Composite queries call other canisters.

use crate::net::{Net, to_u64, words};
use crate::wasm::text;
use candid::Principal;

const CHANGING: &str = r#"
(func $change
  (global.set $x (i64.add (global.get $x) (i64.const 1)))
  (i64.store (i32.const 512) (global.get $x))
  (drop (call $stable64_grow (i64.const 1)))
  (call $stable64_write (i64.const 0) (i64.const 512) (i64.const 8))
  (drop (memory.grow (i32.const 2)))
  (call $reply_u64 (i64.add (i64.load (i32.const 512)) (call $stable64_size))))
(func (export "canister_query change") (call $change))
(func (export "canister_query heap") (call $reply_u64 (i64.load (i32.const 512))))
(func (export "canister_query stable_pages") (call $reply_u64 (call $stable64_size)))
(func (export "canister_query caller")
  (call $msg_caller_copy (i32.const 0) (i32.const 0) (call $msg_caller_size))
  (call $reply_bytes (i32.const 0) (call $msg_caller_size)))
(func (export "canister_query trap") (call $trap @"broken"))
(func (export "canister_query reject") (call $msg_reject @"no"))
(func (export "canister_query silent"))
(func (export "canister_update update") (call $msg_reply))
"#;

#[test]
fn a_query_changes_nothing() {
    let mut net = Net::new();
    let id = net.canister(CHANGING);
    let balance = net.balance(id);
    for _ in 0..3 {
        // the query itself sees its changes
        assert_eq!(to_u64(net.query(id, "change", b"")), 2);
    }
    assert_eq!(net.balance(id), balance);
    // a query method that is called as an update changes nothing either
    assert_eq!(to_u64(net.update(id, "change", b"")), 2);
    assert_eq!(to_u64(net.update(id, "change", b"")), 2);
    for method in ["x", "heap", "stable_pages"] {
        assert_eq!(to_u64(net.query(id, method, b"")), 0, "{method}");
    }
}

#[test]
fn a_query_is_answered_or_rejected() {
    let mut net = Net::new();
    let id = net.canister(CHANGING);
    assert_eq!(words(net.query(id, "reject", b"")), "4 406: no");
    assert_eq!(
        words(net.query(id, "trap", b"")),
        format!(
            "5 503: Error from Canister {id}: Canister called `ic0.trap` with message: 'broken'."
        )
    );
    assert_eq!(net.query(id, "silent", b"").unwrap_err().error_code, 506);
    let gone = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
    assert_eq!(
        words(net.query(gone, "x", b"")),
        format!("3 301: Canister {gone} not found")
    );
    let empty = net.create();
    assert_eq!(net.query(empty, "x", b"").unwrap_err().error_code, 537);
}

#[test]
fn a_plain_query_makes_no_calls() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_query call") (call $self_call @"x" @fn($nothing) @fn($nothing)))
           (func (export "canister_query timer") (drop (call $global_timer_set (i64.const 1))))
           (func (export "canister_query cycles")
             (call $msg_cycles_accept128 (i64.const 0) (i64.const 1) (i32.const 0)))"#,
    );
    for method in ["call", "timer", "cycles"] {
        let said = words(net.query(id, method, b""));
        assert!(
            said.starts_with("5 504")
                && said.contains("cannot be executed in non replicated query mode"),
            "{said}"
        );
    }
}

/// A composite query that calls the method which its argument names.
fn composite(callee: Principal) -> String {
    let name = text(callee.as_slice());
    format!(
        r#"(func (export "canister_composite_query ask")
             (global.set $x (i64.const 5))
             (call $new @{name} (i32.const 65536) (call $copy_arg)
               @fn($relay_reply) @fn($relay_reject))
             (call $perform))
           (func (export "canister_composite_query twice")
             (call $new @{name} @"x" @fn($add) @fn($add)) (call $perform)
             (call $new @{name} @"stable_pages" @fn($add) @fn($add)) (call $perform))
           (func $add (param i32)
             (global.set $x (i64.add (global.get $x) (i64.const 10)))
             (if (i64.eq (global.get $x) (i64.const 20)) (then (call $reply_u64 (global.get $x)))))
           (func (export "canister_composite_query fail")
             (call $new @{name} @"x" @fn($broken) @fn($broken)) (call $perform))
           (func $broken (param i32) (call $trap @"in the callback"))"#
    )
}

#[test]
fn a_composite_query_calls_other_canisters() {
    let mut net = Net::new();
    let callee = net.canister(CHANGING);
    let id = net.canister(&composite(callee));
    let ask = |net: &mut Net, method: &str| net.query(id, "ask", method);
    assert_eq!(to_u64(ask(&mut net, "x")), 0);
    assert_eq!(ask(&mut net, "caller").unwrap(), id.as_slice());
    assert_eq!(words(ask(&mut net, "reject")), "4 no");
    assert!(words(ask(&mut net, "trap")).starts_with("5 "));
    assert!(
        words(ask(&mut net, "update")).starts_with("5 "),
        "a composite query calls no updates"
    );
    // two composite queries don't see each other's changes, and nothing stays
    assert_eq!(to_u64(ask(&mut net, "change")), 2);
    assert_eq!(to_u64(ask(&mut net, "change")), 2);
    assert_eq!(to_u64(net.query(callee, "heap", b"")), 0);
    assert_eq!(net.x(id), 0);
    // the callbacks of one composite query share its view of the state
    assert_eq!(to_u64(net.query(id, "twice", b"")), 20);
    assert_eq!(net.x(id), 0);
    let said = words(net.query(id, "fail", b""));
    assert!(
        said.starts_with("5 503") && said.contains("in the callback"),
        "{said}"
    );
}

#[test]
fn calls_of_a_composite_query_to_stopped_and_empty_canisters_are_rejected() {
    let mut net = Net::new();
    let callee = net.canister(CHANGING);
    let id = net.canister(&composite(callee));
    net.control("stop_canister", callee).unwrap();
    assert_eq!(
        words(net.query(id, "ask", "x")),
        format!("5 Canister {callee} is stopped and therefore does not have a CallContextManager")
    );
    net.control("start_canister", callee).unwrap();
    net.control("uninstall_code", callee).unwrap();
    assert!(words(net.query(id, "ask", "x")).contains("contains no Wasm module"));
    net.control("stop_canister", callee).unwrap();
    net.control("delete_canister", callee).unwrap();
    assert_eq!(
        words(net.query(id, "ask", "x")),
        format!("3 Canister {callee} not found")
    );
}

#[test]
fn composite_queries_nest_six_deep() {
    let mut net = Net::new();
    let mut next = net
        .canister(r#"(func (export "canister_composite_query go") (call $reply_bytes @"bottom"))"#);
    for depth in 1..=8 {
        let name = text(next.as_slice());
        next = net.canister(&format!(
            r#"(func (export "canister_composite_query go")
                 (call $new @{name} @"go" @fn($relay_reply) @fn($relay_reject)) (call $perform))"#
        ));
        let expected = if depth <= 6 {
            "bottom"
        } else {
            "5 525: Composite query calls exceeded the maximum call depth."
        };
        assert_eq!(words(net.query(next, "go", b"")), expected, "depth {depth}");
    }
}
