//! Limits on the size of messages, replies and names.

use crate::net::{Mode, Net, me, to_u64, u64s, words};
use crate::wasm::{canister_with_memory, text};
use candid::Principal;

const MIB: u64 = 1 << 20;

/// `size` replies with the length of its argument. `make` replies with as many bytes as its
/// argument says, and `refuse` rejects with as many.
const PLAIN: &str = r#"
(func (export "canister_update size")
  (call $reply_u64 (i64.extend_i32_u (call $msg_arg_data_size))))
(func $make (call $reply_bytes (i32.const 65536) (i32.wrap_i64 (call $arg_u64 (i32.const 0)))))
(func (export "canister_update make") (call $make))
(func (export "canister_query make_in_query") (call $make))
(func (export "canister_update refuse")
  (local $n i32) (local.set $n (i32.wrap_i64 (call $arg_u64 (i32.const 0))))
  (memory.fill (i32.const 65536) (i32.const 0x61) (local.get $n))
  (call $msg_reject (i32.const 65536) (local.get $n)))
"#;

fn large(net: &mut Net, body: &str) -> Principal {
    let id = net.create();
    net.deploy(id, Mode::Install, &canister_with_memory("200", body), b"")
        .unwrap();
    id
}

/// `call` passes its argument on to a method and replies with the length of the reply. `send` sends
/// as many bytes as its argument says.
fn caller(callee: Principal, method: &str) -> String {
    let name = text(callee.as_slice());
    format!(
        r#"(func (export "canister_update call")
             (call $new @{name} @"{method}" @fn($measure) @fn($relay_reject))
             (call $call_data_append (i32.const 65536) (call $copy_arg)) (call $perform))
           (func $measure (param i32)
             (call $reply_u64 (i64.extend_i32_u (call $msg_arg_data_size))))
           (func (export "canister_update send")
             (call $new @{name} @"{method}" @fn($relay_reply) @fn($relay_reject))
             (call $call_data_append (i32.const 65536) (i32.wrap_i64 (call $arg_u64 (i32.const 0))))
             (call $perform))
           (func (export "canister_update send_in_pieces") (local $i i32)
             (call $new @{name} @"{method}" @fn($relay_reply) @fn($relay_reject))
             (loop $more
               (call $call_data_append (i32.const 65536) (i32.const 1048576))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $more (i32.lt_u (local.get $i) (i32.const 10))))
             (call $perform))"#
    )
}

#[test]
fn an_ingress_message_has_at_most_2_mib_in_all() {
    let mut net = Net::new();
    let id = large(&mut net, PLAIN);
    // 124 bytes for a call of `nop`, 1 for the longer name, 4 for the length, 32 for the request id
    let most = 2 * MIB as usize - (124 + 1 + 4 + 32);
    assert_eq!(to_u64(net.update(id, "size", vec![0; most])), most as u64);
    let before = net.balance(id);
    let refused = net
        .submit_as(me(), id, "size", vec![0; most + 1])
        .unwrap_err();
    assert!(
        refused.message.ends_with(
            "is too large. Message byte size 2097153 is larger than the max allowed 2097152."
        ),
        "{}",
        refused.message
    );
    assert_eq!(net.balance(id), before);
}

#[test]
fn a_reply_to_users_and_canisters_has_at_most_2_mib() {
    let mut net = Net::new();
    let id = large(&mut net, PLAIN);
    let reply = net.update(id, "make", u64s(&[2 * MIB])).unwrap();
    assert_eq!(reply.len() as u64, 2 * MIB);
    let said = words(net.update(id, "make", u64s(&[2 * MIB + 1])));
    assert!(
        said.starts_with("5 504") && said.contains("2097153"),
        "{said}"
    );

    let body = caller(id, "make");
    let other = large(&mut net, &body);
    assert_eq!(to_u64(net.update(other, "call", u64s(&[2 * MIB]))), 2 * MIB);
    let said = words(net.update(other, "call", u64s(&[2 * MIB + 1])));
    assert!(said.starts_with("5 IC0504: "), "{said}");
}

#[test]
fn a_query_reply_has_at_most_3_mib() {
    let mut net = Net::new();
    let id = large(&mut net, PLAIN);
    let reply = net.query(id, "make_in_query", u64s(&[3 * MIB])).unwrap();
    assert_eq!(reply.len() as u64, 3 * MIB);
    let said = words(net.query(id, "make_in_query", u64s(&[3 * MIB + 1])));
    assert!(
        said.starts_with("5 504") && said.contains("3145729"),
        "{said}"
    );
    // a query method that is called as an update has the limit of updates
    let said = words(net.update(id, "make_in_query", u64s(&[2 * MIB + 1])));
    assert!(
        said.starts_with("5 504") && said.contains("2097153"),
        "{said}"
    );
}

#[test]
fn a_request_has_at_most_10_mib_with_its_method_name() {
    let mut net = Net::new();
    let callee = large(&mut net, PLAIN);
    let body = caller(callee, "size");
    let id = large(&mut net, &body);
    let most = 10 * MIB - 4;
    assert_eq!(to_u64(net.update(id, "send", u64s(&[most]))), most);
    let said = words(net.update(id, "send", u64s(&[most + 1])));
    assert!(
        said.starts_with("5 504") && said.contains("exceeds the allowed limit of 10485760"),
        "{said}"
    );
    // the limit is on the sum: ten pieces of 1 MiB and the name are four bytes too many
    let said = net.say(id, "send_in_pieces");
    assert!(
        said.starts_with("5 504") && said.contains("10485764"),
        "{said}"
    );
}

#[test]
fn a_canister_sees_at_most_8_kib_of_a_reject_message() {
    let mut net = Net::new();
    let callee = large(&mut net, PLAIN);
    let body = caller(callee, "refuse");
    let id = large(&mut net, &body);
    for (sent, seen) in [(100, 100), (8_192, 8_192), (8_193, 8_192), (100_000, 8_192)] {
        let said = words(net.update(id, "call", u64s(&[sent])));
        assert_eq!(said.len(), "4 ".len() + seen, "{sent}");
    }
}

#[test]
fn a_method_name_has_at_most_20_000_bytes() {
    let mut net = Net::new();
    let id = net.canister(
        r#"(func (export "canister_update call")
             (call $canister_self_copy (i32.const 64) (i32.const 0) (i32.const 10))
             (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 30000))
             (call $new (i32.const 64) (i32.const 10)
               (i32.const 65536) (i32.wrap_i64 (call $arg_u64 (i32.const 0)))
               @fn($relay_reply) @fn($relay_reject))
             (call $perform))"#,
    );
    let said = words(net.update(id, "call", u64s(&[20_000])));
    assert!(said.starts_with("5 IC0536: "), "{said}");
    let said = words(net.update(id, "call", u64s(&[20_001])));
    assert!(said.starts_with("5 504"), "{said}");
}
