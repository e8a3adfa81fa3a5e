//! Heap and stable memory: how far they grow, the cycles that growing needs, and that only written
//! pages take up memory.

use crate::net::{Mode, Net, T, to_u64, u64s, words};
use crate::wasm::{canister, canister_with_memory};
use candid::Principal;
use ic_management_canister_types::CanisterSettings;

const MEMORY: &str = r#"
(func (export "canister_update heap_grow")
  (call $reply_u64 (i64.extend_i32_s (memory.grow (i32.wrap_i64 (call $arg_u64 (i32.const 0)))))))
(func (export "canister_update heap_write")
  (i64.store (i32.wrap_i64 (call $arg_u64 (i32.const 0))) (call $arg_u64 (i32.const 1)))
  (call $msg_reply))
(func (export "canister_query heap_read")
  (call $reply_u64 (i64.load (i32.wrap_i64 (call $arg_u64 (i32.const 0))))))
(func (export "canister_update grow")
  (call $reply_u64 (call $stable64_grow (call $arg_u64 (i32.const 0)))))
(func (export "canister_query size") (call $reply_u64 (call $stable64_size)))
(func (export "canister_update write")
  (i64.store (i32.const 512) (call $arg_u64 (i32.const 1)))
  (call $stable64_write (call $arg_u64 (i32.const 0)) (i64.const 512) (i64.const 8))
  (call $msg_reply))
(func (export "canister_query read")
  (call $stable64_read (i64.const 512) (call $arg_u64 (i32.const 0)) (i64.const 8))
  (call $reply_bytes (i32.const 512) (i32.const 8)))
(func (export "canister_update grow_32")
  (call $reply_u64
    (i64.extend_i32_s (call $stable_grow (i32.wrap_i64 (call $arg_u64 (i32.const 0)))))))
(func (export "canister_query read_32")
  (call $stable_read (i32.const 512) (i32.wrap_i64 (call $arg_u64 (i32.const 0))) (i32.const 8))
  (call $reply_bytes (i32.const 512) (i32.const 8)))
(func (export "canister_query size_32") (call $reply_u64 (i64.extend_i32_u (call $stable_size))))
"#;
const FAILED: u64 = u64::MAX;
/// 500 GiB, in pages of 64 KiB.
const MOST_PAGES: u64 = 8_192_000;

fn update(net: &mut Net, id: Principal, method: &str, numbers: &[u64]) -> u64 {
    to_u64(net.update(id, method, u64s(numbers)))
}

fn query(net: &mut Net, id: Principal, method: &str, numbers: &[u64]) -> u64 {
    to_u64(net.query(id, method, u64s(numbers)))
}

/// A canister with cycles and settings for memories of any size.
fn rich(net: &mut Net) -> Principal {
    let settings = CanisterSettings {
        freezing_threshold: Some(0u8.into()),
        reserved_cycles_limit: Some((1_000_000 * T).into()),
        wasm_memory_limit: Some(0u8.into()),
        ..CanisterSettings::default()
    };
    let id = net.create_with(20_000 * T, settings);
    net.install(id, MEMORY);
    id
}

/// The bytes of this process in RAM, shared memory included.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

#[test]
fn stable_memory_of_500_gib_takes_up_only_what_was_written() {
    let mut net = Net::new();
    let id = rich(&mut net);
    let before = resident();
    assert_eq!(update(&mut net, id, "grow", &[MOST_PAGES]), 0);
    assert_eq!(query(&mut net, id, "size", &[]), MOST_PAGES);
    let last = MOST_PAGES * 65_536 - 8;
    let places = [0, 4_090, 1 << 32, 300 << 30, last];
    for (i, at) in (1..).zip(places) {
        net.update(id, "write", u64s(&[at, i])).unwrap();
    }
    for (i, at) in (1..).zip(places) {
        assert_eq!(query(&mut net, id, "read", &[at]), i, "at {at}");
    }
    assert_eq!(query(&mut net, id, "read", &[200 << 30]), 0);
    assert_eq!(update(&mut net, id, "grow", &[1]), FAILED);
    let beyond = net.query(id, "read", u64s(&[last + 1]));
    assert!(words(beyond).ends_with("stable memory out of bounds."));
    net.upgrade(id, MEMORY);
    assert_eq!(query(&mut net, id, "read", &[last]), 5);
    // The other tests of this process run at the same time, but their canisters are small.
    let grown = resident().saturating_sub(before);
    assert!(grown < 1 << 30, "{grown} bytes");
}

#[test]
fn a_large_heap_is_sparse_too_and_ends_at_4_gib() {
    let mut net = Net::new();
    let id = rich(&mut net);
    let before = resident();
    assert_eq!(update(&mut net, id, "heap_grow", &[65_532]), 4);
    let last = 65_536 * 65_536 - 8;
    net.update(id, "heap_write", u64s(&[last, 7])).unwrap();
    assert_eq!(query(&mut net, id, "heap_read", &[last]), 7);
    assert_eq!(update(&mut net, id, "heap_grow", &[1]), FAILED);
    assert!(resident().saturating_sub(before) < 1 << 30);
}

#[test]
fn the_heap_limit_is_3_gib_unless_the_settings_say_otherwise() {
    let mut net = Net::new();
    let id = net.create_with(20_000 * T, CanisterSettings::default());
    net.install(id, MEMORY);
    assert_eq!(update(&mut net, id, "heap_grow", &[3 * 16_384 - 4]), 4);
    let said = words(net.update(id, "heap_grow", u64s(&[1])));
    let limit = |bytes: u64| {
        format!(
            "5 539: Error from Canister {id}: \
             Canister exceeded its current Wasm memory limit of {bytes} bytes."
        )
    };
    assert!(said.starts_with(&limit(3 << 30)), "{said}");
    net.settings(
        id,
        CanisterSettings {
            wasm_memory_limit: Some((4u64 << 30).into()),
            ..Default::default()
        },
    );
    assert_eq!(update(&mut net, id, "heap_grow", &[1]), 3 * 16_384);

    let small = net.create_with(
        100 * T,
        CanisterSettings {
            wasm_memory_limit: Some(1_000_000u32.into()),
            ..Default::default()
        },
    );
    // 15 pages are less than 1,000,000 bytes, 16 are more
    let refused = net.deploy(
        small,
        Mode::Install,
        &canister_with_memory("16", MEMORY),
        b"",
    );
    assert_eq!(refused.unwrap_err().error_code, 539);
    net.deploy(
        small,
        Mode::Install,
        &canister_with_memory("15", MEMORY),
        b"",
    )
    .unwrap();
}

#[test]
fn a_module_may_limit_its_heap() {
    let mut net = Net::new();
    let id = net.create();
    net.deploy(id, Mode::Install, &canister_with_memory("4 6", MEMORY), b"")
        .unwrap();
    assert_eq!(update(&mut net, id, "heap_grow", &[2]), 4);
    assert_eq!(update(&mut net, id, "heap_grow", &[1]), FAILED);
}

#[test]
fn growing_needs_the_cycles_to_keep_the_larger_memory() {
    let mut net = Net::new();
    // 100 GiB cost 127,000 * 100 * 2,592,000 = 32.9 T for 30 days
    let id = net.create_with(30 * T, CanisterSettings::default());
    net.install(id, MEMORY);
    let said = words(net.update(id, "grow", u64s(&[100 * 16_384])));
    let error = format!(
        "5 532: Error from Canister {id}: \
         Canister cannot grow memory by 107374182400 bytes due to insufficient cycles."
    );
    assert!(said.starts_with(&error), "{said}");
    assert_eq!(query(&mut net, id, "size", &[]), 0);
    net.network.add_cycles(id, 10 * T).unwrap();
    assert_eq!(update(&mut net, id, "grow", &[100 * 16_384]), 0);
    // above 187.5 GiB, growing reserves cycles, and the settings limit how many
    let id = net.create_with(20_000 * T, CanisterSettings::default());
    net.install(id, MEMORY);
    let said = words(net.update(id, "grow", u64s(&[400 * 16_384])));
    assert!(said.starts_with("5 534: "), "{said}");
}

#[test]
fn the_32_bit_functions_use_the_same_memory_up_to_4_gib() {
    let mut net = Net::new();
    let id = rich(&mut net);
    assert_eq!(update(&mut net, id, "grow_32", &[2]), 0);
    net.update(id, "write", u64s(&[65_536, 11])).unwrap();
    assert_eq!(query(&mut net, id, "read_32", &[65_536]), 11);
    assert_eq!(query(&mut net, id, "size_32", &[]), 2);
    assert_eq!(update(&mut net, id, "grow_32", &[65_535]), FAILED);
    assert_eq!(update(&mut net, id, "grow", &[65_535]), 2);
    let said = words(net.query(id, "size_32", b""));
    assert!(
        said.contains("32 bit stable memory api used on a memory larger than 4GB"),
        "{said}"
    );
}

#[test]
fn written_pages_stay_between_messages() {
    let mut net = Net::new();
    let id = net.create();
    let body = format!(
        r#"{MEMORY}
           (data (i32.const 100000) "given")
           (data (i32.const 200000) "\01\02\03\04\05\06\07\08")"#
    );
    net.deploy(id, Mode::Install, &canister(&body), b"")
        .unwrap();
    let given = u64::from_le_bytes([1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(query(&mut net, id, "heap_read", &[200_000]), given);
    let places = [70_000, 77_824, 99_000, 200_000];
    for (i, at) in (1..).zip(places) {
        net.update(id, "heap_write", u64s(&[at, i])).unwrap();
    }
    for (i, at) in (1..).zip(places) {
        assert_eq!(query(&mut net, id, "heap_read", &[at]), i, "at {at}");
    }
    let text = query(&mut net, id, "heap_read", &[100_000]);
    assert_eq!(&text.to_le_bytes()[..5], b"given");
}

#[test]
fn the_low_memory_hook_runs_once_when_the_threshold_is_passed() {
    let mut net = Net::new();
    let id = net.create_with(
        100 * T,
        CanisterSettings {
            wasm_memory_limit: Some((10u64 * 65_536).into()),
            wasm_memory_threshold: Some((3u64 * 65_536).into()),
            ..CanisterSettings::default()
        },
    );
    let body =
        format!(r#"{MEMORY} (func (export "canister_on_low_wasm_memory") (call $note @"low "))"#);
    net.install(id, &body);
    // 7 of 10 pages: 3 are left, which is not below the threshold
    assert_eq!(update(&mut net, id, "heap_grow", &[3]), 4);
    net.rounds(2);
    assert_eq!(net.trace(id), "");
    assert_eq!(update(&mut net, id, "heap_grow", &[1]), 7);
    assert_eq!(update(&mut net, id, "heap_grow", &[1]), 8);
    net.rounds(3);
    assert_eq!(net.trace(id), "low ");
}

/// Reads as many bytes as the argument says, into a heap that is too small for them. The check of
/// what a run may touch comes first, so no test has to touch gigabytes.
const SKIMMING: &str = r#"
(func $read
  (call $stable64_read (i64.const 0) (i64.const 0) (call $arg_u64 (i32.const 0))))
(func (export "canister_update update") (call $read))
(func (export "canister_query query") (call $read))
(func (export "canister_composite_query composite") (call $read))
(func (export "canister_init")
  (drop (call $stable64_grow (i64.const 200000)))
  (if (call $msg_arg_data_size) (then (call $read))))
(func (export "canister_pre_upgrade") (if (i64.ne (global.get $x) (i64.const 0)) (then
  (call $stable64_read (i64.const 0) (i64.const 0) (global.get $x)))))
(func (export "canister_post_upgrade") (if (call $msg_arg_data_size) (then (call $read))))
(func (export "canister_update set")
  (global.set $x (call $arg_u64 (i32.const 0))) (call $msg_reply))
"#;

#[test]
fn a_run_touches_so_much_stable_memory_and_no_more() {
    const GIB: u64 = 1 << 30;
    const ALLOWED: &str = "Canister trapped: heap out of bounds.";
    const REFUSED: &str = "Canister exceeded memory access limits: Exceeded the limit for the \
        number of accessed pages in the stable memory in a single message execution: limit 2097152 \
        KB for regular messages and 1048576 KB for queries..";
    let mut net = Net::new();
    let id = rich(&mut net);
    let module = canister(SKIMMING);
    net.deploy(id, Mode::Reinstall, &module, b"").unwrap();
    let mut cases = vec![];
    for (method, limit) in [
        ("update", 2 * GIB),
        // a query method has the limit of queries, however it is called
        ("query", GIB),
    ] {
        for (size, expected) in [(limit, ALLOWED), (limit + 1, REFUSED)] {
            let answer = net.update(id, method, u64s(&[size]));
            cases.push((method, size, words(answer), expected));
        }
    }
    for method in ["query", "composite"] {
        for (size, expected) in [(GIB, ALLOWED), (GIB + 1, REFUSED)] {
            let answer = net.query(id, method, u64s(&[size]));
            cases.push((method, size, words(answer), expected));
        }
    }
    for mode in [Mode::Reinstall, Mode::Upgrade(None)] {
        for (size, expected) in [(8 * GIB, ALLOWED), (8 * GIB + 1, REFUSED)] {
            let answer = net.deploy(id, mode, &module, &u64s(&[size]));
            cases.push(("install", size, words(answer), expected));
            net.rounds(10);
        }
    }
    for (size, expected) in [(8 * GIB, ALLOWED), (8 * GIB + 1, REFUSED)] {
        net.update(id, "set", u64s(&[size])).unwrap();
        let answer = net.deploy(id, Mode::Upgrade(None), &module, b"");
        cases.push(("pre_upgrade", size, words(answer), expected));
        net.rounds(10);
    }
    for (method, size, said, expected) in cases {
        assert!(said.ends_with(expected), "{method} {size}: {said}");
    }
}
