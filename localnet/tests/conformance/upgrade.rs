//! Upgrades: only stable memory stays, and a hook that fails changes nothing.

use crate::net::{Mode, Net, to_u64, words};
use crate::wasm::{canister, text};
use ic_management_canister_types::UpgradeFlags;

/// Saves `$x` in stable memory before an upgrade and restores it afterwards.
const SAVING: &str = r#"
(func (export "canister_update set")
  (global.set $x (call $arg_u64 (i32.const 0))) (call $msg_reply))
(func (export "canister_query heap") (call $reply_u64 (i64.load (i32.const 512))))
(func (export "canister_update mark") (i64.store (i32.const 512) (i64.const 5)) (call $msg_reply))
(func (export "canister_pre_upgrade")
  (if (i64.eqz (call $stable64_size)) (then (drop (call $stable64_grow (i64.const 1)))))
  (i64.store (i32.const 0) (global.get $x))
  (call $stable64_write (i64.const 0) (i64.const 0) (i64.const 8)))
(func (export "canister_post_upgrade")
  (call $stable64_read (i64.const 0) (i64.const 0) (i64.const 8))
  (global.set $x (i64.load (i32.const 0))))
"#;

#[test]
fn stable_memory_keeps_what_the_hooks_save() {
    let mut net = Net::new();
    let id = net.canister(SAVING);
    net.update(id, "set", 77u64.to_le_bytes()).unwrap();
    net.update(id, "mark", b"").unwrap();
    net.upgrade(id, SAVING);
    assert_eq!(net.x(id), 77);
    assert_eq!(to_u64(net.query(id, "heap", b"")), 0, "the heap is new");
    // a module without hooks doesn't touch the bytes, and the next module finds them
    net.upgrade(
        id,
        r#"(func (export "canister_query y") (call $reply_u64 (i64.const 1)))"#,
    );
    assert_eq!(net.x(id), 0);
    assert_eq!(to_u64(net.query(id, "y", b"")), 1);
    net.upgrade(id, SAVING);
    assert_eq!(net.x(id), 77);
}

#[test]
fn a_trap_in_either_hook_changes_nothing() {
    let mut net = Net::new();
    let id = net.canister(SAVING);
    net.update(id, "set", 1u64.to_le_bytes()).unwrap();
    net.upgrade(id, SAVING);
    net.update(id, "set", 2u64.to_le_bytes()).unwrap();
    net.update(id, "mark", b"").unwrap();
    let hash = net.info(id).module_hash;
    // pre_upgrade writes 2 to stable memory, then the new module fails
    for (module, code) in [
        (
            canister(r#"(func (export "canister_post_upgrade") (call $trap @"post"))"#),
            503,
        ),
        (canister("(func $begin (unreachable)) (start $begin)"), 502),
        (b"no module".to_vec(), 505),
    ] {
        let reject = net
            .deploy(id, Mode::Upgrade(None), &module, b"")
            .unwrap_err();
        assert_eq!(reject.error_code, code);
        assert_eq!(net.info(id).module_hash, hash);
        assert_eq!(net.x(id), 2);
        assert_eq!(to_u64(net.query(id, "heap", b"")), 5);
        assert_eq!(
            net.network.stable_memory(id).unwrap()[0],
            1,
            "the value that the first upgrade saved"
        );
    }
}

#[test]
fn a_trapping_pre_upgrade_can_be_skipped() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_init")
             (global.set $x (i64.const 3)) (drop (call $stable64_grow (i64.const 1))))
           (func (export "canister_pre_upgrade")
             (i64.store (i32.const 0) (i64.const -1))
             (call $stable64_write (i64.const 0) (i64.const 0) (i64.const 8))
             (call $trap @"stuck"))"#,
    );
    let said = words(net.deploy(id, Mode::Upgrade(None), &canister(SAVING), b""));
    assert!(
        said.starts_with("5 503") && said.contains("'stuck'"),
        "{said}"
    );
    assert_eq!(net.x(id), 3);
    let skip = UpgradeFlags {
        skip_pre_upgrade: Some(true),
        wasm_memory_persistence: None,
    };
    net.deploy(id, Mode::Upgrade(Some(skip)), &canister(SAVING), b"")
        .unwrap();
    assert_eq!(
        net.x(id),
        0,
        "the skipped hook wrote nothing to stable memory"
    );
}

#[test]
fn post_upgrade_gets_the_argument_and_init_does_not_run() {
    let mut net = Net::new();
    let body = r#"(func (export "canister_init") (global.set $x (i64.const 1)))
                  (func (export "canister_post_upgrade")
                    (call $note (i32.const 65536) (call $copy_arg)))"#;
    let id = net.canister(body);
    assert_eq!(net.x(id), 1);
    net.deploy(id, Mode::Upgrade(None), &canister(body), b"the argument")
        .unwrap();
    assert_eq!(net.x(id), 0);
    assert_eq!(net.trace(id), "the argument");
}

#[test]
fn a_callback_of_the_old_module_runs_in_the_new_one() {
    let mut net = Net::new();
    let callee = net.canister(
        r#"(func (export "canister_update go") (call $spin (i32.const 0)))
           (func (export "canister_update free") (global.set $x (i64.const 1)) (call $msg_reply))
           (func (export "canister_update nap")
             (call $new (i32.const 0) (i32.const 0)
               @"raw_rand" @fn($relay_reply) @fn($relay_reject))
             (call $perform))
           (func $spin (param i32)
             (if (i64.eqz (global.get $x))
               (then (call $self_call @"nap" @fn($spin) @fn($spin)) (call $perform))
               (else (call $msg_reply))))"#,
    );
    let name = text(callee.as_slice());
    let version = |answer: &str| {
        format!(
            r#"(func (export "canister_update call")
                 (global.set $x (i64.const 9))
                 (call $new @{name} @"go" @fn($back) @fn($back)) (call $perform))
               (func $back (param i32) (call $note @"back ") (call $reply_bytes @"{answer}"))"#
        )
    };
    let id = net.canister(&version("old"));
    let message = net.submit(id, "call");
    net.rounds(3);
    net.upgrade(id, &version("new"));
    assert_eq!(net.x(id), 0, "the heap is new");
    net.update(callee, "free", b"").unwrap();
    assert_eq!(words(net.wait(&message)), "new");
    assert_eq!(net.trace(id), "back ");
}
