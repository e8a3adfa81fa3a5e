//! The modules that a canister may have, and the errors for all others.

use crate::net::{Mode, Net, to_u64, words};
use crate::wasm::{canister, raw};
use ic_management_canister_types::CanisterSettings;
use std::io::Write;

/// Reinstalls a canister with this module and returns the outcome as text, without the canister's
/// id.
fn try_module(net: &mut Net, id: candid::Principal, module: &[u8]) -> String {
    match net.deploy(id, Mode::Reinstall, module, b"") {
        Ok(_) => "installed".into(),
        Err(reject) => words(Err(reject)).replace(&format!("Error from Canister {id}: "), ""),
    }
}

/// Checks that each of these modules is refused with the text beside it, and that the module before
/// stays.
#[track_caller]
fn refused(cases: &[(&str, &str)]) {
    let mut net = Net::new();
    let id = net.canister("");
    let hash = net.info(id).module_hash;
    for (module, expected) in cases {
        let said = try_module(&mut net, id, &raw(module));
        assert!(said.contains(expected), "{module}\n{said}\n{expected}");
        assert!(
            said.starts_with("5 505: ")
                || said.starts_with("5 521: ")
                || said.starts_with("5 504: "),
            "{said}"
        );
        assert_eq!(net.info(id).module_hash, hash, "{module}");
        assert_eq!(net.x(id), 0);
    }
}

#[test]
fn imports_come_from_ic0_with_their_types() {
    refused(&[
        (
            r#"(module (import "env" "now" (func)))"#,
            "5 505: Canister's Wasm module is not valid: \
             Wasm module has an invalid import section. \
             Module imports function 'now' from 'env' that is not exported by the runtime.",
        ),
        (
            r#"(module (import "ic0" "no_such_function" (func)))"#,
            "Module imports function 'no_such_function' from 'ic0' \
             that is not exported by the runtime.",
        ),
        (
            r#"(module (import "ic0" "time" (func (result i32))))"#,
            "Wasm module has an invalid function signature. \
             Expected return type [I64] for 'time', got [I32].",
        ),
        (
            r#"(module (import "ic0" "trap" (func (param i64 i64))))"#,
            "Expected input params [I32, I32] for 'trap', got [I64, I64].",
        ),
        (
            r#"(module (import "ic0" "memory" (memory 1)))"#,
            "5 505: Canister's Wasm module is not valid: Wasm module has an invalid import \
             section. Only memory imported from env.memory is allowed.",
        ),
        (
            r#"(module (import "env" "memory" (memory 1)))"#,
            "5 521: Canister encountered a Wasm engine error: Failed to instantiate module: \
             unknown import: `env::memory` has not been defined",
        ),
        (
            r#"(module (import "ic0" "table" (table 1 funcref)))"#,
            "Only tables imported from env.table are allowed.",
        ),
        (
            r#"(module (import "env" "g" (global i32)))"#,
            "5 505: Canister's Wasm module is not valid: Wasm module has an invalid import \
             section. Importing globals is not allowed.",
        ),
        // what the module says itself comes before what no instance would find
        (
            r#"(module (import "env" "memory" (memory 1)) (import "env" "g" (global i64)))"#,
            "Importing globals is not allowed.",
        ),
    ]);
}

#[test]
fn exported_entry_points_have_the_right_types() {
    refused(&[
        (
            r#"(module (func (export "canister_frobnicate")))"#,
            "canister_frobnicate",
        ),
        (
            r#"(module (func (export "canister_update f") (param i32)))"#,
            "Expected input params [] for 'canister_update f', got [I32].",
        ),
        (
            r#"(module (func (export "canister_query f") (result i32) (i32.const 1)))"#,
            "Expected return type [] for 'canister_query f', got [I32].",
        ),
        (
            r#"(module (func (export "canister_init") (param i32)))"#,
            "Expected input params [] for 'canister_init', got [I32].",
        ),
        (
            r#"(module (func (export "canister_update f")) (func (export "canister_query f")))"#,
            "Duplicate function 'f' exported multiple times with different call types: \
             update, query, or composite_query.",
        ),
        (
            r#"(module (memory (export "canister_update f") 1))"#,
            "export is not a function",
        ),
    ]);
    // a module may export anything under other names
    let mut net = Net::new();
    let id = net.create();
    let module =
        raw(r#"(module (memory (export "memory") 1) (func (export "helper") (param i32)))"#);
    assert_eq!(try_module(&mut net, id, &module), "installed");
}

#[test]
fn only_deterministic_features_are_accepted() {
    refused(&[
        ("(module (memory 1 2 shared))", "threads"),
        (
            "(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))",
            "threads",
        ),
        ("(module (memory 1) (memory 1))", "multiple memories"),
        (
            "(module (func
               (drop (f32x4.relaxed_min (v128.const i64x2 0 0) (v128.const i64x2 0 0)))))",
            "relaxed SIMD",
        ),
        ("(module (tag $e) (func (throw $e)))", "exceptions"),
        ("(module (type (struct (field i32))))", "gc"),
        (
            "(module (table 1 funcref) (func (drop (table.grow (ref.null func) (i32.const 1)))))",
            "table.grow",
        ),
    ]);
    let mut net = Net::new();
    let id = net.canister(
        r#"(func $two (result i64 i64) (i64.const 30) (i64.const 12))
           (func $tail (param i64) (result i64)
             (if (result i64) (i64.eqz (local.get 0)) (then (i64.const 7))
               (else (return_call $tail (i64.sub (local.get 0) (i64.const 1))))))
           (func (export "canister_update values") (call $two) (i64.add) (call $reply_u64))
           (func (export "canister_update simd")
             (call $reply_u64 (i64x2.extract_lane 1
               (i64x2.add (v128.const i64x2 1 2) (v128.const i64x2 3 4)))))
           (func $is_null (param externref) (result i32) (ref.is_null (local.get 0)))
           (func (export "canister_update reference")
             (call $reply_u64 (i64.extend_i32_u (call $is_null (ref.null extern)))))
           (func (export "canister_update sign") (call $reply_u64 (i64.extend8_s (i64.const 255))))
           (func (export "canister_update saturate")
             (call $reply_u64 (i64.trunc_sat_f64_u (f64.const 1e300))))
           (func (export "canister_update nan")
             (call $reply_u64 (i64.reinterpret_f64 (f64.div (f64.const 0) (f64.const -0)))))
           (func (export "canister_update tail")
             (call $reply_u64 (call $tail (i64.const 1000000))))"#,
    );
    for (method, expected) in [
        ("values", 42),
        ("simd", 6),
        ("reference", 1),
        ("sign", u64::MAX),
        ("saturate", u64::MAX),
        // the canonical NaN, whatever NaN the machine computes
        ("nan", 0x7ff8_0000_0000_0000),
        ("tail", 7),
    ] {
        assert_eq!(to_u64(net.update(id, method, b"")), expected, "{method}");
    }
}

#[test]
fn the_numbers_of_functions_globals_and_methods_are_limited() {
    let methods = |count: usize, length: usize| -> String {
        (0..count)
            .map(|i| format!(r#"(func (export "canister_update {i:0length$}"))"#))
            .collect()
    };
    let module = |inside: String| format!("(module {inside})");
    let mut net = Net::new();
    let id = net.create();
    for inside in [
        // imported functions don't count
        r#"(import "ic0" "msg_reply" (func))"#.to_string() + &"(func)".repeat(50_000),
        "(global (mut i32) (i32.const 0))".repeat(1_000),
        methods(1_000, 4),
        methods(20, 1_000),
    ] {
        let said = try_module(&mut net, id, &raw(&module(inside)));
        assert_eq!(said, "installed");
        // compiling the largest of them delays the next installation
        net.rounds(5);
    }
    refused(&[
        (
            &module("(func)".repeat(50_001)),
            "Wasm module defined 50001 functions which exceeds the maximum number allowed 50000.",
        ),
        (
            &module("(global (mut i32) (i32.const 0))".repeat(1_001)),
            "Wasm module defined 1001 globals which exceeds the maximum number allowed 1000.",
        ),
        (&module(methods(1_001, 4)), "is 1001 which exceeds 1000."),
        (
            &module(methods(21, 1_000)),
            "is 21000 which exceeds the allowed limit of 20000.",
        ),
    ]);
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    let mut net = Net::new();
    let id = net.create();
    let unsupported = "5 505: Canister's Wasm module is not valid: \
        Failed to decode wasm module: unsupported canister module format.";
    for bytes in [&b"hello"[..], b"", b"\x1f\x8b", b"\0as"] {
        assert_eq!(try_module(&mut net, id, bytes), unsupported);
    }
    let cut = &canister("")[..500];
    let said = try_module(&mut net, id, cut);
    assert!(
        said.starts_with("5 505: Canister's Wasm module is not valid: "),
        "{said}"
    );
    let said = try_module(
        &mut net,
        id,
        &raw("(module (memory 1) (data (i32.const 65530) \"too long\"))"),
    );
    assert!(
        said.starts_with("5 505: ") && said.contains("data segment"),
        "{said}"
    );
    assert_eq!(net.info(id).module_hash, None);
    // the eight bytes of an empty module are a module
    assert_eq!(try_module(&mut net, id, b"\0asm\x01\0\0\0"), "installed");
}

#[test]
fn a_gzipped_module_is_hashed_before_it_is_unpacked() {
    use sha2::Digest;
    let mut net = Net::new();
    let id = net.create();
    let plain = canister(r#"(func (export "canister_update f") (call $reply_bytes @"unpacked"))"#);
    let mut packer = flate2::write::GzEncoder::new(vec![], flate2::Compression::best());
    packer.write_all(&plain).unwrap();
    let packed = packer.finish().unwrap();
    assert_eq!(try_module(&mut net, id, &packed), "installed");
    assert_eq!(net.say(id, "f"), "unpacked");
    let hash = sha2::Sha256::digest(&packed).to_vec();
    assert_eq!(net.info(id).module_hash, Some(hash));
    let broken = [&packed[..packed.len() / 2], &[0; 50]].concat();
    assert!(try_module(&mut net, id, &broken).starts_with("5 505: "));
    assert_eq!(net.say(id, "f"), "unpacked");
}

#[test]
fn the_size_of_tables_is_limited() {
    let mut net = Net::new();
    let id = net.canister("");
    net.deploy(
        id,
        Mode::Reinstall,
        &raw("(module (table 600000 funcref))"),
        b"",
    )
    .unwrap_or_else(|e| panic!("{e:?}"));
    refused(&[(
        "(module (table 10000000 funcref))",
        "Failed to instantiate module: \
         table minimum size of 10000000 elements exceeds table limits",
    )]);
}

/// With a 64-bit memory, all sizes and addresses of the System API have 64 bits, those of callbacks
/// too.
const WIDE: &str = r#"(module
  (import "ic0" "msg_arg_data_size" (func $arg_size (result i64)))
  (import "ic0" "msg_arg_data_copy" (func $arg_copy (param i64 i64 i64)))
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i64 i64)))
  (import "ic0" "canister_self_size" (func $self_size (result i64)))
  (import "ic0" "canister_self_copy" (func $self_copy (param i64 i64 i64)))
  (import "ic0" "call_new" (func $call_new (param i64 i64 i64 i64 i64 i64 i64 i64)))
  (import "ic0" "call_data_append" (func $call_append (param i64 i64)))
  (import "ic0" "call_perform" (func $call_perform (result i32)))
  (import "ic0" "stable64_read" (func $stable_read (param i64 i64 i64)))
  (memory i64 1)
  (table 1 funcref)
  (elem (i32.const 0) $called)
  (data (offset (i64.sub (i64.const 20) (i64.const 4))) "echo")
  (func $answer (param i64 i64) (call $append (local.get 0) (local.get 1)) (call $reply))
  (func $called (param i64)
    (i64.store (i64.const 512) (local.get 0))
    (call $arg_copy (i64.const 520) (i64.const 0) (call $arg_size))
    (call $answer (i64.const 512) (i64.add (i64.const 8) (call $arg_size))))
  (func (export "canister_update echo")
    (call $arg_copy (i64.const 1024) (i64.const 0) (call $arg_size))
    (call $answer (i64.const 1024) (call $arg_size)))
  (func (export "canister_update call")
    (call $self_copy (i64.const 64) (i64.const 0) (call $self_size))
    (call $call_new (i64.const 64) (call $self_size) (i64.const 16) (i64.const 4)
      (i64.const 0) (i64.const 0x1234567890) (i64.const 0) (i64.const 0))
    (call $call_append (i64.const 16) (i64.const 4))
    (drop (call $call_perform)))
  (func (export "canister_update fill")
    (memory.fill (i64.const 2048) (i32.const 7) (i64.const 1000))
    (memory.copy (i64.const 4096) (i64.const 2048) (i64.const 1000))
    (i64.store (i64.const 0) (memory.grow (i64.const 1)))
    (call $answer (i64.const 0) (i64.const 8)))
  (func (export "canister_query filled") (call $answer (i64.const 5090) (i64.const 8)))
  (func (export "canister_update beyond") (call $answer (i64.const -8) (i64.const 16)))
  (func (export "canister_update stable")
    (call $stable_read (i64.const 0) (i64.const 0) (i64.const -1)))
  (func (export "canister_update huge") (call $answer (i64.const 0) (i64.const -1))))"#;

#[test]
fn a_module_may_have_a_64_bit_memory() {
    let mut net = Net::new();
    let id = net.canister("");
    net.deploy(id, Mode::Reinstall, &raw(WIDE), b"")
        .unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(net.update(id, "echo", b"hello").unwrap(), b"hello");
    let mut called = 0x12_3456_7890_u64.to_le_bytes().to_vec();
    called.extend(b"echo");
    assert_eq!(net.update(id, "call", b"").unwrap(), called);
    assert_eq!(to_u64(net.update(id, "fill", b"")), 1);
    assert_eq!(
        net.query(id, "filled", b"").unwrap(),
        [7, 7, 7, 7, 7, 7, 0, 0]
    );
    for (method, expected) in [
        ("beyond", "exceeds the slice size"),
        ("huge", "exceeded the limit of 40000000000 instructions"),
        ("stable", "exceeded the limit of 40000000000 instructions"),
    ] {
        let said = format!("{:?}", net.update(id, method, b""));
        assert!(said.contains(expected), "{method}: {said}");
    }
    // the heap is unchanged, and an upgrade empties it
    assert_eq!(
        net.query(id, "filled", b"").unwrap(),
        [7, 7, 7, 7, 7, 7, 0, 0]
    );
    net.deploy(id, Mode::Upgrade(None), &raw(WIDE), b"")
        .unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(net.query(id, "filled", b"").unwrap(), [0; 8]);
    refused(&[
        (
            r#"(module
                 (import "ic0" "msg_reply_data_append" (func (param i32 i32))) (memory i64 1))"#,
            "Expected input params [I64, I64] for 'msg_reply_data_append', got [I32, I32]",
        ),
        (
            r#"(module (memory i64 1) (data (i64.const 65530) "0123456789"))"#,
            "invalid data segment of 10 bytes at 65530",
        ),
        (
            "(module (table i64 1 funcref))",
            "tables with indexes of 64 bits",
        ),
    ]);
    let large = raw("(module (memory i64 100000))");
    let said = try_module(&mut net, id, &large);
    assert!(said.contains("memory limit of 3221225472 bytes"), "{said}");
    // the platform's limit on the heap holds even if the settings allow more
    net.settings(
        id,
        CanisterSettings {
            wasm_memory_limit: Some((1u64 << 40).into()),
            ..Default::default()
        },
    );
    let said = try_module(&mut net, id, &large);
    assert!(said.contains("6442450944"), "{said}");
}
