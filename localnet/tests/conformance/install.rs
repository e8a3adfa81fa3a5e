//! Installation: its modes, what init sees, who may install, and that a failed installation changes
//! nothing.

use crate::net::{Mode, Net, me, to_u64, user, words};
use crate::wasm::{canister, raw};
use ic_management_canister_types::CanisterSettings;

/// Keeps the argument of `canister_init` in the global, the heap and stable memory.
const KEEPER: &str = r#"
(func (export "canister_init")
  (global.set $x (call $arg_u64 (i32.const 0)))
  (drop (call $stable64_grow (i64.const 1)))
  (i64.store (i32.const 512) (global.get $x))
  (call $stable64_write (i64.const 0) (i64.const 512) (i64.const 8)))
(func (export "canister_query heap") (call $reply_u64 (i64.load (i32.const 512))))
"#;

fn number(n: u64) -> [u8; 8] {
    n.to_le_bytes()
}

#[test]
fn each_mode_needs_an_empty_or_a_full_canister() {
    let mut net = Net::new();
    let id = net.create();
    let module = canister(KEEPER);
    let upgrade = Mode::Upgrade(None);
    assert_eq!(
        words(net.deploy(id, upgrade, &module, &number(1))),
        format!(
            "5 537: Error from Canister {id}: \
             Attempted to execute a message, but the canister contains no Wasm module.."
        )
    );
    net.deploy(id, Mode::Install, &module, &number(1)).unwrap();
    assert_eq!(
        words(net.deploy(id, Mode::Install, &module, &number(2))),
        format!(
            "5 514: Canister {id} cannot be installed because the canister is not empty. \
             Try installing with mode='reinstall' instead."
        )
    );
    assert_eq!(net.x(id), 1);
    net.deploy(id, Mode::Reinstall, &module, &number(3))
        .unwrap();
    assert_eq!(net.x(id), 3);
    // reinstall works for an empty canister too
    let empty = net.create();
    net.deploy(empty, Mode::Reinstall, &module, &number(4))
        .unwrap();
    assert_eq!(net.x(empty), 4);
}

#[test]
fn a_reinstall_empties_heap_and_stable_memory() {
    let mut net = Net::new();
    let id = net.create();
    net.deploy(id, Mode::Install, &canister(KEEPER), &number(1))
        .unwrap();
    assert_eq!(net.network.stable_memory(id).unwrap().len(), 65_536);
    let bare = canister(
        r#"(func (export "canister_query heap") (call $reply_u64 (i64.load (i32.const 512))))"#,
    );
    net.deploy(id, Mode::Reinstall, &bare, b"").unwrap();
    assert_eq!(net.x(id), 0);
    assert_eq!(to_u64(net.query(id, "heap", b"")), 0);
    assert_eq!(net.network.stable_memory(id).unwrap().len(), 0);
}

#[test]
fn a_trap_in_init_or_start_changes_nothing() {
    let mut net = Net::new();
    let id = net.create();
    let failing = canister(
        r#"(func (export "canister_init")
             (drop (call $stable64_grow (i64.const 9)))
             (global.set $x (i64.const 9)) (call $trap @"no"))"#,
    );
    let said = words(net.deploy(id, Mode::Install, &failing, b""));
    assert_eq!(
        said,
        format!("5 503: Error from Canister {id}: Canister called `ic0.trap` with message: 'no'.")
    );
    assert_eq!(net.info(id).module_hash, None);

    net.deploy(id, Mode::Install, &canister(KEEPER), &number(6))
        .unwrap();
    let hash = net.info(id).module_hash;
    let start = raw("(module (memory 1) (func $s (unreachable)) (start $s))");
    for module in [&failing, &start] {
        for mode in [Mode::Reinstall, Mode::Upgrade(None)] {
            // an upgrade doesn't run init, so it works with the first module
            if module == &failing && matches!(mode, Mode::Upgrade(_)) {
                continue;
            }
            net.deploy(id, mode, module, b"").unwrap_err();
            assert_eq!(net.info(id).module_hash, hash);
            assert_eq!(net.x(id), 6);
            assert_eq!(to_u64(net.query(id, "heap", b"")), 6);
            assert_eq!(net.network.stable_memory(id).unwrap()[..8], number(6));
        }
    }
}

#[test]
fn the_start_function_runs_once_for_each_installation() {
    let mut net = Net::new();
    let id = net.create();
    let body = r#"(func $begin (global.set $x (i64.add (global.get $x) (i64.const 7))))
                  (start $begin)
                  (func (export "canister_init")
                    (global.set $x (i64.add (global.get $x) (i64.const 100))))
                  (func (export "canister_post_upgrade")
                    (global.set $x (i64.add (global.get $x) (i64.const 200))))
                  (func (export "canister_update add")
                    (global.set $x (i64.add (global.get $x) (i64.const 1))) (call $msg_reply))"#;
    net.deploy(id, Mode::Install, &canister(body), b"").unwrap();
    assert_eq!(net.x(id), 107);
    net.update(id, "add", b"").unwrap();
    assert_eq!(net.x(id), 108);
    net.upgrade(id, body);
    assert_eq!(net.x(id), 207);
    let calling = r#"(func $begin (drop (call $time))) (start $begin)"#;
    let said = words(net.deploy(id, Mode::Reinstall, &canister(calling), b""));
    assert!(said.contains("cannot be executed in start mode"), "{said}");
    assert_eq!(net.x(id), 207);
}

#[test]
fn init_sees_its_installer_and_may_not_answer_or_call() {
    let mut net = Net::new();
    let id = net.create();
    let sees = r#"(func (export "canister_init")
        (call $msg_caller_copy (i32.const 0) (i32.const 0) (call $msg_caller_size))
        (call $note (i32.const 0) (call $msg_caller_size))
        (call $note (i32.const 65536) (call $copy_arg)))"#;
    net.deploy(id, Mode::Install, &canister(sees), b"argument")
        .unwrap();
    let seen = net.query(id, "trace", b"").unwrap();
    assert_eq!(seen, [me().as_slice(), b"argument"].concat());
    for forbidden in [
        "(call $msg_reply)",
        r#"(call $self_call @"x" @fn($nothing) @fn($nothing))"#,
        "(call $accept_message)",
        "(drop (call $data_certificate_size))",
    ] {
        let body = format!(r#"(func (export "canister_init") {forbidden})"#);
        let reject = net
            .deploy(id, Mode::Reinstall, &canister(&body), b"")
            .unwrap_err();
        assert_eq!(reject.error_code, 504, "{forbidden}");
        assert!(
            reject.message.contains("cannot be executed in init mode"),
            "{}",
            reject.message
        );
    }
}

#[test]
fn only_controllers_install() {
    let mut net = Net::new();
    let id = net.create();
    let args = ic_management_canister_types::InstallCodeArgs {
        mode: Mode::Install,
        canister_id: id,
        wasm_module: canister(KEEPER),
        arg: number(1).to_vec(),
        sender_canister_version: None,
    };
    let alice = user("alice");
    assert_eq!(
        words(net.manage_as(alice, "install_code", &args)),
        format!("5 512: Only controllers of canister {id} can call ic00 method install_code")
    );
    net.settings(
        id,
        CanisterSettings {
            controllers: Some(vec![alice]),
            ..Default::default()
        },
    );
    assert_eq!(
        net.manage("install_code", &args).unwrap_err().error_code,
        512
    );
    net.manage_as(alice, "install_code", &args).unwrap();
    assert_eq!(net.x(id), 1);
}

#[test]
fn the_version_rises_with_each_success() {
    let mut net = Net::new();
    let id = net.create();
    let body = r#"(func (export "canister_update version")
                    (call $reply_u64 (call $canister_version)))
                  (func (export "canister_update trap") (unreachable))"#;
    net.install(id, body);
    let first = to_u64(net.update(id, "version", b""));
    // the message before raised it by one
    assert_eq!(to_u64(net.update(id, "version", b"")), first + 1);
    net.update(id, "trap", b"").unwrap_err();
    net.query(id, "x", b"").unwrap();
    assert_eq!(to_u64(net.update(id, "version", b"")), first + 2);
    net.settings(id, CanisterSettings::default());
    assert_eq!(to_u64(net.update(id, "version", b"")), first + 4);
    net.upgrade(id, body);
    assert_eq!(to_u64(net.update(id, "version", b"")), first + 6);
}
