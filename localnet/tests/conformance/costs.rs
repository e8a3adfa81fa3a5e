//! Prices: the cycles that each message, call, byte and second takes from a canister's balance.

use crate::net::{Mode, Net, T, to_u64, u64s, user, words};
use crate::wasm::{raw, text};
use candid::Principal;
use ic_management_canister_types::{CanisterIdRecord, CanisterSettings, UploadChunkArgs};

const UPDATE: u128 = 5_000_000;
/// An ingress message costs 1,200,000 and 2,000 a byte. A call of `nop` by the anonymous sender has
/// 124 bytes.
const INGRESS: u128 = 1_200_000 + 2_000 * 124;

/// All method names have three letters, so that their messages have the same length.
const METHODS: &str = r#"
(func (export "canister_update nop") (call $msg_reply))
(func (export "canister_query qry") (call $msg_reply))
(func (export "canister_query red")
  (call $stable64_read (i64.const 65536) (i64.const 0) (i64.const 100)) (call $msg_reply))
(func (export "canister_update trp") (unreachable))
(func $touch (param $step i32) (local $i i32)
  (loop $more
    (i32.store8
      (i32.add (i32.const 65536) (i32.mul (local.get $i) (local.get $step))) (i32.const 1))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $more (i32.lt_u (local.get $i) (i32.const 10)))))
(func (export "canister_update one")
  (call $touch (i32.const 1)) (call $reply_u64 (call $performance_counter (i32.const 0))))
(func (export "canister_update ten")
  (call $touch (i32.const 4096)) (call $reply_u64 (call $performance_counter (i32.const 0))))
(func (export "canister_update tim")
  (drop (call $global_timer_set (i64.add (call $time) (i64.const 1000000000)))) (call $msg_reply))
(func (export "canister_global_timer"))
(func (export "canister_update gib")
  (drop (call $stable64_grow (i64.const 16384))) (call $msg_reply))
(func (export "canister_update cst")
  (call $cost_call (call $arg_u64 (i32.const 0)) (call $arg_u64 (i32.const 1)) (i32.const 0))
  (call $reply_bytes (i32.const 0) (i32.const 8)))
"#;

#[test]
fn an_update_costs_its_base_its_bytes_and_its_instructions() {
    let mut net = Net::new();
    let id = net.canister(METHODS);
    // 1 for the entry of the function, 5 for the call, 500 for msg_reply
    let plain = UPDATE + INGRESS + 1 + 5 + 500;
    assert_eq!(net.cost(id, "nop", b""), plain);
    // CBOR writes a length of 1,000 in two bytes more than one below 24
    assert_eq!(net.cost(id, "nop", [0; 1000]), plain + 2_000 * 1_002);
    assert_eq!(
        net.cost(id, "nop", [0; 1_000_000]),
        plain + 2_000 * 1_000_004
    );
    let before = net.balance(id);
    net.update_as(user("alice"), id, "nop", b"").unwrap();
    assert_eq!(before - net.balance(id), plain + 2_000 * 29);
    // a query method costs the same when it is called as an update, and nothing as a query
    assert_eq!(net.cost(id, "qry", b""), plain);
    let before = net.balance(id);
    net.query(id, "qry", b"").unwrap();
    assert_eq!(net.balance(id), before);
    net.update(id, "trp", b"").unwrap_err();
    assert_eq!(before - net.balance(id), UPDATE + INGRESS + 1 + 1);
}

#[test]
fn written_heap_pages_cost_cycles_but_no_counted_instructions() {
    let mut net = Net::new();
    let id = net.canister(METHODS);
    assert_eq!(
        net.update(id, "one", b"").unwrap(),
        net.update(id, "ten", b"").unwrap()
    );
    assert_eq!(
        net.cost(id, "ten", b"") - net.cost(id, "one", b""),
        9 * 1_000
    );
}

/// Calls a callee with `argument` bytes, which replies with `reply` bytes. Returns the callee and
/// the caller's cost.
fn calling(net: &mut Net, argument: u32, reply: u32) -> (Principal, u128) {
    let callee = net.canister(&format!(
        r#"(func (export "canister_update f")
             (call $reply_bytes (i32.const 65536) (i32.const {reply})))"#
    ));
    let name = text(callee.as_slice());
    let id = net.canister(&format!(
        r#"(func (export "canister_update nop")
             (call $new @{name} @"f" @fn($back) @fn($back))
             (call $call_data_append (i32.const 65536) (i32.const {argument})) (call $perform))
           (func $back (param i32) (call $msg_reply))"#
    ));
    (callee, net.cost(id, "nop", b""))
}

#[test]
fn a_call_costs_its_fee_its_bytes_and_the_callback() {
    let mut net = Net::new();
    let (_, plain) = calling(&mut net, 0, 0);
    // the method name has one byte
    let fixed = UPDATE + INGRESS + 260_000 + 1_000 + UPDATE;
    assert!((fixed..fixed + 20_000).contains(&plain), "{plain}");
    // appending a byte to a call takes 50 instructions
    let (_, argument) = calling(&mut net, 10_000, 0);
    assert_eq!(argument - plain, 10_000 * (1_000 + 50));
    let (callee, reply) = calling(&mut net, 0, 10_000);
    assert_eq!(reply - plain, 10_000 * 1_000);
    // the callee pays for its execution only
    let spent = 100 * T - net.balance(callee);
    let installed = 100 * T - {
        let other = net.canister(
            r#"(func (export "canister_update f")
                 (call $reply_bytes (i32.const 65536) (i32.const 10000)))"#,
        );
        net.balance(other)
    };
    let own = spent.abs_diff(installed);
    assert!(own < 20_000_000, "{own}");
}

#[test]
fn cost_call_returns_the_cycles_that_call_perform_takes() {
    let mut net = Net::new();
    let id = net.canister(METHODS);
    // 260,000 for the call, 5,000,000 and 40 G for the callback, and 1,000 for each of the
    // 2,097,152 bytes of the longest reply
    assert_eq!(to_u64(net.update(id, "cst", u64s(&[0, 0]))), 42_102_412_000);
    assert_eq!(
        to_u64(net.update(id, "cst", u64s(&[10, 1_000_000]))),
        42_102_412_000 + 1_000_010_000
    );
}

#[test]
fn a_timer_costs_an_execution_without_ingress() {
    let mut net = Net::new();
    let id = net.canister(METHODS);
    net.update(id, "tim", b"").unwrap();
    let before = net.balance(id);
    net.advance(1);
    net.rounds(2);
    // an empty function has one instruction, its entry
    assert_eq!(before - net.balance(id), UPDATE + 1);
}

#[test]
fn storage_costs_127_000_cycles_a_gib_and_second() {
    let mut net = Net::new();
    let id = net.canister(METHODS);
    net.update(id, "gib", b"").unwrap();
    net.advance(20);
    net.rounds(1);
    let before = net.balance(id);
    net.advance(5);
    net.rounds(2);
    assert_eq!(
        net.balance(id),
        before,
        "storage is paid at most every 10 seconds"
    );
    net.advance(995);
    net.rounds(1);
    let spent = before - net.balance(id);
    let bytes: u128 = net.info(id).memory_size.0.try_into().unwrap();
    let expected = bytes * 127_000 * 1_000 / (1 << 30);
    assert!(expected > 127_000_000);
    assert!(
        spent.abs_diff(expected) < 10,
        "{spent}, expected {expected}"
    );

    net.settings(
        id,
        CanisterSettings {
            compute_allocation: Some(1u8.into()),
            memory_allocation: Some((10u64 << 30).into()),
            ..Default::default()
        },
    );
    net.advance(20);
    net.rounds(1);
    let before = net.balance(id);
    net.advance(1000);
    net.rounds(1);
    // allocated memory costs the same when it isn't used; a percent of compute costs 10 M cycles a
    // second
    let spent = before - net.balance(id);
    assert!(
        spent.abs_diff(1_270_000_000 + 10_000_000_000) < 100,
        "{spent}"
    );
}

#[test]
fn compiling_costs_6_000_an_instruction_and_a_hundredth_the_second_time() {
    let mut net = Net::new();
    let id = net.create();
    let module = |nops| raw(&format!("(module (func {}))", "(nop)".repeat(nops)));
    let mut cost = |module: &[u8]| {
        let before = net.balance(id);
        net.deploy(id, Mode::Reinstall, module, b"").unwrap();
        before - net.balance(id)
    };
    let (small, large) = (module(0), module(10_000));
    let bytes = (large.len() - small.len()) as u128;
    let (small_first, small_again) = (cost(&small), cost(&small));
    let (large_first, large_again) = (cost(&large), cost(&large));
    let first = large_first - small_first;
    let again = large_again - small_again;
    assert_eq!(first - again, 10_000 * 6_000 * 99 / 100);
    // the rest is the ingress; Candid writes the length of the larger module in a few bytes more
    let rest = first - 10_000 * 6_000;
    assert!(
        (2_000 * bytes..2_000 * (bytes + 8)).contains(&rest),
        "{rest}"
    );
}

#[test]
fn imports_that_grow_read_or_write_stable_memory_are_compiled_too() {
    let mut net = Net::new();
    let mut cost = |import: &str| {
        let id = net.create();
        let before = net.balance(id);
        let module = raw(&format!(
            r#"(module (import "ic0" "{import}" (func {})))"#,
            if import.ends_with("size") {
                "(result i64)"
            } else {
                "(param i64) (result i64)"
            }
        ));
        net.deploy(id, Mode::Install, &module, b"").unwrap();
        before - net.balance(id)
    };
    let (size, grow) = (cost("stable64_size"), cost("stable64_grow"));
    // the type has one byte more
    assert_eq!(grow - size, 69 * 6_000 + 2_000);
}

#[test]
fn a_very_large_module_delays_the_next_installation_for_some_rounds() {
    let mut net = Net::new();
    let id = net.create();
    let module = raw(&format!("(module {})", "(func)".repeat(40_000)));
    net.deploy(id, Mode::Install, &module, b"").unwrap();
    let refused = words(net.deploy(id, Mode::Reinstall, &module, b""));
    assert!(
        refused.starts_with(&format!("2 209: Canister {id} is rate limited")),
        "{refused}"
    );
    // another canister isn't delayed, and this one only for some rounds
    let other = net.create();
    net.deploy(other, Mode::Install, &module, b"").unwrap();
    net.rounds(5);
    net.deploy(id, Mode::Reinstall, &module, b"").unwrap();
}

#[test]
fn statistics_account_for_every_cycle() {
    let mut net = Net::new();
    let (callee, _) = calling(&mut net, 10_000, 5_000);
    let callers: Vec<_> = net.network.statistics().into_keys().collect();
    let caller = *callers.iter().find(|id| **id != callee).unwrap();
    let busy = net.canister(METHODS);
    net.network.clear_statistics();
    let before = [caller, callee, busy].map(|id| net.balance(id));
    net.update(caller, "nop", b"").unwrap();
    for method in ["nop", "ten", "tim", "gib"] {
        net.update(busy, method, b"").unwrap();
    }
    net.update(busy, "trp", b"").unwrap_err();
    net.update(busy, "unknown", b"").unwrap_err();
    net.advance(100);
    net.rounds(2);
    let statistics = net.network.statistics();
    for (id, before) in [caller, callee, busy].into_iter().zip(before) {
        let it = &statistics[&id];
        let counted = it.ingress_cycles
            + it.execution_cycles
            + u128::from(it.instructions)
            + it.call_cycles
            + it.storage_cycles;
        assert_eq!(counted, before - net.balance(id), "{it:?}");
    }
    let it = &statistics[&caller];
    assert_eq!((it.executions, it.appended_bytes), (2, 10_000));
    assert_eq!(it.call_cycles, 260_000 + 1_000 * (1 + 10_000 + 5_000));
    // six updates and a timer
    assert_eq!(statistics[&busy].executions, 7);
    assert!(statistics[&busy].storage_cycles > 100 * 127_000);
}

#[test]
fn statistics_count_queries_apart() {
    let mut net = Net::new();
    let id = net.canister(METHODS);
    net.update(id, "gib", b"").unwrap();
    net.network.clear_statistics();
    net.query(id, "qry", b"").unwrap();
    // 1 for the entry of the function, 5 for the call, 500 for msg_reply
    let plain = 1 + 5 + 500;
    assert_eq!(net.network.statistics()[&id].query_instructions, plain);
    net.query(id, "red", b"").unwrap();
    let it = &net.network.statistics()[&id];
    assert!(it.query_instructions > 2 * plain, "{it:?}");
    assert_eq!(it.query_stable_read_bytes, 100);
    let updates = (it.executions, it.instructions, it.stable_read_bytes);
    assert_eq!(updates, (0, 0, 0));
}

#[test]
fn management_calls_cost_their_ingress_and_a_chunk_its_fee() {
    let mut net = Net::new();
    let id = net.create();
    let mut cost = |method: &str| {
        let before = net.balance(id);
        net.manage(method, &CanisterIdRecord { canister_id: id })
            .unwrap();
        before - net.balance(id)
    };
    // the names have different lengths: `canister_status` 15, `stop_canister` 13, `start_canister`
    // 14
    let status = cost("canister_status");
    assert_eq!(status - cost("stop_canister"), 2 * 2_000);
    assert_eq!(status - cost("start_canister"), 2_000);
    assert!((1_450_000..1_560_000).contains(&status), "{status}");
    let before = net.balance(id);
    let args = UploadChunkArgs {
        canister_id: id,
        chunk: b"hello".to_vec(),
    };
    net.manage("upload_chunk", &args).unwrap();
    // the name has 9 bytes more than `nop`; CBOR writes a length from 24 to 255 in one byte more
    let arg = candid::encode_one(&args).unwrap().len() as u128;
    assert!((24..256).contains(&arg));
    let ingress = INGRESS + 2_000 * (9 + 1 + arg);
    assert_eq!(before - net.balance(id), 205_000_000 + ingress);
}

#[test]
fn creating_a_canister_costs_500_g_cycles() {
    let mut net = Net::new();
    let arg = candid::encode_one(ic_management_canister_types::CreateCanisterArgs::default());
    let arg = text(&arg.unwrap());
    let id = net.canister(&format!(
        r#"(func (export "canister_update create")
             (call $new (i32.const 0) (i32.const 0)
               @"create_canister" @fn($relay_reply) @fn($relay_reject))
             (call $call_data_append @{arg})
             (call $call_cycles_add128 (i64.const 0) (call $arg_u64 (i32.const 0)))
             (call $perform))"#
    ));
    let made = net
        .update(id, "create", u64s(&[1_500_000_000_000]))
        .unwrap();
    let made: CanisterIdRecord = candid::decode_one(&made).unwrap();
    assert_eq!(net.balance(made.canister_id), T);
    assert_eq!(net.network.controllers(made.canister_id), Some(vec![id]));
    let before = net.balance(id);
    let refused = net.update(id, "create", u64s(&[499_999_999_999])).unwrap();
    assert!(refused.starts_with(b"4 Creating a canister requires a fee of 500_000_000_000"));
    assert!(
        before - net.balance(id) < 20_000_000,
        "the cycles came back"
    );
}

#[test]
fn a_small_change_of_settings_costs_only_its_name_and_argument() {
    let mut net = Net::new();
    let id = net.create();
    let args = ic_management_canister_types::UpdateSettingsArgs {
        canister_id: id,
        settings: CanisterSettings::default(),
        sender_canister_version: None,
    };
    let bytes = candid::encode_one(&args).unwrap().len() as u128;
    assert!(bytes < 338, "{bytes}");
    let before = net.balance(id);
    net.manage("update_settings", &args).unwrap();
    // the name has 15 bytes
    assert_eq!(before - net.balance(id), 1_200_000 + 2_000 * (15 + bytes));
}
