//! Builds test canisters from a few lines of WAT. It adds the imports, a table, and functions that
//! most canisters need.
//!
//! A body may hold two marks beyond plain WAT. `@"text"` stands for the address and the length of
//! these bytes, with WAT's escapes. `@fn($name)` stands for a function's index in the table, which
//! is how the System API names callbacks.

/// The functions that a module may call, with their types in WAT.
const IMPORTS: &[(&str, &str)] = &[
    ("accept_message", ""),
    ("call_cycles_add128", "(param i64 i64)"),
    ("call_data_append", "(param i32 i32)"),
    ("call_new", "(param i32 i32 i32 i32 i32 i32 i32 i32)"),
    ("call_on_cleanup", "(param i32 i32)"),
    ("call_perform", "(result i32)"),
    ("call_with_best_effort_response", "(param i32)"),
    ("canister_cycle_balance128", "(param i32)"),
    ("canister_liquid_cycle_balance128", "(param i32)"),
    ("canister_self_copy", "(param i32 i32 i32)"),
    ("canister_self_size", "(result i32)"),
    ("canister_status", "(result i32)"),
    ("canister_version", "(result i64)"),
    ("certified_data_set", "(param i32 i32)"),
    ("cost_call", "(param i64 i64 i32)"),
    ("data_certificate_copy", "(param i32 i32 i32)"),
    ("data_certificate_present", "(result i32)"),
    ("data_certificate_size", "(result i32)"),
    ("debug_print", "(param i32 i32)"),
    ("global_timer_set", "(param i64) (result i64)"),
    ("in_replicated_execution", "(result i32)"),
    ("is_controller", "(param i32 i32) (result i32)"),
    ("msg_arg_data_copy", "(param i32 i32 i32)"),
    ("msg_arg_data_size", "(result i32)"),
    ("msg_caller_copy", "(param i32 i32 i32)"),
    ("msg_caller_size", "(result i32)"),
    ("msg_cycles_accept128", "(param i64 i64 i32)"),
    ("msg_cycles_available128", "(param i32)"),
    ("msg_cycles_refunded128", "(param i32)"),
    ("msg_deadline", "(result i64)"),
    ("msg_method_name_copy", "(param i32 i32 i32)"),
    ("msg_method_name_size", "(result i32)"),
    ("msg_reject", "(param i32 i32)"),
    ("msg_reject_code", "(result i32)"),
    ("msg_reject_msg_copy", "(param i32 i32 i32)"),
    ("msg_reject_msg_size", "(result i32)"),
    ("msg_reply", ""),
    ("msg_reply_data_append", "(param i32 i32)"),
    ("performance_counter", "(param i32) (result i64)"),
    ("stable_grow", "(param i32) (result i32)"),
    ("stable_read", "(param i32 i32 i32)"),
    ("stable_size", "(result i32)"),
    ("stable_write", "(param i32 i32 i32)"),
    ("stable64_grow", "(param i64) (result i64)"),
    ("stable64_read", "(param i64 i64 i64)"),
    ("stable64_size", "(result i64)"),
    ("stable64_write", "(param i64 i64 i64)"),
    ("time", "(result i64)"),
    ("trap", "(param i32 i32)"),
];

/// The address of the first text. Functions use the bytes below to pass values on.
const TEXTS: usize = 4096;

/// Helpers of all test canisters. `$x` is a global for any use; `$note` keeps a trace in the heap.
const HELPERS: &str = r#"
(global $x (mut i64) (i64.const 0))
(global $trace (mut i32) (i32.const 131072))
(func $note (param $at i32) (param $size i32)
  (memory.copy (global.get $trace) (local.get $at) (local.get $size))
  (global.set $trace (i32.add (global.get $trace) (local.get $size))))
(func $reply_bytes (param $at i32) (param $size i32)
  (call $msg_reply_data_append (local.get $at) (local.get $size))
  (call $msg_reply))
(func $reply_u64 (param $n i64)
  (i64.store (i32.const 0) (local.get $n))
  (call $reply_bytes (i32.const 0) (i32.const 8)))
(func $arg_u64 (param $index i32) (result i64)
  (call $msg_arg_data_copy (i32.const 0) (i32.mul (local.get $index) (i32.const 8)) (i32.const 8))
  (i64.load (i32.const 0)))
(func $new (param i32 i32 i32 i32) (param $on_reply i32) (param $on_reject i32)
  (call $call_new (local.get 0) (local.get 1) (local.get 2) (local.get 3)
    (local.get $on_reply) (i32.const 0) (local.get $on_reject) (i32.const 0)))
(func $perform
  (if (i32.ne (call $call_perform) (i32.const 0)) (then (call $trap @"not sent"))))
(func $self_call (param i32 i32) (param $on_reply i32) (param $on_reject i32)
  (call $canister_self_copy (i32.const 64) (i32.const 0) (i32.const 10))
  (call $new (i32.const 64) (i32.const 10) (local.get 0) (local.get 1)
    (local.get $on_reply) (local.get $on_reject)))
(func $nothing (param i32))
(func $copy_arg (result i32)
  (call $msg_arg_data_copy (i32.const 65536) (i32.const 0) (call $msg_arg_data_size))
  (call $msg_arg_data_size))
(func $relay_reply (param i32)
  (call $reply_bytes (i32.const 65536) (call $copy_arg)))
(func $relay_reject (param i32)
  (i32.store8 (i32.const 65536) (i32.add (call $msg_reject_code) (i32.const 48)))
  (i32.store8 (i32.const 65537) (i32.const 32))
  (call $msg_reject_msg_copy (i32.const 65538) (i32.const 0) (call $msg_reject_msg_size))
  (call $reply_bytes (i32.const 65536) (i32.add (call $msg_reject_msg_size) (i32.const 2))))
(func (export "canister_query trace")
  (call $reply_bytes (i32.const 131072) (i32.sub (global.get $trace) (i32.const 131072))))
(func (export "canister_query x") (call $reply_u64 (global.get $x)))
"#;

/// The module of a canister with this body, imports and helpers included. Its heap has 4 pages.
pub fn canister(body: &str) -> Vec<u8> {
    canister_with_memory("4", body)
}

/// Like [`canister`], with other limits of the heap, in pages.
pub fn canister_with_memory(pages: &str, body: &str) -> Vec<u8> {
    let mut module = String::from("(module\n");
    for (name, ty) in IMPORTS {
        module.push_str(&format!(
            "(import \"ic0\" \"{name}\" (func ${name} {ty}))\n"
        ));
    }
    module.push_str(&format!("(memory {pages})\n"));
    let (body, texts, functions) = resolve(&format!("{HELPERS}\n{body}"));
    module.push_str(&format!(
        "(table {} funcref)\n\
         (elem (i32.const 0) func {})\n\
         (data (i32.const {TEXTS}) \"{texts}\")\n",
        functions.len(),
        functions.join(" ")
    ));
    module.push_str(&body);
    module.push(')');
    raw(&module)
}

/// A module from WAT that is complete in itself.
pub fn raw(module: &str) -> Vec<u8> {
    wat::parse_str(module).unwrap_or_else(|e| panic!("{e}\n{module}"))
}

/// Bytes as a string of WAT, quotes included.
pub fn text(bytes: &[u8]) -> String {
    let escaped: String = bytes.iter().map(|b| format!("\\{b:02x}")).collect();
    format!("\"{escaped}\"")
}

/// Replaces the marks. Returns the body, the bytes of the texts, and the functions of the table.
fn resolve(body: &str) -> (String, String, Vec<String>) {
    let (mut out, mut texts, mut functions) = (String::new(), String::new(), vec![]);
    let mut used = 0;
    let mut rest = body;
    while let Some(at) = rest.find('@') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('"') {
            let end = tail.find('"').expect("a text ends");
            let size = length(&tail[..end]);
            out.push_str(&format!("(i32.const {}) (i32.const {size})", TEXTS + used));
            used += size;
            texts.push_str(&tail[..end]);
            rest = &tail[end + 1..];
        } else {
            let tail = rest
                .strip_prefix("fn(")
                .expect("@ begins a text or a function");
            let end = tail.find(')').expect("a name ends");
            let name = tail[..end].to_string();
            let index = functions.iter().position(|f| *f == name);
            let index = index.unwrap_or_else(|| {
                functions.push(name);
                functions.len() - 1
            });
            out.push_str(&format!("(i32.const {index})"));
            rest = &tail[end + 1..];
        }
    }
    out.push_str(rest);
    (out, texts, functions)
}

/// The number of bytes of a text. Its only escapes are `\` and two hexadecimal digits.
fn length(text: &str) -> usize {
    text.len() - 2 * text.matches('\\').count()
}
