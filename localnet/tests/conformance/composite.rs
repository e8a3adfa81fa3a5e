//! The limits that all queries of a composite query share, and which of its answers counts.

use crate::net::{Net, to_u64, u64s, words};
use crate::wasm::{canister_with_memory, text};
use candid::Principal;

/// `look` replies at once, `burn` uses about 521.6 M instructions for each number in its argument,
/// `make` replies with so many bytes.
const CALLEE: &str = r#"
(func (export "canister_query look") (call $reply_bytes @"ok"))
(func (export "canister_query burn")
  (local $n i64) (local.set $n (call $arg_u64 (i32.const 0)))
  (loop $more
    (if (i64.ne (local.get $n) (i64.const 0))
      (then
        (call $debug_print (i32.const 200000) (i32.const 10000000))
        (local.set $n (i64.sub (local.get $n) (i64.const 1)))
        (br $more))))
  (call $reply_bytes @"burnt"))
(func (export "canister_query make")
  (call $reply_bytes (i32.const 65536) (i32.wrap_i64 (call $arg_u64 (i32.const 0)))))
(func (export "canister_query present")
  (call $reply_u64 (i64.extend_i32_u (call $data_certificate_present))))
(func (export "canister_query reject") (call $msg_reject @"no"))
"#;

/// `many` calls `look` of the other canister again and again, as often as its argument says, and
/// replies with the number of answers. `none` does the same with a canister that doesn't exist.
fn caller(callee: Principal) -> String {
    let name = text(callee.as_slice());
    format!(
        r#"(func $next
             (call $new @{name} @"look" @fn($count) @fn($relay_reject)) (call $perform))
           (func $count (param i32)
             (global.set $x (i64.sub (global.get $x) (i64.const 1)))
             (if (i64.eqz (global.get $x)) (then (call $reply_bytes @"all")) (else (call $next))))
           (func (export "canister_composite_query many")
             (global.set $x (call $arg_u64 (i32.const 0))) (call $next))
           (func $missing
             (call $new @"\00\00\00\00\00\00\00\09\01\01" @"look" @fn($trap_reply) @fn($miss))
             (call $perform))
           (func $trap_reply (param i32) (call $trap @"replied"))
           (func $miss (param i32)
             (global.set $x (i64.sub (global.get $x) (i64.const 1)))
             (if (i64.eqz (global.get $x)) (then (call $reply_bytes @"all"))
               (else (call $missing))))
           (func (export "canister_composite_query none")
             (global.set $x (call $arg_u64 (i32.const 0))) (call $missing))
           (func (export "canister_composite_query burn")
             (call $new @{name} @"burn" @fn($relay_reply) @fn($relay_reject))
             (call $call_data_append (i32.const 65536) (call $copy_arg)) (call $perform))
           (func (export "canister_composite_query burn_twice")
             (global.set $x (call $arg_u64 (i32.const 0))) (call $burn))
           (func $burn
             (i64.store (i32.const 65536) (global.get $x))
             (call $new @{name} @"burn" @fn($again) @fn($again))
             (call $call_data_append (i32.const 65536) (i32.const 8)) (call $perform))
           (func $again (param i32)
             (i64.store (i32.const 65536) (global.get $x))
             (call $new @{name} @"burn" @fn($relay_reply) @fn($relay_reject))
             (call $call_data_append (i32.const 65536) (i32.const 8)) (call $perform))
           (func (export "canister_composite_query make")
             (call $new @{name} @"make" @fn($measure) @fn($relay_reject))
             (call $call_data_append (i32.const 65536) (call $copy_arg)) (call $perform))
           (func $measure (param i32)
             (call $reply_u64 (i64.extend_i32_u (call $msg_arg_data_size))))
           (func (export "canister_composite_query make_and_relay")
             (call $new @{name} @"make" @fn($relay_reply) @fn($relay_reject))
             (call $call_data_append (i32.const 65536) (call $copy_arg)) (call $perform))
           (func (export "canister_composite_query make_alone")
             (call $reply_bytes (i32.const 65536) (i32.wrap_i64 (call $arg_u64 (i32.const 0)))))
           (func (export "canister_composite_query present")
             (call $new @{name} @"present" @fn($relay_reply) @fn($relay_reject)) (call $perform))
           (func (export "canister_composite_query present_here")
             (call $reply_u64 (i64.extend_i32_u (call $data_certificate_present))))
           (func (export "canister_composite_query answer_first")
             (call $new @{name} @"look" @fn($nothing) @fn($nothing)) (call $perform)
             (call $reply_bytes @"first"))
           (func (export "canister_composite_query fail_then_answer")
             (call $new @{name} @"look" @fn($broken) @fn($broken)) (call $perform)
             (call $new @{name} @"look" @fn($relay_reply) @fn($relay_reply)) (call $perform))
           (func (export "canister_composite_query answer_and_more")
             (call $new @{name} @"look" @fn($relay_reply) @fn($relay_reply)) (call $perform)
             (call $new @{name} @"look" @fn($broken) @fn($broken)) (call $perform))
           (func (export "canister_composite_query fail_then_silence")
             (call $new @{name} @"look" @fn($broken) @fn($broken)) (call $perform)
             (call $new @{name} @"look" @fn($nothing) @fn($nothing)) (call $perform))
           (func (export "canister_composite_query fail_twice")
             (call $new @{name} @"look" @fn($broken) @fn($broken))
             (call $call_on_cleanup @fn($broken_cleanup) (i32.const 0)) (call $perform))
           (func $broken (param i32) (call $trap @"callback"))
           (func $broken_cleanup (param i32) (call $trap @"cleanup"))"#
    )
}

struct Pair {
    net: Net,
    caller: Principal,
}

impl Pair {
    fn new() -> Self {
        let mut net = Net::new();
        let mut deploy = |body: &str| {
            let id = net.create();
            let module = canister_with_memory("200", body);
            net.deploy(id, crate::net::Mode::Install, &module, b"")
                .unwrap_or_else(|e| panic!("{e:?}"));
            id
        };
        let callee = deploy(CALLEE);
        let caller = deploy(&caller(callee));
        Self { net, caller }
    }

    fn ask(&mut self, method: &str, number: u64) -> String {
        words(self.net.query(self.caller, method, u64s(&[number])))
    }
}

const TOO_MUCH: &str = "5 526: Composite query calls exceeded the instruction limit.";

#[test]
fn each_call_counts_50_m_so_there_are_fewer_than_100() {
    let mut pair = Pair::new();
    assert_eq!(pair.ask("many", 1), "all");
    assert_eq!(pair.ask("many", 99), "all");
    assert_eq!(pair.ask("many", 100), TOO_MUCH);
    assert_eq!(pair.ask("many", 1_000), TOO_MUCH);
    // nothing of it stays
    assert_eq!(pair.ask("many", 99), "all");
}

#[test]
fn a_call_that_reaches_no_method_counts_nothing() {
    let mut pair = Pair::new();
    assert_eq!(pair.ask("none", 300), "all");
}

#[test]
fn all_queries_share_5_g_instructions() {
    let mut pair = Pair::new();
    // nine prints take 4.7 G
    assert_eq!(pair.ask("burn", 9), "burnt");
    assert_eq!(pair.ask("burn_twice", 4), "burnt");
    // the second one uses up what the first one left, and with it the whole query's instructions
    assert_eq!(pair.ask("burn_twice", 5), TOO_MUCH);
    assert_eq!(pair.ask("burn", 10), TOO_MUCH);
}

#[test]
fn only_the_canister_that_the_user_asked_has_a_certificate() {
    let mut pair = Pair::new();
    let present = |pair: &mut Pair, method| to_u64(pair.net.query(pair.caller, method, b""));
    assert_eq!(present(&mut pair, "present_here"), 1);
    assert_eq!(present(&mut pair, "present"), 0);
}

#[test]
fn an_answer_of_a_callback_has_at_most_2_mib() {
    const MIB: u64 = 1 << 20;
    let mut pair = Pair::new();
    let mut size = |method: &str, bytes: u64| {
        let answer = pair.net.query(pair.caller, method, u64s(&[bytes]));
        match answer {
            Ok(reply) if reply.len() == 8 => format!("{}", to_u64(Ok(reply))),
            Ok(reply) => format!("{} bytes", reply.len()),
            answer => words(answer),
        }
    };
    // an answer that needs no callback has the limit of queries, to users and in a composite query
    assert_eq!(size("make_alone", 3 * MIB), "3145728 bytes");
    assert_eq!(size("make", 3 * MIB), "3145728");
    assert_ne!(size("make", 3 * MIB + 1), "3145729");
    // what a callback answers has the limit of messages between canisters, also to users
    assert_eq!(size("make_and_relay", 2 * MIB), "2097152 bytes");
    let said = size("make_and_relay", 2 * MIB + 1);
    assert!(
        said.starts_with("5 504") && said.contains("(2097153) cannot be larger than 2097152"),
        "{said}"
    );
}

#[test]
fn the_first_answer_counts_and_ends_the_query() {
    let mut pair = Pair::new();
    assert_eq!(pair.ask("answer_first", 0), "first");
    assert_eq!(pair.ask("answer_and_more", 0), "ok");
    // a callback that fails is forgotten while others may still answer
    assert_eq!(pair.ask("fail_then_answer", 0), "ok");
    let id = pair.caller;
    assert_eq!(
        pair.ask("fail_then_silence", 0),
        format!("5 506: Canister {id} did not produce a response")
    );
    let answer = pair.net.query(id, "fail_twice", b"").unwrap_err();
    assert_eq!(
        (answer.error_code, answer.message),
        (
            503,
            format!(
                "Error from Canister {id}: Canister called `ic0.trap` with message: 'callback'\n\n\
                 call_on_cleanup also failed:\n\n\
                 Canister called `ic0.trap` with message: 'cleanup'"
            )
        )
    );
}
