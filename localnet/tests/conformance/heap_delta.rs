//! The memory that a canister may write in a round: 75 MiB of pages, in the heap and in stable
//! memory.

use crate::net::{Mode, Net, START, to_u64, u64s, words};
use crate::wasm::canister_with_memory;
use candid::Principal;
use ic_management_canister_types::UploadChunkArgs;
use localnet::replica::{Network, NetworkConfig};

/// `heap` writes to so many pages of the heap, `stable` to so many of stable memory, one byte each.
/// `both` takes two numbers.
const WRITER: &str = r#"
(func (export "canister_init") (drop (call $stable64_grow (i64.const 8192))))
(func $heap (param $n i32) (local $at i32)
  (local.set $at (i32.const 65536))
  (loop $more
    (i32.store8 (local.get $at) (i32.add (i32.load8_u (local.get $at)) (i32.const 1)))
    (local.set $at (i32.add (local.get $at) (i32.const 4096)))
    (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
(func $stable (param $n i64) (local $at i64)
  (loop $more
    (call $stable64_write (local.get $at) (i64.const 0) (i64.const 1))
    (local.set $at (i64.add (local.get $at) (i64.const 4096)))
    (local.set $n (i64.sub (local.get $n) (i64.const 1)))
    (br_if $more (i32.wrap_i64 (local.get $n)))))
(func (export "canister_update heap")
  (call $heap (i32.wrap_i64 (call $arg_u64 (i32.const 0)))) (call $msg_reply))
(func (export "canister_update stable")
  (call $stable (call $arg_u64 (i32.const 0))) (call $msg_reply))
(func (export "canister_update both")
  (call $heap (i32.wrap_i64 (call $arg_u64 (i32.const 0))))
  (call $stable (call $arg_u64 (i32.const 1))) (call $msg_reply))
(func (export "canister_update both_trap")
  (call $heap (i32.const 9)) (call $stable (i64.const 9)) (call $trap @"no"))
(func (export "canister_update stable_trap")
  (call $stable64_write (i64.const 0) (i64.const 0) (i64.const 1000000)) (call $trap @"no"))
(func (export "canister_query heap_in_query") (memory.fill (i32.const 65536) (i32.const 7)
  (i32.const 120000000)) (call $msg_reply))
(func (export "canister_update nop") (call $reply_u64 (call $time)))
"#;

/// Pages of 4 KiB in 75 MiB.
const ROUND: u64 = 19_200;

fn writer(net: &mut Net) -> Principal {
    let id = net.create();
    let module = canister_with_memory("4000", WRITER);
    net.deploy(id, Mode::Install, &module, b"").unwrap();
    id
}

/// The round in which `nop` runs, counted from now.
fn rounds_until_it_runs(net: &mut Net, id: Principal) -> u64 {
    let now = net.network.time();
    to_u64(net.update(id, "nop", b"")) - now
}

#[test]
fn a_canister_above_75_mib_skips_rounds_until_it_is_below_again() {
    let mut net = Net::new();
    let id = writer(&mut net);
    for method in ["stable", "heap"] {
        // page 0 of the heap is written too, by the helper that reads the argument
        net.update(id, method, u64s(&[ROUND - 2])).unwrap();
        assert_eq!(rounds_until_it_runs(&mut net, id), 1, "{method}");
        // three rounds' worth: the round that wrote it forgives one, the next one another
        net.update(id, method, u64s(&[3 * ROUND - 10])).unwrap();
        assert_eq!(rounds_until_it_runs(&mut net, id), 2, "{method}");
        net.rounds(3);
    }
}

#[test]
fn heap_and_stable_pages_count_together_and_each_message_counts_again() {
    let mut net = Net::new();
    let id = writer(&mut net);
    // both in one round: the second still runs, the third has to wait
    let first = net
        .submit_as(crate::net::me(), id, "heap", u64s(&[ROUND / 2 + 10]))
        .unwrap();
    let second = net
        .submit_as(crate::net::me(), id, "stable", u64s(&[ROUND / 2 + 10]))
        .unwrap();
    let third = net
        .submit_as(crate::net::me(), id, "stable", u64s(&[1]))
        .unwrap();
    net.rounds(1);
    assert!(net.look(&first).is_some() && net.look(&second).is_some());
    assert!(net.look(&third).is_none());
    net.rounds(1);
    assert!(net.look(&third).is_some());
    // the same pages count again in the next message
    for _ in 0..4 {
        net.update(id, "stable", u64s(&[2 * ROUND - 2])).unwrap();
        assert_eq!(rounds_until_it_runs(&mut net, id), 1);
    }
}

#[test]
fn traps_and_queries_count_nothing_and_others_go_on() {
    let mut net = Net::new();
    let id = writer(&mut net);
    let other = writer(&mut net);
    for _ in 0..3 {
        net.update(id, "stable_trap", b"").unwrap_err();
        net.query(id, "heap_in_query", b"").unwrap();
        net.update(id, "heap_in_query", b"").unwrap();
    }
    assert_eq!(rounds_until_it_runs(&mut net, id), 1);
    net.update(id, "stable", u64s(&[5 * ROUND])).unwrap();
    let waiting = net.submit(id, "nop");
    assert_eq!(rounds_until_it_runs(&mut net, other), 1);
    assert!(net.look(&waiting).is_none());
    // queries are answered meanwhile
    net.query(id, "heap_in_query", b"").unwrap();
    net.wait(&waiting).unwrap();
}

#[test]
fn chunks_count_as_well() {
    let mut net = Net::new();
    let id = writer(&mut net);
    net.update(id, "stable", u64s(&[2 * ROUND + 5])).unwrap();
    let args = UploadChunkArgs {
        canister_id: id,
        chunk: vec![1, 2, 3],
    };
    let debit = (ROUND + 5 + 1) * 4096;
    assert_eq!(
        words(net.manage("upload_chunk", &args)),
        format!(
            "5 504: Error from Wasm chunk store: Canister is heap delta rate limited. Current \
             delta debit: {debit}, limit: 78643200."
        )
    );
    net.manage("upload_chunk", &args).unwrap();
}

#[test]
fn the_limit_can_be_switched_off_and_system_subnets_have_none() {
    let system = NetworkConfig {
        system_subnets: 1,
        ..NetworkConfig::default()
    };
    let unlimited = NetworkConfig {
        application_subnets: 1,
        no_rate_limiting: true,
        ..NetworkConfig::default()
    };
    for config in [system, unlimited] {
        let config = NetworkConfig {
            initial_time: Some(START),
            ..config
        };
        let network = Network::new(config).unwrap();
        let mut net = Net { network };
        let id = writer(&mut net);
        net.update(id, "stable", u64s(&[5 * ROUND])).unwrap();
        assert_eq!(rounds_until_it_runs(&mut net, id), 1);
    }
}

#[test]
fn statistics_count_the_pages_that_each_message_writes() {
    let mut net = Net::new();
    let id = writer(&mut net);
    let pages = |net: &mut Net, method: &str, numbers: &[u64]| {
        net.network.clear_statistics();
        let answer = net.update(id, method, u64s(numbers));
        let counted = net.network.statistics()[&id].dirtied_bytes;
        (answer.is_ok(), counted / 4_096, counted % 4_096)
    };
    // the helper that reads the argument writes page 0 of the heap
    assert_eq!(pages(&mut net, "heap", &[5]), (true, 6, 0));
    assert_eq!(pages(&mut net, "stable", &[7]), (true, 8, 0));
    assert_eq!(pages(&mut net, "both", &[5, 7]), (true, 13, 0));
    // the same pages again
    assert_eq!(pages(&mut net, "both", &[5, 7]), (true, 13, 0));
    assert_eq!(pages(&mut net, "both_trap", &[]), (false, 0, 0));
    assert_eq!(pages(&mut net, "stable_trap", &[]), (false, 0, 0));
    assert_eq!(pages(&mut net, "heap_in_query", &[]), (true, 0, 0));
    net.query(id, "heap_in_query", b"").unwrap();
    assert_eq!(net.network.statistics()[&id].dirtied_bytes, 0);
    let chunk = UploadChunkArgs {
        canister_id: id,
        chunk: vec![1],
    };
    net.manage("upload_chunk", &chunk).unwrap();
    assert_eq!(net.network.statistics()[&id].dirtied_bytes, 1 << 20);
}
