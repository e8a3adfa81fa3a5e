//! Memory allocations: what a canister with one may use, pays and reserves.

use crate::net::{Mode, Net, T, to_u64, u64s, words};
use crate::wasm::{canister, canister_with_memory};
use candid::Principal;
use ic_management_canister_types::{CanisterSettings, UpdateSettingsArgs};

const GROWING: &str = r#"
(func (export "canister_update heap_grow")
  (call $reply_u64 (i64.extend_i32_s (memory.grow (i32.wrap_i64 (call $arg_u64 (i32.const 0)))))))
(func (export "canister_query heap_grow_in_query")
  (call $reply_u64 (i64.extend_i32_s (memory.grow (i32.wrap_i64 (call $arg_u64 (i32.const 0)))))))
(func (export "canister_update grow")
  (call $reply_u64 (call $stable64_grow (call $arg_u64 (i32.const 0)))))
(func (export "canister_update grow_32")
  (call $reply_u64
    (i64.extend_i32_s (call $stable_grow (i32.wrap_i64 (call $arg_u64 (i32.const 0)))))))
"#;
const FAILED: u64 = u64::MAX;
const PAGE: u64 = 65_536;

fn allocation(bytes: u64) -> CanisterSettings {
    CanisterSettings {
        memory_allocation: Some(bytes.into()),
        ..CanisterSettings::default()
    }
}

fn set(net: &mut Net, id: Principal, settings: CanisterSettings) -> String {
    let args = UpdateSettingsArgs {
        canister_id: id,
        settings,
        sender_canister_version: None,
    };
    match net.manage("update_settings", &args) {
        Ok(_) => "done".into(),
        refused => words(refused),
    }
}

#[test]
fn growth_beyond_the_allocation_fails() {
    let mut net = Net::new();
    let id = net.canister(GROWING);
    let bytes: u64 = net.info(id).memory_size.0.try_into().unwrap();
    net.settings(id, allocation(bytes + 10 * PAGE));
    let mut grow = |method: &str, pages| net.update(id, method, u64s(&[pages]));
    assert_eq!(to_u64(grow("grow", 4)), 0);
    assert_eq!(to_u64(grow("heap_grow", 4)), 4);
    // two pages are left: stable memory doesn't grow, the heap traps
    assert_eq!(to_u64(grow("grow", 3)), FAILED);
    assert_eq!(to_u64(grow("grow_32", 3)), FAILED);
    let out_of_memory =
        format!("5 507: Error from Canister {id}: Canister cannot grow its memory usage..");
    assert_eq!(words(grow("heap_grow", 3)), out_of_memory);
    assert_eq!(
        words(net.query(id, "heap_grow_in_query", u64s(&[3]))),
        out_of_memory
    );
    assert_eq!(to_u64(net.query(id, "heap_grow_in_query", u64s(&[2]))), 8);
    assert_eq!(to_u64(net.update(id, "heap_grow", u64s(&[2]))), 8);
    // without an allocation it grows again
    net.settings(id, allocation(0));
    assert_eq!(to_u64(net.update(id, "grow", u64s(&[3]))), 4);
}

#[test]
fn an_installation_must_fit_the_allocation() {
    let mut net = Net::new();
    let id = net.create_with(100 * T, allocation(20 * PAGE));
    let refused = net.deploy(id, Mode::Install, &canister_with_memory("20", GROWING), b"");
    let said = words(refused);
    assert!(
        said.starts_with("4 402: Canister was given 1.25 MiB memory allocation but at least "),
        "{said}"
    );
    assert_eq!(net.info(id).module_hash, None);
    net.deploy(id, Mode::Install, &canister(GROWING), b"")
        .unwrap();
}

#[test]
fn a_canister_pays_for_its_allocation() {
    let mut net = Net::new();
    let id = net.canister(GROWING);
    net.settings(id, allocation(10 << 30));
    net.advance(20);
    net.rounds(1);
    let before = net.balance(id);
    net.advance(1_000);
    net.rounds(1);
    // 127,000 cycles a GiB and second
    assert_eq!(before - net.balance(id), 127_000 * 10 * 1_000);
}

#[test]
fn an_allocation_reserves_cycles_as_growth_does() {
    let mut net = Net::new();
    let mut reserved = |settings: CanisterSettings, cycles: u128| {
        let settings = CanisterSettings {
            freezing_threshold: Some(0u8.into()),
            ..settings
        };
        let id = net.create_with(cycles, settings.clone());
        let balance = net.balance(id);
        let said = set(&mut net, id, allocation(300 << 30));
        let reserved: u128 = net.info(id).reserved_cycles.0.try_into().unwrap();
        (said, reserved, balance - net.balance(id) >= reserved)
    };
    let rich = CanisterSettings {
        reserved_cycles_limit: Some((100_000 * T).into()),
        ..CanisterSettings::default()
    };
    // 300 GiB are 112.5 GiB above the threshold of 187.5 GiB: their mean fullness is 17 %, for ten
    // years of 127,000 cycles a GiB and second
    let (said, cycles, paid) = reserved(rich.clone(), 20_000 * T);
    assert_eq!(said, "done");
    assert!((740 * T..750 * T).contains(&cycles), "{cycles}");
    assert!(paid);
    let (said, ..) = reserved(CanisterSettings::default(), 20_000 * T);
    assert!(
        said.starts_with(
            "5 533: Cannot increase memory allocation to 300.00 GiB due to its reserved cycles \
             limit. The current limit (5_000_000_000_000) would be exceeded by "
        ),
        "{said}"
    );
    let (said, ..) = reserved(rich, 100 * T);
    assert!(
        said.starts_with(
            "5 531: Cannot increase memory allocation to 300.00 GiB due to insufficient cycles."
        ),
        "{said}"
    );
}

#[test]
fn an_allocation_that_freezes_the_canister_is_refused() {
    let mut net = Net::new();
    let id = net.create_with(T, CanisterSettings::default());
    // 10 GiB cost 3.3 T for the 30 days of the freezing threshold
    let said = set(&mut net, id, allocation(10 << 30));
    assert!(
        said.starts_with(
            "5 531: Cannot increase memory allocation to 10.00 GiB due to insufficient cycles. At \
             least 2_"
        ),
        "{said}"
    );
    assert_eq!(set(&mut net, id, allocation(1 << 30)), "done");
    // a smaller one is always possible
    assert_eq!(set(&mut net, id, allocation(0)), "done");
}

#[test]
fn values_out_of_range_are_refused() {
    let mut net = Net::new();
    let id = net.canister(GROWING);
    let used: u64 = net.info(id).memory_size.0.try_into().unwrap();
    assert_eq!(
        set(&mut net, id, allocation(1_000)),
        format!(
            "4 402: Canister was given 1000 B memory allocation but at least {used} of memory is \
             needed."
        )
    );
    assert_eq!(
        set(&mut net, id, allocation(u64::MAX)),
        "1 101: Canister requested 16.00 EiB of memory but only 509.50 GiB are available in the \
         subnet."
    );
    let huge = candid::Nat::parse(b"18446744073709551616").unwrap();
    let settings = |memory: bool| CanisterSettings {
        memory_allocation: memory.then(|| huge.clone()),
        compute_allocation: (!memory).then(|| huge.clone()),
        ..CanisterSettings::default()
    };
    assert_eq!(
        set(&mut net, id, settings(true)),
        "5 504: MemoryAllocation expected to be in the range [0..18_446_744_073_709_551_615], got \
         18_446_744_073_709_551_616"
    );
    assert_eq!(
        set(&mut net, id, settings(false)),
        "5 504: ComputeAllocation expected to be in the range [0..100], got \
         18_446_744_073_709_551_616"
    );
    let limit = CanisterSettings {
        wasm_memory_limit: Some((1u64 << 48).into()),
        ..CanisterSettings::default()
    };
    assert_eq!(set(&mut net, id, limit), "done");
    let limit = CanisterSettings {
        wasm_memory_limit: Some(((1u64 << 48) + 1).into()),
        ..CanisterSettings::default()
    };
    assert_eq!(
        set(&mut net, id, limit),
        "5 504: Wasm memory limit expected to be in the range of [0..2^64-1], got \
         281_474_976_710_657"
    );
}
