//! Snapshots of canisters: taken, loaded, listed and deleted by controllers.

use crate::net::{Mode, Net, T, me, to_u64, user, words};
use crate::wasm::{canister, text};
use candid::Principal;
use ic_certification::{Certificate, LookupResult};
use ic_management_canister_types as ic;

/// `set` writes its text to the heap, a global, stable memory and the certified data.
const KEEPER: &str = r#"
(func (export "canister_init") (drop (call $stable64_grow (i64.const 1))))
(func (export "canister_update set") (local $size i32)
  (local.set $size (call $msg_arg_data_size))
  (call $msg_arg_data_copy (i32.const 65536) (i32.const 0) (local.get $size))
  (call $stable64_write (i64.const 10) (i64.const 65536) (i64.extend_i32_u (local.get $size)))
  (call $certified_data_set (i32.const 65536) (local.get $size))
  (global.set $x (i64.extend_i32_u (local.get $size)))
  (drop (memory.grow (i32.const 1)))
  (call $msg_reply))
(func (export "canister_query heap")
  (call $reply_bytes (i32.const 65536) (i32.wrap_i64 (global.get $x))))
(func (export "canister_query stable")
  (call $stable64_read (i64.const 70000) (i64.const 10) (global.get $x))
  (call $reply_bytes (i32.const 70000) (i32.wrap_i64 (global.get $x))))
(func (export "canister_query pages") (call $reply_u64 (i64.extend_i32_u (memory.size))))
(func (export "canister_query version") (call $reply_u64 (call $canister_version)))
(func (export "canister_query certificate")
  (call $data_certificate_copy (i32.const 65536) (i32.const 0) (call $data_certificate_size))
  (call $reply_bytes (i32.const 65536) (call $data_certificate_size)))
"#;

fn take(net: &mut Net, id: Principal, replace: Option<&ic::Snapshot>) -> ic::Snapshot {
    let args = ic::TakeCanisterSnapshotArgs {
        canister_id: id,
        replace_snapshot: replace.map(|s| s.id.clone()),
        uninstall_code: None,
        sender_canister_version: None,
    };
    let answer = net.manage("take_canister_snapshot", &args);
    candid::decode_one(&answer.unwrap_or_else(|e| panic!("{e:?}"))).expect("a snapshot")
}

fn load_as(net: &mut Net, sender: Principal, id: Principal, snapshot: &[u8]) -> String {
    let args = ic::LoadCanisterSnapshotArgs {
        canister_id: id,
        snapshot_id: snapshot.to_vec(),
        sender_canister_version: None,
    };
    match net.manage_as(sender, "load_canister_snapshot", &args) {
        Ok(_) => "done".into(),
        refused => words(refused),
    }
}

fn load(net: &mut Net, id: Principal, snapshot: &ic::Snapshot) -> String {
    load_as(net, me(), id, &snapshot.id)
}

fn list(net: &mut Net, id: Principal) -> Vec<ic::Snapshot> {
    let answer = net.control("list_canister_snapshots", id);
    candid::decode_one(&answer.expect("a list")).expect("snapshots")
}

fn delete(net: &mut Net, id: Principal, snapshot: &ic::Snapshot) -> String {
    let args = ic::DeleteCanisterSnapshotArgs {
        canister_id: id,
        snapshot_id: snapshot.id.clone(),
    };
    match net.manage("delete_canister_snapshot", &args) {
        Ok(_) => "done".into(),
        refused => words(refused),
    }
}

/// The texts in heap, stable memory and certified data.
fn holds(net: &mut Net, id: Principal) -> [String; 3] {
    let certificate = net.query(id, "certificate", b"").expect("a certificate");
    let certificate: Certificate = serde_cbor::from_slice(&certificate).expect("CBOR");
    let path: [&[u8]; 3] = [b"canister", id.as_slice(), b"certified_data"];
    let LookupResult::Found(data) = certificate.tree.lookup_path(path) else {
        panic!("no certified data");
    };
    let certified = String::from_utf8(data.to_vec()).expect("a text");
    let heap = words(net.query(id, "heap", b""));
    [heap, words(net.query(id, "stable", b"")), certified]
}

fn all(text: &str) -> [String; 3] {
    [text.into(), text.into(), text.into()]
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn a_loaded_snapshot_brings_back_code_and_state() {
    let mut net = Net::new();
    let id = net.canister(KEEPER);
    net.update(id, "set", b"before").unwrap();
    let before = net.info(id);
    let snapshot = take(&mut net, id, None);
    // heap, stable memory, module, globals and certified data, but not the history
    let size: u64 = before.memory_size.0.try_into().unwrap();
    let history: u64 = before
        .memory_metrics
        .canister_history_size
        .0
        .try_into()
        .unwrap();
    assert_eq!(snapshot.total_size, size - history + 6);
    assert_eq!(snapshot.taken_at_timestamp, net.network.time());
    assert_eq!(list(&mut net, id), std::slice::from_ref(&snapshot));

    net.update(id, "set", b"afterwards").unwrap();
    assert_eq!(holds(&mut net, id), all("afterwards"));
    net.deploy(
        id,
        Mode::Reinstall,
        &canister("(func (export \"canister_query new\"))"),
        b"",
    )
    .unwrap();
    let version = net.info(id).version;
    assert_eq!(load(&mut net, id, &snapshot), "done");
    assert_eq!(holds(&mut net, id), all("before"));
    assert_eq!(to_u64(net.query(id, "pages", b"")), 5);
    let info = net.info(id);
    assert_eq!(
        (info.version, info.module_hash),
        (version + 1, before.module_hash)
    );
    assert_eq!(to_u64(net.query(id, "version", b"")), version + 1);

    // what comes after it doesn't change the snapshot
    net.update(id, "set", b"changed").unwrap();
    assert_eq!(load(&mut net, id, &snapshot), "done");
    assert_eq!(holds(&mut net, id), all("before"));
}

#[test]
fn a_loaded_snapshot_is_an_entry_of_the_history() {
    let mut net = Net::new();
    let id = net.canister(KEEPER);
    let asks = net.canister(&format!(
        r#"(func (export "canister_update ask")
             (call $new (i32.const 0) (i32.const 0) @"canister_info" @fn($relay_reply)
               @fn($relay_reject))
             (call $call_data_append @{}) (call $perform))"#,
        text(
            &candid::encode_one(ic::CanisterInfoArgs {
                canister_id: id,
                num_requested_changes: Some(1),
            })
            .unwrap()
        )
    ));
    let snapshot = take(&mut net, id, None);
    assert_eq!(load(&mut net, id, &snapshot), "done");
    #[derive(candid::CandidType, serde::Deserialize)]
    struct Info {
        total_num_changes: u64,
        recent_changes: Vec<Change>,
    }
    #[derive(candid::CandidType, serde::Deserialize)]
    struct Change {
        canister_version: u64,
        details: ic::ChangeDetails,
    }
    let info = net.update(asks, "ask", b"").unwrap();
    let info: Info = candid::decode_one(&info).unwrap();
    assert_eq!(info.total_num_changes, 3);
    assert_eq!(info.recent_changes[0].canister_version, 2);
    let ic::ChangeDetails::LoadSnapshot(record) = &info.recent_changes[0].details else {
        panic!("another entry");
    };
    assert_eq!(record.snapshot_id, snapshot.id);
    assert_eq!(
        (record.canister_version, record.from_canister_id),
        (1, None)
    );
}

#[test]
fn a_canister_has_at_most_ten_snapshots() {
    let mut net = Net::new();
    let id = net.canister(KEEPER);
    let mut snapshots: Vec<_> = (0..10).map(|_| take(&mut net, id, None)).collect();
    assert_eq!(list(&mut net, id), snapshots);
    let args = ic::TakeCanisterSnapshotArgs {
        canister_id: id,
        replace_snapshot: None,
        uninstall_code: None,
        sender_canister_version: None,
    };
    assert_eq!(
        words(net.manage("take_canister_snapshot", &args)),
        format!("4 406: Canister {id} has reached the maximum number of snapshots allowed: 10.")
    );
    // one that replaces another is always possible
    let replaced = snapshots.remove(3);
    snapshots.push(take(&mut net, id, Some(&replaced)));
    assert_eq!(list(&mut net, id), snapshots);
    assert_eq!(
        load(&mut net, id, &replaced),
        format!(
            "3 305: Could not find the snapshot ID {} for canister {id}.",
            hex(&replaced.id)
        )
    );
    assert_eq!(delete(&mut net, id, &snapshots[0]), "done");
    assert!(delete(&mut net, id, &snapshots[0]).starts_with("3 305: "));
    assert_eq!(list(&mut net, id), snapshots[1..]);
    let sizes: u64 = snapshots[1..].iter().map(|s| s.total_size).sum();
    assert_eq!(net.info(id).memory_metrics.snapshots_size, sizes);
}

#[test]
fn only_controllers_may_use_snapshots() {
    let mut net = Net::new();
    let id = net.canister(KEEPER);
    let snapshot = take(&mut net, id, None);
    let alice = user("alice");
    let refused = |method: &str| {
        format!("5 512: Only controllers of canister {id} can call ic00 method {method}")
    };
    assert_eq!(
        load_as(&mut net, alice, id, &snapshot.id),
        refused("load_canister_snapshot")
    );
    let record = ic::CanisterIdRecord { canister_id: id };
    let listed = net.manage_as(alice, "list_canister_snapshots", &record);
    assert_eq!(words(listed), refused("list_canister_snapshots"));

    // a snapshot fits any canister of its controllers
    let other = net.create();
    assert_eq!(load(&mut net, other, &snapshot), "done");
    assert_eq!(to_u64(net.query(other, "pages", b"")), 4);
    assert!(list(&mut net, other).is_empty());
    assert!(delete(&mut net, other, &snapshot).starts_with(&format!(
        "4 406: The snapshot {} does not belong to canister {other}.",
        hex(&snapshot.id)
    )));
    let hers = ic::CanisterSettings {
        controllers: Some(vec![alice]),
        ..ic::CanisterSettings::default()
    };
    let hers = net.create_with(100 * T, hers);
    assert!(
        load_as(&mut net, alice, hers, &snapshot.id).starts_with(&format!(
            "4 406: Only a controller of the canister that snapshot {} belongs to can load it on \
             canister {hers}. Sender: {alice}.",
            hex(&snapshot.id)
        ))
    );
}

#[test]
fn an_empty_canister_has_nothing_to_take() {
    let mut net = Net::new();
    let id = net.create();
    let args = ic::TakeCanisterSnapshotArgs {
        canister_id: id,
        replace_snapshot: None,
        uninstall_code: None,
        sender_canister_version: None,
    };
    let before = net.balance(id);
    assert_eq!(
        words(net.manage("take_canister_snapshot", &args)),
        format!("4 406: Failed to create snapshot for empty canister {id}:")
    );
    assert!(before - net.balance(id) < 2_000_000, "only the message");
}

#[test]
fn taking_one_may_empty_the_canister() {
    let mut net = Net::new();
    let id = net.canister(KEEPER);
    net.update(id, "set", b"kept").unwrap();
    let args = ic::TakeCanisterSnapshotArgs {
        canister_id: id,
        replace_snapshot: None,
        uninstall_code: Some(true),
        sender_canister_version: None,
    };
    let taken = net.manage("take_canister_snapshot", &args).unwrap();
    let taken: ic::Snapshot = candid::decode_one(&taken).unwrap();
    assert_eq!(net.info(id).module_hash, None);
    // uninstalling, reinstalling and upgrading leave the snapshots
    net.install(id, KEEPER);
    assert_eq!(list(&mut net, id), std::slice::from_ref(&taken));
    assert_eq!(load(&mut net, id, &taken), "done");
    assert_eq!(holds(&mut net, id), all("kept"));
}

#[test]
fn snapshots_cost_2_g_instructions_and_one_a_byte() {
    let mut net = Net::new();
    let id = net.canister(KEEPER);
    let before = net.balance(id);
    let snapshot = take(&mut net, id, None);
    let spent = before - net.balance(id);
    let price = 5_000_000 + 2_000_000_000 + u128::from(snapshot.total_size);
    // and the message
    assert!(
        (price + 1_200_000..price + 2_000_000).contains(&spent),
        "{spent}"
    );
    let before = net.balance(id);
    assert_eq!(load(&mut net, id, &snapshot), "done");
    let spent = before - net.balance(id);
    // the module was compiled before, which makes a hundredth of its price
    assert!((price..price + 30_000_000).contains(&spent), "{spent}");
    let before = net.balance(id);
    assert_eq!(delete(&mut net, id, &snapshot), "done");
    assert!(before - net.balance(id) < 2_000_000);
}

#[test]
fn snapshots_are_storage() {
    let mut net = Net::new();
    let id = net.canister(KEEPER);
    let free: u64 = net.info(id).memory_size.0.try_into().unwrap();
    let snapshot = take(&mut net, id, None);
    assert_eq!(net.info(id).memory_size, free + snapshot.total_size);
    // they have to fit the memory allocation
    net.settings(
        id,
        ic::CanisterSettings {
            memory_allocation: Some((free + snapshot.total_size + 100).into()),
            ..ic::CanisterSettings::default()
        },
    );
    let args = ic::TakeCanisterSnapshotArgs {
        canister_id: id,
        replace_snapshot: None,
        uninstall_code: None,
        sender_canister_version: None,
    };
    let before = net.balance(id);
    let refused = net.manage("take_canister_snapshot", &args).unwrap_err();
    assert_eq!(refused.error_code, 402);
    assert!(before - net.balance(id) < 2_000_000, "only the message");
    take(&mut net, id, Some(&snapshot));
}
