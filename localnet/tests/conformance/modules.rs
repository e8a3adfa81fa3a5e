//! What modules may hold, and what is said of the others.

use crate::net::{Mode, Net, to_u64, words};
use crate::wasm::{canister, raw};
use std::io::Write;

/// Installs the module over what is there and tells what came of it, without the canister's name.
fn try_module(net: &mut Net, id: candid::Principal, module: &[u8]) -> String {
    match net.deploy(id, Mode::Reinstall, module, b"") {
        Ok(_) => "installed".into(),
        Err(reject) => words(Err(reject)).replace(&format!("Error from Canister {id}: "), ""),
    }
}

/// All of these are refused with such words, and the module before them stays.
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
            "5 505: Canister's Wasm module is not valid: Wasm module has an invalid import section. Module imports function 'now' from 'env' that is not exported by the runtime.",
        ),
        (
            r#"(module (import "ic0" "no_such_function" (func)))"#,
            "Module imports function 'no_such_function' from 'ic0' that is not exported by the runtime.",
        ),
        (
            r#"(module (import "ic0" "time" (func (result i32))))"#,
            "Wasm module has an invalid function signature. Expected return type [I64] for 'time', got [I32].",
        ),
        (
            r#"(module (import "ic0" "trap" (func (param i64 i64))))"#,
            "Expected input params [I32, I32] for 'trap', got [I64, I64].",
        ),
        (
            r#"(module (import "ic0" "memory" (memory 1)))"#,
            "unknown import: `ic0::memory` has not been defined",
        ),
    ]);
}

#[test]
fn exports_are_entry_points_of_the_right_shape() {
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
            "Duplicate function 'f' exported multiple times with different call types: update, query, or composite_query.",
        ),
        (
            r#"(module (memory (export "canister_update f") 1))"#,
            "export is not a function",
        ),
    ]);
    // other names are the module's own affair
    let mut net = Net::new();
    let id = net.create();
    let module =
        raw(r#"(module (memory (export "memory") 1) (func (export "helper") (param i32)))"#);
    assert_eq!(try_module(&mut net, id, &module), "installed");
}

#[test]
fn only_deterministic_features_are_taken() {
    refused(&[
        ("(module (memory 1 2 shared))", "threads"),
        (
            "(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))",
            "threads",
        ),
        ("(module (memory 1) (memory 1))", "multiple memories"),
        (
            "(module (func (drop (f32x4.relaxed_min (v128.const i64x2 0 0) (v128.const i64x2 0 0)))))",
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
             (call $reply_u64 (i64x2.extract_lane 1 (i64x2.add (v128.const i64x2 1 2) (v128.const i64x2 3 4)))))
           (func $is_null (param externref) (result i32) (ref.is_null (local.get 0)))
           (func (export "canister_update reference")
             (call $reply_u64 (i64.extend_i32_u (call $is_null (ref.null extern)))))
           (func (export "canister_update sign") (call $reply_u64 (i64.extend8_s (i64.const 255))))
           (func (export "canister_update saturate") (call $reply_u64 (i64.trunc_sat_f64_u (f64.const 1e300))))
           (func (export "canister_update nan") (call $reply_u64 (i64.reinterpret_f64 (f64.div (f64.const 0) (f64.const -0)))))
           (func (export "canister_update tail") (call $reply_u64 (call $tail (i64.const 1000000))))"#,
    );
    for (method, expected) in [
        ("values", 42),
        ("simd", 6),
        ("reference", 1),
        ("sign", u64::MAX),
        ("saturate", u64::MAX),
        // one NaN, whatever the machine makes of it
        ("nan", 0x7ff8_0000_0000_0000),
        ("tail", 7),
    ] {
        assert_eq!(to_u64(net.update(id, method, b"")), expected, "{method}");
    }
}

#[test]
fn numbers_of_things_are_bounded() {
    let methods = |count: usize, length: usize| -> String {
        (0..count)
            .map(|i| format!(r#"(func (export "canister_update {i:0length$}"))"#))
            .collect()
    };
    let module = |inside: String| format!("(module {inside})");
    let mut net = Net::new();
    let id = net.create();
    for inside in [
        // imports do not count
        r#"(import "ic0" "msg_reply" (func))"#.to_string() + &"(func)".repeat(50_000),
        "(global (mut i32) (i32.const 0))".repeat(1_000),
        methods(1_000, 4),
        methods(20, 1_000),
    ] {
        let said = try_module(&mut net, id, &raw(&module(inside)));
        assert_eq!(said, "installed");
        // compiling the largest of them holds up the next
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
fn what_is_no_module_is_told() {
    let mut net = Net::new();
    let id = net.create();
    let unsupported = "5 505: Canister's Wasm module is not valid: Failed to decode wasm module: unsupported canister module format.";
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
    // the eight bytes of an empty module are one
    assert_eq!(try_module(&mut net, id, b"\0asm\x01\0\0\0"), "installed");
}

#[test]
fn a_gzipped_module_is_unpacked_and_hashed_as_it_was_sent() {
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
