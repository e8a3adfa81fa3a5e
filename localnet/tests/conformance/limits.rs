//! Instruction limits of each kind of message. System calls that cost instructions by the byte
//! reach them quickly.

use crate::net::{Mode, Net, to_u64, u64s, words};
use crate::wasm::canister_with_memory;

/// `$burn n` prints 10 MB n times, which takes about 521.6 M instructions each time.
const BURNER: &str = r#"
(func $burn (param $n i64)
  (loop $more
    (if (i64.ne (local.get $n) (i64.const 0))
      (then
        (call $debug_print (i32.const 200000) (i32.const 10000000))
        (local.set $n (i64.sub (local.get $n) (i64.const 1)))
        (br $more)))))
(func $run
  (local $n i64) (local.set $n (call $arg_u64 (i32.const 0)))
  (global.set $x (i64.const 9))
  (call $burn (local.get $n)) (call $reply_u64 (call $performance_counter (i32.const 0))))
(func (export "canister_update update") (call $run))
(func (export "canister_query query") (call $run))
(func (export "canister_composite_query composite") (call $run))
(func (export "canister_init")
  (if (call $msg_arg_data_size) (then (call $burn (call $arg_u64 (i32.const 0))))))
(func (export "canister_pre_upgrade") (call $burn (global.get $x)))
(func (export "canister_post_upgrade")
  (if (call $msg_arg_data_size) (then (call $burn (call $arg_u64 (i32.const 0))))))
(func (export "canister_update later")
  (call $burn (call $arg_u64 (i32.const 0)))
  (call $self_call @"x" @fn($back) @fn($back)) (call $perform))
(func $back (param i32)
  (call $burn (i64.const 60))
  (i64.store (i32.const 8) (call $performance_counter (i32.const 0)))
  (i64.store (i32.const 16) (call $performance_counter (i32.const 1)))
  (call $reply_bytes (i32.const 8) (i32.const 16)))
"#;

fn burner(net: &mut Net) -> candid::Principal {
    let id = net.create();
    net.deploy(id, Mode::Install, &canister_with_memory("200", BURNER), b"")
        .unwrap();
    id
}

fn exceeded(id: candid::Principal, limit: u64) -> String {
    format!(
        "5 522: Error from Canister {id}: \
         Canister exceeded the limit of {limit} instructions for single message execution.."
    )
}

#[test]
fn an_update_has_at_most_40_g_instructions() {
    let mut net = Net::new();
    let id = burner(&mut net);
    let used = to_u64(net.update(id, "update", u64s(&[76])));
    assert!((39_600_000_000..40_000_000_000).contains(&used), "{used}");
    let id = burner(&mut net);
    let answer = net.update(id, "update", u64s(&[77]));
    assert_eq!(words(answer), exceeded(id, 40_000_000_000));
    assert_eq!(net.x(id), 0, "rolled back");
    // of its 100 T it paid 40 G for the instructions, and the price of two messages
    let spent = 100 * crate::net::T - net.balance(id);
    assert!((40_000_000_000..40_600_000_000).contains(&spent), "{spent}");
}

#[test]
fn a_query_has_at_most_5_g_instructions_however_it_is_called() {
    let mut net = Net::new();
    let id = burner(&mut net);
    for method in ["query", "composite"] {
        assert!(net.query(id, method, u64s(&[9])).is_ok(), "{method}");
        let answer = net.query(id, method, u64s(&[10]));
        assert_eq!(words(answer), exceeded(id, 5_000_000_000), "{method}");
    }
    assert!(net.update(id, "query", u64s(&[9])).is_ok());
    let answer = net.update(id, "query", u64s(&[10]));
    assert_eq!(words(answer), exceeded(id, 5_000_000_000));
}

#[test]
fn each_callback_has_a_limit_of_its_own() {
    let mut net = Net::new();
    let id = burner(&mut net);
    let bytes = net.update(id, "later", u64s(&[60])).unwrap();
    let count = |i: usize| u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap());
    // counter 0 starts again in the callback, counter 1 continues
    assert!((31_200_000_000..31_400_000_000).contains(&count(0)));
    assert!((62_500_000_000..62_700_000_000).contains(&count(1)));
}

#[test]
fn an_inspection_has_at_most_200_m_instructions() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_inspect_message")
             (local $n i64) (local.set $n (call $arg_u64 (i32.const 0)))
             ;; 7 instructions each time
             (loop $more
               (local.set $n (i64.sub (local.get $n) (i64.const 1)))
               (br_if $more (i32.wrap_i64 (local.get $n))))
             (call $accept_message))
           (func (export "canister_update update") (call $msg_reply))"#,
    );
    net.update(id, "update", u64s(&[24_900_000])).unwrap();
    let before = net.balance(id);
    let answer = net.update(id, "update", u64s(&[28_600_000]));
    assert_eq!(words(answer), exceeded(id, 200_000_000));
    assert_eq!(
        net.balance(id),
        before,
        "the canister doesn't pay for an inspection"
    );
}

#[test]
fn an_installation_has_at_most_300_g_instructions_with_all_its_hooks() {
    let mut net = Net::new();
    let module = canister_with_memory("200", BURNER);
    let id = net.create();
    net.deploy(id, Mode::Install, &module, &u64s(&[574]))
        .unwrap();
    let id = net.create();
    let answer = net.deploy(id, Mode::Install, &module, &u64s(&[576]));
    assert_eq!(words(answer), exceeded(id, 300_000_000_000));

    let id = net.create();
    let set = r#"(func (export "canister_update set")
                   (global.set $x (call $arg_u64 (i32.const 0))) (call $msg_reply))"#;
    let module = canister_with_memory("200", &format!("{BURNER}\n{set}"));
    net.deploy(id, Mode::Install, &module, b"").unwrap();
    net.update(id, "set", u64s(&[300])).unwrap();
    // pre_upgrade and post_upgrade take 156 G each
    let answer = net.deploy(id, Mode::Upgrade(None), &module, &u64s(&[300]));
    assert_eq!(words(answer), exceeded(id, 300_000_000_000));
    assert_eq!(net.x(id), 300);
    // each round pays off 2 G instructions, until the next installation is accepted
    net.rounds(150);
    net.deploy(id, Mode::Upgrade(None), &module, &u64s(&[200]))
        .unwrap();
}

#[test]
fn an_endless_loop_ends() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_inspect_message") (loop $more (br $more)))
           (func (export "canister_update update") (call $msg_reply))"#,
    );
    let answer = net.update(id, "update", b"");
    assert_eq!(words(answer), exceeded(id, 200_000_000));
}
