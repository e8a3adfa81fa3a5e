//! The texts of rejects: their advice, and the middle that long ones lose.

use crate::net::{Net, u64s};
use crate::wasm::text;
use candid::Principal;

const DOCS: &str = "https://internetcomputer.org/docs/current/references/execution-errors";

const FAILING: &str = r#"
(func (export "canister_update trap") (call $trap @"no"))
(func (export "canister_update unreachable") (unreachable))
(func (export "canister_update mode") (call $accept_message))
(func (export "canister_update toolchain") (call $msg_reply) (call $msg_reply))
(func (export "canister_query trap_in_query") (call $trap @"no"))
(func (export "canister_update long")
  (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 10000))
  (memory.fill (i32.const 75536) (i32.const 0x62) (i32.const 10000))
  (call $trap (i32.const 65536) (i32.const 20000)))
(func (export "canister_update long_reject")
  (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 10000))
  (memory.fill (i32.const 75536) (i32.const 0x62) (i32.const 10000))
  (call $msg_reject (i32.const 65536) (i32.const 20000)))
"#;

/// `call` calls the method that its argument names and replies with the reject. `name` calls a
/// method whose name has as many letters as its argument says.
fn caller(callee: Principal) -> String {
    let name = text(callee.as_slice());
    format!(
        r#"(func (export "canister_update call")
             (call $new @{name} (i32.const 65536) (call $copy_arg)
               @fn($relay_reply) @fn($relay_reject))
             (call $perform))
           (func (export "canister_composite_query ask")
             (call $new @{name} (i32.const 65536) (call $copy_arg)
               @fn($relay_reply) @fn($relay_reject))
             (call $perform))
           (func (export "canister_update name")
             (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 30000))
             (call $call_new @{name} (i32.const 65536) (i32.wrap_i64 (call $arg_u64 (i32.const 0)))
               @fn($relay_reply) (i32.const 0) @fn($relay_reject) (i32.const 0))
             (call $perform))"#
    )
}

fn reply(answer: localnet::replica::Answer) -> String {
    String::from_utf8(answer.expect("a reply")).expect("a text")
}

#[test]
fn users_and_canisters_get_the_same_advice() {
    let mut net = Net::new();
    let id = net.canister(FAILING);
    let handle = "Consider gracefully handling failures from this canister or altering the \
                  canister to handle exceptions. See documentation: ";
    let toolchain = "If you are running this canister in a test environment (e.g., dfx), make sure \
                     the test environment is up to date. Otherwise, this is likely an error with \
                     the compiler/CDK toolchain being used to build the canister. Please report \
                     the error to IC devs on the forum: https://forum.dfinity.org and include which \
                     language/CDK was used to create the canister.";
    let cases = [
        (
            "trap",
            503,
            "Canister called `ic0.trap` with message: 'no'",
            format!("{handle}{DOCS}#trapped-explicitly"),
        ),
        (
            "unreachable",
            502,
            "Canister trapped: unreachable",
            format!("{handle}{DOCS}#trapped"),
        ),
        (
            "mode",
            504,
            "Canister violated contract: \"ic0_accept_message\" cannot be executed in update mode",
            format!(
                "Check the ICP documentation to make sure APIs are being called in the correct \
                 message types. See documentation: \
                 {DOCS}#calling-a-system-api-from-the-wrong-mode"
            ),
        ),
        (
            "toolchain",
            504,
            "Canister violated contract: ic0.msg_reply: the call is already replied.",
            toolchain.to_string(),
        ),
        (
            "missing",
            536,
            "Canister has no update method 'missing'.",
            format!(
                "Check that the method being called is exported by the target canister. See \
                 documentation: {DOCS}#method-not-found"
            ),
        ),
    ];
    let body = caller(id);
    let other = net.canister(&body);
    for (method, code, what, advice) in cases {
        let text = format!("Error from Canister {id}: {what}.\n{advice}");
        let direct = net.update(id, method, b"").unwrap_err();
        assert_eq!((direct.error_code, &direct.message), (code, &text));
        let seen = reply(net.update(other, "call", method));
        assert_eq!(seen, format!("5 IC0{code}: {text}"));
    }
    // a composite query sees no error code
    let seen = reply(net.query(other, "ask", "trap_in_query"));
    assert_eq!(
        seen,
        format!(
            "5 Error from Canister {id}: Canister called `ic0.trap` with message: 'no'.\n\
             {handle}{DOCS}#trapped-explicitly"
        )
    );
}

#[test]
fn a_long_text_loses_its_middle() {
    let mut net = Net::new();
    let id = net.canister(FAILING);
    let body = caller(id);
    let other = net.canister(&body);
    let advice = format!("{DOCS}#trapped-explicitly");
    // users see the first 4096 bytes and the end, with the advice
    let direct = net.update(id, "long", b"").unwrap_err().message;
    assert_eq!(direct.len(), 8_192);
    assert!(direct[..4_096].ends_with("aaa") && direct[4_096..].starts_with("...bbb"));
    assert!(direct.ends_with(&advice));
    // canisters see three quarters of 8 KiB of that, and its end
    let seen = reply(net.update(other, "call", "long"));
    assert_eq!(seen.len(), 2 + 8_192);
    assert!(seen[2 + 6_144..].starts_with("...") && seen.ends_with(&advice));
    // a canister's own reject comes whole to users
    let direct = net.update(id, "long_reject", b"").unwrap_err().message;
    assert_eq!(direct.len(), 20_000);
    let seen = reply(net.update(other, "call", "long_reject"));
    let expected = format!("4 {}...{}", "a".repeat(6_144), "b".repeat(2_045));
    assert_eq!(seen, expected);
}

#[test]
fn a_method_name_at_the_limit_loses_its_middle_too() {
    let mut net = Net::new();
    let id = net.canister(FAILING);
    let body = caller(id);
    let other = net.canister(&body);
    let seen = reply(net.update(other, "name", u64s(&[20_000])));
    assert_eq!(seen.len(), 2 + 8_192);
    let start = format!("5 IC0536: Error from Canister {id}: Canister has no update method 'aaa");
    assert!(seen.starts_with(&start), "{seen}");
    assert!(seen.contains("aaa'..\nCheck that the method"), "{seen}");
    assert!(seen.ends_with("#method-not-found"), "{seen}");
    let refused = net.update(other, "name", u64s(&[20_001])).unwrap_err();
    assert_eq!(
        (refused.error_code, refused.message),
        (
            504,
            format!(
                "Error from Canister {other}: Canister violated contract: Size of method_name \
                 20001 exceeds the allowed limit of 20000..\nSize of method_name {{}} exceeds the \
                 allowed limit of {{}}. See documentation: \
                 {DOCS}#canister-made-a-call-with-too-large-method-name"
            )
        )
    );
}
