//! The counting of instructions, which gives the same numbers on every machine.

use crate::net::{Net, to_u64, u64s};
use crate::wasm::text;

/// The value of `performance_counter(0)` at the end of a function that begins with `body`. Each
/// basic block is charged at its start, so the number includes the rest of the function.
fn count(body: &str) -> u64 {
    let mut net = Net::new();
    let id = net.canister(&format!(
        r#"(func (export "canister_update f") (local $n i64)
             {body} (call $reply_u64 (call $performance_counter (i32.const 0))))"#
    ));
    let reply = net.update(id, "f", b"").expect("a reply");
    // bytes that the body itself appended come first
    u64::from_le_bytes(*reply.last_chunk().expect("8 bytes"))
}

#[test]
fn instructions_have_their_weights() {
    let base = count("");
    for (body, weight) in [
        ("(nop)", 1),
        ("(drop (i64.add (local.get $n) (local.get $n)))", 4),
        ("(drop (i64.div_u (local.get $n) (i64.const 3)))", 13),
        ("(drop (f64.sqrt (f64.const 2)))", 10),
        ("(drop (f64.min (f64.const 2) (f64.const 3)))", 21),
        ("(global.set $x (global.get $x))", 4),
        ("(local.set $n (local.tee $n (local.get $n)))", 3),
        ("(i64.store (i32.const 0) (i64.load (i32.const 8)))", 4),
        ("(drop (memory.size))", 21),
        ("(drop (memory.grow (i32.const 0)))", 302),
        (
            "(memory.fill (i32.const 0) (i32.const 0) (i32.const 1000))",
            1103,
        ),
        (
            "(memory.copy (i32.const 0) (i32.const 0) (i32.const 5000))",
            5103,
        ),
        // 5 for the call, 1 for the entry of the function, 1 for its argument
        ("(call $nothing (i32.const 0))", 7),
        (
            "(call_indirect (param i32) (i32.const 0) @fn($nothing))",
            13,
        ),
        ("(drop (call $time))", 506),
        ("(call $debug_print (i32.const 0) (i32.const 1000))", 52_267),
        ("(drop (call $stable64_grow (i64.const 1)))", 107),
        (
            "(call $msg_reply_data_append (i32.const 0) (i32.const 1000))",
            50_507,
        ),
    ] {
        assert_eq!(count(body) - base, weight, "{body}");
        let ten = body.repeat(10);
        if !body.contains("call_indirect") {
            assert_eq!(count(&ten) - base, 10 * weight, "ten times {body}");
        }
    }
}

#[test]
fn a_loop_counts_each_iteration() {
    // one iteration: 7 instructions of weight 1, and a br_if of weight 2
    let turns = |n: u32| {
        count(&format!(
            "(local.set $n (i64.const {n}))
             (loop $more
               (local.set $n (i64.sub (local.get $n) (i64.const 1)))
               (br_if $more (i64.ne (local.get $n) (i64.const 0))))"
        ))
    };
    assert_eq!(turns(1001) - turns(1), 1000 * 9);
}

#[test]
fn a_block_is_charged_at_its_start() {
    // the nops come after the counter is read, but they are in the same block
    let after = |nops: usize| {
        let mut net = Net::new();
        let id = net.canister(&format!(
            r#"(func (export "canister_update f")
                 (i64.store (i32.const 0) (call $performance_counter (i32.const 0)))
                 {} (call $reply_bytes (i32.const 0) (i32.const 8)))"#,
            "(nop)".repeat(nops)
        ));
        to_u64(net.update(id, "f", b""))
    };
    assert_eq!(after(500) - after(0), 500);
    // a branch that isn't taken costs nothing
    let branch = |nops: usize| {
        count(&format!(
            "(if (i64.ne (local.get $n) (i64.const 0)) (then {}))",
            "(nop)".repeat(nops)
        ))
    };
    assert_eq!(branch(500), branch(0));
}

#[test]
fn the_first_write_to_a_stable_page_costs_1_000_instructions() {
    let grow = "(drop (call $stable64_grow (i64.const 1)))";
    let write = |offset: u32| {
        format!("(call $stable64_write (i64.const {offset}) (i64.const 0) (i64.const 100))")
    };
    let read = "(call $stable64_read (i64.const 0) (i64.const 0) (i64.const 100))";
    let base = count(grow);
    // 5 for the call, 3 constants, 20 for the function, 1 for each byte
    let plain = 5 + 3 + 20 + 100;
    assert_eq!(count(&format!("{grow}{read}")) - base, plain);
    let one = count(&format!("{grow}{}", write(0))) - base;
    assert_eq!(one, plain + 1000);
    let same_page = count(&format!("{grow}{}{}", write(0), write(3000))) - base;
    assert_eq!(same_page, 2 * plain + 1000);
    let across = count(&format!("{grow}{}", write(4090))) - base;
    assert_eq!(across, plain + 2000);
}

#[test]
fn counter_1_adds_up_over_the_callbacks() {
    let mut net = Net::new();
    let callee = net.canister(r#"(func (export "canister_update f") (call $msg_reply))"#);
    let name = text(callee.as_slice());
    let nops = "(nop)".repeat(10_000);
    let id = net.canister(&format!(
        r#"(func (export "canister_update f") {nops}
             (call $new @{name} @"f" @fn($back) @fn($back)) (call $perform)
             (i64.store (i32.const 128) (call $performance_counter (i32.const 0))))
           (func $back (param i32)
             (i64.store (i32.const 136) (call $performance_counter (i32.const 0)))
             (i64.store (i32.const 144) (call $performance_counter (i32.const 1)))
             (call $reply_bytes (i32.const 128) (i32.const 24)))
           (func (export "canister_update wrong")
             (drop (call $performance_counter (i32.const 2))))"#
    ));
    let bytes = net.update(id, "f", b"").unwrap();
    let at = |i: usize| u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap());
    let (first, back, sum) = (at(0), at(1), at(2));
    assert!(first > 10_000 && back < 10_000);
    // 200 for the second read of a counter; 1,000 for the heap page that the first message wrote,
    // which counter 0 doesn't show
    assert_eq!(sum, first + back + 200 + 1_000);
    assert!(net.say(id, "wrong").starts_with("5 504"));
}

#[test]
fn every_instance_counts_the_same_numbers() {
    let run = || {
        let mut net = Net::new();
        let id = net.canister(
            r#"(func (export "canister_update mixed")
                 (local $n i64) (local $f f64)
                 (local.set $n (call $arg_u64 (i32.const 0)))
                 (loop $more
                   (local.set $f
                     (f64.sqrt (f64.add (local.get $f) (f64.convert_i64_u (local.get $n)))))
                   (i64.store (i32.and (i32.wrap_i64 (local.get $n)) (i32.const 0xfff8))
                     (i64.reinterpret_f64 (local.get $f)))
                   (local.set $n (i64.sub (local.get $n) (i64.const 1)))
                   (br_if $more (i64.ne (local.get $n) (i64.const 0))))
                 (global.set $x (i64.reinterpret_f64 (local.get $f)))
                 (call $reply_u64 (call $performance_counter (i32.const 0))))"#,
        );
        let counted = [1, 10, 10_000].map(|n| to_u64(net.update(id, "mixed", u64s(&[n]))));
        (counted, net.x(id), net.balance(id))
    };
    let first = run();
    assert_eq!(first, run());
    let [one, ten, _] = first.0;
    // an iteration has 32 instructions on every machine
    assert_eq!(ten - one, 9 * 32);
}
