//! Canister logs: what they hold, how much they keep, and who may read them.

use crate::net::{Mode, Net, user};
use crate::wasm::canister;
use ic_management_canister_types::{CanisterSettings, LogVisibility};

const PRINTING: &str = r#"
(func (export "canister_update print")
  (call $debug_print (i32.const 65536) (call $copy_arg)) (call $msg_reply))
(func (export "canister_update print_and_trap")
  (call $debug_print @"printed") (call $trap @"trapped"))
(func (export "canister_update print_60") (local $i i32)
  (loop $more
    (call $debug_print (i32.const 65536) (i32.const 100))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $more (i32.lt_u (local.get $i) (i32.const 60))))
  (call $debug_print @"last")
  (call $msg_reply))
(func (export "canister_query print_in_query")
  (call $debug_print @"from a query") (call $msg_reply))
(func (export "canister_pre_upgrade") (call $debug_print @"pre"))
(func (export "canister_post_upgrade") (call $debug_print @"post"))
(func (export "canister_init") (call $debug_print @"init"))
"#;

#[test]
fn prints_and_traps_are_kept_in_order() {
    let mut net = Net::new();
    let id = net.canister(PRINTING);
    net.update(id, "print", b"one").unwrap();
    net.update(id, "print_and_trap", b"").unwrap_err();
    net.update(id, "print", b"two").unwrap();
    net.query(id, "print_in_query", b"").unwrap();
    assert_eq!(
        net.log(id),
        ["init", "one", "printed", "[TRAP]: trapped", "two"]
    );
}

#[test]
fn the_log_keeps_the_last_four_kibibytes() {
    let mut net = Net::new();
    let id = net.canister(PRINTING);
    net.update(id, "print_60", b"").unwrap();
    let log = net.log(id);
    // each record takes 40 bytes more than its text: 28 records of 140 bytes, and the last of 44
    assert_eq!(log.len(), 29);
    assert_eq!(log.last().map(String::as_str), Some("last"));
    assert!(log[..28].iter().all(|text| text.len() == 100));
    net.update(id, "print", vec![b'a'; 10_000]).unwrap();
    let log = net.log(id);
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].len(), 4096 - 40);
}

#[test]
fn the_settings_name_the_readers_of_a_log() {
    let mut net = Net::new();
    let id = net.canister(PRINTING);
    let (alice, bob) = (user("alice"), user("bob"));
    let mut readers = |visibility: Option<LogVisibility>| {
        if let Some(visibility) = visibility {
            net.settings(
                id,
                CanisterSettings {
                    log_visibility: Some(visibility),
                    ..Default::default()
                },
            );
        }
        [crate::net::me(), alice, bob].map(|who| net.log_as(who, id).is_ok())
    };
    assert_eq!(readers(None), [true, false, false]);
    assert_eq!(readers(Some(LogVisibility::Public)), [true, true, true]);
    let viewers = LogVisibility::AllowedViewers(vec![alice]);
    assert_eq!(readers(Some(viewers)), [true, true, false]);
    assert_eq!(
        readers(Some(LogVisibility::Controllers)),
        [true, false, false]
    );
    let refused = net.log_as(bob, id).unwrap_err();
    assert_eq!((refused.code, refused.error_code), (4, 406));
    assert_eq!(
        refused.message,
        format!("Caller {bob} is not allowed to access canister logs")
    );
}

#[test]
fn an_upgrade_keeps_the_log_and_a_reinstall_empties_it() {
    let mut net = Net::new();
    let id = net.canister(PRINTING);
    net.upgrade(id, PRINTING);
    assert_eq!(net.log(id), ["init", "pre", "post"]);
    net.deploy(id, Mode::Reinstall, &canister(PRINTING), b"")
        .unwrap();
    assert_eq!(net.log(id), ["init"]);
}

#[test]
fn a_failed_installation_leaves_its_log() {
    let mut net = Net::new();
    let id = net.canister(PRINTING);
    net.update(id, "print", b"before").unwrap();
    let failing = canister(
        r#"(func (export "canister_init") (call $debug_print @"tried") (call $trap @"failed"))"#,
    );
    net.deploy(id, Mode::Reinstall, &failing, b"").unwrap_err();
    assert_eq!(net.log(id), ["tried", "[TRAP]: failed"]);
    // an upgrade that fails adds to the log
    let failing = canister(r#"(func (export "canister_post_upgrade") (call $trap @"again"))"#);
    net.deploy(id, Mode::Upgrade(None), &failing, b"")
        .unwrap_err();
    assert_eq!(
        net.log(id),
        ["tried", "[TRAP]: failed", "pre", "[TRAP]: again"]
    );
    net.control("uninstall_code", id).unwrap();
    assert_eq!(net.log(id), Vec::<String>::new());
}
