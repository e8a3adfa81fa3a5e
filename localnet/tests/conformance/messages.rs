//! One message: it is answered, or it is rolled back without harm to other messages.

use crate::net::{Net, START, me, to_u64, words};

/// `spoil` changes everything that a message can change and then traps. `set` changes the same and
/// replies.
const STATEFUL: &str = r#"
(func $change (param $n i64)
  (global.set $x (local.get $n))
  (i64.store (i32.const 512) (local.get $n))
  (drop (call $stable64_grow (i64.const 1)))
  (call $stable64_write (i64.const 0) (i64.const 512) (i64.const 8))
  (call $certified_data_set (i32.const 512) (i32.const 8))
  (drop (memory.grow (i32.const 1)))
  (drop (call $global_timer_set (i64.mul (local.get $n) (i64.const 1000000000000000000)))))
(func (export "canister_update set") (call $change (i64.const 5)) (call $msg_reply))
(func (export "canister_update spoil") (call $change (i64.const 9)) (call $trap @"spoiled"))
(func (export "canister_update timer") (call $reply_u64 (call $global_timer_set (i64.const 0))))
(func (export "canister_query heap") (call $reply_u64 (i64.load (i32.const 512))))
(func (export "canister_query heap_pages") (call $reply_u64 (i64.extend_i32_u (memory.size))))
(func (export "canister_query stable_pages") (call $reply_u64 (call $stable64_size)))
(func (export "canister_query certificate")
  (call $data_certificate_copy (i32.const 65536) (i32.const 0) (call $data_certificate_size))
  (call $reply_bytes (i32.const 65536) (call $data_certificate_size)))
"#;

/// The global, a word of the heap, the pages of heap and stable memory, and the first word of
/// stable memory.
fn state(net: &mut Net, id: candid::Principal) -> [u64; 5] {
    let mut get = |method| to_u64(net.query(id, method, b""));
    let seen = [
        get("x"),
        get("heap"),
        get("heap_pages"),
        get("stable_pages"),
    ];
    let stable = net.network.stable_memory(id).expect("a canister");
    let word = stable.first_chunk().map_or(0, |w| u64::from_le_bytes(*w));
    [seen[0], seen[1], seen[2], seen[3], word]
}

#[test]
fn a_trap_rolls_back_everything_that_the_message_did() {
    let mut net = Net::new();
    let id = net.canister(STATEFUL);
    net.update(id, "set", b"").unwrap();
    assert_eq!(state(&mut net, id), [5, 5, 5, 1, 5]);
    let certificate = |net: &mut Net| net.query(id, "certificate", b"").unwrap();
    let holds = |bytes: &[u8], n: u64| bytes.windows(8).any(|w| w == n.to_le_bytes());
    assert!(holds(&certificate(&mut net), 5));

    let answer = net.update(id, "spoil", b"");
    assert_eq!(
        words(answer),
        format!(
            "5 503: Error from Canister {id}: Canister called `ic0.trap` with message: 'spoiled'."
        )
    );
    assert_eq!(state(&mut net, id), [5, 5, 5, 1, 5]);
    assert!(holds(&certificate(&mut net), 5));
    assert!(!holds(&certificate(&mut net), 9));
    let timer = to_u64(net.update(id, "timer", b""));
    assert_eq!(timer, 5_000_000_000_000_000_000);
}

#[test]
fn a_trap_rolls_back_no_other_message_of_the_same_round() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_update add")
             (global.set $x (i64.add (global.get $x) (i64.const 1))) (call $msg_reply))
           (func (export "canister_update fail")
             (global.set $x (i64.add (global.get $x) (i64.const 100))) (unreachable))"#,
    );
    let messages: Vec<_> = ["add", "fail", "add", "fail", "add"]
        .map(|method| net.submit(id, method))
        .into();
    net.network.tick();
    let answers = messages.iter().map(|m| net.look(m).expect("is answered"));
    let worked: Vec<bool> = answers.map(|a| a.is_ok()).collect();
    assert_eq!(worked, [true, false, true, false, true]);
    assert_eq!(net.x(id), 3);
}

#[test]
fn traps_of_the_engine_have_the_names_of_the_ic() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_update unreachable") (unreachable))
           (func (export "canister_update divide") (drop (i64.div_u (i64.const 1) (global.get $x))))
           (func (export "canister_update load") (drop (i32.load (i32.const 0x7fffffff))))
           (func (export "canister_update indirect") (call_indirect (i32.const 9999)))
           (func (export "canister_update signature")
             (call_indirect (result i64) @fn($nothing)) (drop))
           (func (export "canister_update stable")
             (call $stable64_read (i64.const 0) (i64.const 0) (i64.const 1)))
           (func (export "canister_update copy")
             (call $msg_arg_data_copy (i32.const 0) (i32.const 0) (i32.const 1)))"#,
    );
    for (method, expected) in [
        ("unreachable", "5 502: Canister trapped: unreachable."),
        ("divide", "5 502: Canister trapped: integer division by 0."),
        ("load", "5 502: Canister trapped: heap out of bounds."),
        ("indirect", "5 502: Canister trapped: table out of bounds."),
        (
            "signature",
            "5 504: Canister violated contract: function invocation does not match its signature.",
        ),
        (
            "stable",
            "5 502: Canister trapped: stable memory out of bounds.",
        ),
        (
            "copy",
            "5 504: Canister violated contract: \
             ic0.msg_arg_data_copy payload: src=0 + length=1 exceeds the slice size=0.",
        ),
    ] {
        let said = net
            .say(id, method)
            .replace(&format!("Error from Canister {id}: "), "");
        assert_eq!(said, expected, "{method}");
    }
}

#[test]
fn endless_recursion_is_a_trap() {
    // a canister may use more stack than the thread of a test has
    let recursion = || {
        let mut net = Net::new();
        let id = net.canister(
            r#"(func $deep (param i64) (result i64)
                 (i64.add (call $deep (i64.add (local.get 0) (i64.const 1))) (i64.const 1)))
               (func (export "canister_update deep")
                 (drop (call $deep (i64.const 0))) (call $msg_reply))
               (func (export "canister_update well") (call $reply_bytes @"well"))"#,
        );
        let said = net.say(id, "deep");
        assert!(
            said.starts_with("5 502") && said.ends_with("stack overflow."),
            "{said}"
        );
        assert_eq!(net.say(id, "well"), "well");
    };
    std::thread::Builder::new()
        .stack_size(localnet::wasm::THREAD_STACK_BYTES)
        .spawn(recursion)
        .expect("a thread")
        .join()
        .expect("no panic");
}

#[test]
fn a_message_has_one_answer() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_update silent") (global.set $x (i64.const 7)))
           (func (export "canister_update refuse") (call $msg_reject @"not now"))
           (func (export "canister_update pieces")
             (call $msg_reply_data_append @"one, ") (call $reply_bytes @"two"))
           (func (export "canister_update twice")
             (global.set $x (i64.const 8)) (call $msg_reply) (call $msg_reply))
           (func (export "canister_update late")
             (call $msg_reply) (call $msg_reply_data_append @"more"))"#,
    );
    assert_eq!(
        net.say(id, "silent"),
        format!("5 506: Canister {id} did not reply to the call")
    );
    // a missing answer is no trap, so the effects stay
    assert_eq!(net.x(id), 7);
    assert_eq!(net.say(id, "refuse"), "4 406: not now");
    assert_eq!(net.say(id, "pieces"), "one, two");
    for method in ["twice", "late"] {
        assert!(net.say(id, method).starts_with("5 504: "), "{method}");
    }
    assert_eq!(net.x(id), 7);
}

#[test]
fn a_canister_sees_its_message() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_update arg")
             (call $reply_bytes (i32.const 65536) (call $copy_arg)))
           (func (export "canister_update caller")
             (call $msg_caller_copy (i32.const 0) (i32.const 0) (call $msg_caller_size))
             (call $reply_bytes (i32.const 0) (call $msg_caller_size)))
           (func (export "canister_update own")
             (call $canister_self_copy (i32.const 0) (i32.const 0) (call $canister_self_size))
             (call $reply_bytes (i32.const 0) (call $canister_self_size)))
           (func (export "canister_update controlled")
             (call $msg_caller_copy (i32.const 0) (i32.const 0) (call $msg_caller_size))
             (call $reply_u64
               (i64.extend_i32_u (call $is_controller (i32.const 0) (call $msg_caller_size)))))
           (func (export "canister_update time") (call $reply_u64 (call $time)))
           (func (export "canister_query replicated")
             (call $reply_u64 (i64.extend_i32_u (call $in_replicated_execution))))"#,
    );
    let alice = crate::net::user("alice");
    assert_eq!(net.update(id, "arg", b"as it is").unwrap(), b"as it is");
    assert_eq!(
        net.update_as(alice, id, "caller", b"").unwrap(),
        alice.as_slice()
    );
    assert_eq!(net.update(id, "own", b"").unwrap(), id.as_slice());
    assert_eq!(to_u64(net.update_as(me(), id, "controlled", b"")), 1);
    assert_eq!(to_u64(net.update_as(alice, id, "controlled", b"")), 0);
    assert!(to_u64(net.update(id, "time", b"")) > START);
    assert_eq!(to_u64(net.query(id, "replicated", b"")), 0);
    assert_eq!(to_u64(net.update(id, "replicated", b"")), 1);
}

#[test]
fn calls_of_missing_methods_are_refused() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_update change") (call $msg_reply))
           (func (export "canister_composite_query many") (call $msg_reply))"#,
    );
    let error = format!("Error from Canister {id}: ");
    assert_eq!(
        net.say(id, "missing"),
        format!("5 536: {error}Canister has no update method 'missing'..")
    );
    assert_eq!(
        words(net.query(id, "change", b"")),
        format!("5 536: {error}Canister has no query method 'change'..")
    );
    assert_eq!(
        net.say(id, "many"),
        "5 527: Composite query cannot be called in replicated mode"
    );
    let empty = net.create();
    assert!(
        net.submit_as(me(), empty, "x", b"")
            .is_err_and(|e| e.error_code == 537)
    );
    let gone = net.create();
    net.control("stop_canister", gone).unwrap();
    net.control("delete_canister", gone).unwrap();
    let refused = net.submit_as(me(), gone, "x", b"").unwrap_err();
    assert_eq!((refused.code, refused.error_code), (3, 301));
}

#[test]
fn an_inspection_decides_and_changes_nothing() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_inspect_message")
             (global.set $x (i64.const 99))
             (call $msg_method_name_copy (i32.const 0) (i32.const 0) (i32.const 1))
             (if (i32.eq (i32.load8_u (i32.const 0)) (i32.const 0x79))
               (then (call $accept_message)))
             (if (i32.eq (i32.load8_u (i32.const 0)) (i32.const 0x74)) (then (unreachable))))
           (func (export "canister_update yes") (call $reply_u64 (global.get $x)))
           (func (export "canister_update no") (call $msg_reply))
           (func (export "canister_update trap") (call $msg_reply))"#,
    );
    assert_eq!(to_u64(net.update(id, "yes", b"")), 0);
    let before = net.balance(id);
    assert_eq!(
        words(net.update(id, "no", b"")),
        format!("4 406: Error from Canister {id}: Canister rejected the message")
    );
    assert_eq!(
        words(net.update(id, "trap", b"")),
        format!("5 502: Error from Canister {id}: Canister trapped: unreachable.")
    );
    // the canister pays nothing for refused messages
    assert_eq!(net.balance(id), before);
}

#[test]
fn two_networks_with_the_same_history_agree() {
    let run = || {
        let mut net = Net::new();
        let id = net.canister(STATEFUL);
        net.update(id, "set", b"").unwrap();
        net.update(id, "spoil", b"").unwrap_err();
        net.rounds(5);
        let spent = net.balance(id);
        (id, spent, net.network.time(), state(&mut net, id))
    };
    assert_eq!(run(), run());
}
